"""Figures and thresholds: what a confidence is worth, and that a band is left empty rather than unsafe."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.domain.stance import Stance

pytest.importorskip("onnxruntime")

from monitor.lab import calibrate, measures
from monitor.lab.calibrate import Demand, Guesses


def test_f1_counts_hits_of_both_sides() -> None:
    guess, truth = np.array([0, 0, 1, 3]), np.array([0, 1, 1, 3])
    assert measures.f1_scores(guess, truth) == pytest.approx([2 / 3, 2 / 3, 0.0, 1.0])
    assert measures.macro_f1(guess, truth) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_recall_at_precision_takes_ties_together() -> None:
    scores = np.array([0.9, 0.8, 0.8, 0.1])
    positive = np.array([True, True, False, True])
    assert measures.recall_at_precision(scores, positive, precision=0.95) == pytest.approx(1 / 3)
    assert measures.recall_at_precision(scores, positive, precision=0.6) == pytest.approx(1.0)
    assert measures.recall_at_precision(scores, np.zeros(4, bool), precision=0.9) == 0.0


def test_swaps_are_counted_both_ways() -> None:
    assert measures.polarity_swaps(np.array([0, 1, 2, 1]), np.array([1, 0, 1, 1])) == 2


def test_temperature_tames_an_overconfident_judge() -> None:
    chance = np.random.default_rng(1)
    truth = chance.integers(4, size=3000)
    honest = np.log(np.full((3000, 4), 0.1)) + np.log(7) * np.eye(4)[truth]
    wrong = chance.random(3000) < 0.3
    honest[wrong] = np.roll(honest[wrong], 1, axis=1)
    assert measures.fit_temperature(honest * 3, truth) == pytest.approx(3.0, rel=0.15)


def test_the_bootstrap_interval_holds_the_figure() -> None:
    right = np.array([True] * 60 + [False] * 40)
    low, high = measures.bootstrap_interval(lambda i: float(right[i].mean()), [str(n) for n in range(100)])
    assert 0.45 < low < 0.6 < high < 0.75


def test_calibration_error_is_the_gap_of_confidence_and_accuracy() -> None:
    assert measures.expected_calibration_error(np.full(10, 0.9), np.array([True] * 5 + [False] * 5)) == pytest.approx(
        0.4
    )


def test_claims_alone_tell_the_label_when_their_words_leak_it() -> None:
    claims = ["water is high", "trains are late"] * 10
    guess = measures.claim_only_guess(claims, np.array([0, 1] * 10), ["high water", "late trains"])
    assert guess.tolist() == [0, 1]


def guesses(right_from: float, *, count: int = 400) -> Guesses:
    confidence = np.linspace(0.4, 0.99, count)
    return Guesses(confidence, confidence >= right_from, np.arange(count) % calibrate.FOLDS)


def test_the_threshold_is_the_lowest_that_is_precise_enough() -> None:
    limit = calibrate.fit_limit(guesses(0.7), Demand(0.95, 20))
    assert limit is not None
    assert 0.66 < limit.confidence <= 0.71
    assert limit.precision >= 0.95
    assert limit.held_out_precision >= 0.95


def test_no_threshold_where_too_few_pairs_lie_above_it() -> None:
    assert calibrate.fit_limit(guesses(0.98), Demand(0.95, 20)) is None


def test_no_threshold_where_confidence_says_nothing() -> None:
    chance = np.random.default_rng(2)
    noise = Guesses(chance.random(400), chance.random(400) < 0.6, np.arange(400) % calibrate.FOLDS)
    assert calibrate.fit_limit(noise, Demand(0.95, 20)) is None


def test_a_stance_without_safe_threshold_is_left_out_of_the_band() -> None:
    chance = np.random.default_rng(3)
    truth = np.array([0] * 200 + [1] * 200)
    probabilities = np.zeros((400, 4))
    probabilities[:200] = [0.97, 0.01, 0.01, 0.01]
    probabilities[200:] = [0.01, 0.97, 0.01, 0.01]
    truth[200:] = chance.choice([1, 3], 200)
    limits = calibrate.fit_bands(probabilities, truth, np.arange(400) % calibrate.FOLDS)
    assert ("alert", Stance.SUPPORTS) in limits
    assert ("alert", Stance.CONTRADICTS) not in limits


def test_a_story_is_in_one_fold_and_folds_are_even() -> None:
    stories = ["big"] * 40 + [f"s{n}" for n in range(40) for _ in range(3)]
    folds = calibrate.folds_of(stories)
    assert len(set(folds[:40].tolist())) == 1
    assert np.bincount(folds).min() >= 27
