"""Figures that tell how good judgements are: F1, recall at a precision, swaps, temperature, baselines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.domain.stance import Stance
from monitor.domain.texts import words

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]
STANCES = tuple(Stance)
S, C, U, N = range(4)
RESAMPLES = 1000


def f1_scores(guess: Integers, truth: Integers, *, classes: int = 4) -> list[float]:
    """F1 of each class; 0 for a class that neither occurs nor is guessed."""
    scores = []
    for number in range(classes):
        hits = int(((guess == number) & (truth == number)).sum())
        total = int((guess == number).sum() + (truth == number).sum())
        scores.append(2 * hits / total if total else 0.0)
    return scores


def macro_f1(guess: Integers, truth: Integers, *, classes: int = 4) -> float:
    """Mean F1 over the classes that occur in `truth`."""
    scores = f1_scores(guess, truth, classes=classes)
    present = [score for number, score in enumerate(scores) if (truth == number).any()]
    return float(np.mean(present)) if present else 0.0


def recall_at_precision(scores: Floats, positive: NDArray[np.bool_], *, precision: float) -> float:
    """Give the highest recall that some threshold on `scores` reaches with at least this precision; 0 if none does."""
    if not positive.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    good = (hits / np.arange(1, len(order) + 1) >= precision) & last_of_ties
    return float(hits[good].max() / positive.sum()) if good.any() else 0.0


def bootstrap_interval(
    figure: Callable[[Integers], float], groups: Sequence[str], *, seed: int = 0
) -> tuple[float, float]:
    """Give the central 95 % of `figure(indices)` over resamples of whole groups (stories)."""
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    names = list(members)
    chance = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLES):
        drawn = chance.integers(len(names), size=len(names))
        values.append(figure(np.array([i for name in drawn for i in members[names[name]]], np.int64)))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def polarity_swaps(guess: Integers, truth: Integers) -> int:
    """Count supports taken for contradictions and the reverse."""
    return int((((guess == S) & (truth == C)) | ((guess == C) & (truth == S))).sum())


def fit_temperature(logits: Floats, truth: Integers) -> float:
    """Find the temperature, 0.25 to 8, that makes the true stances likeliest when logits are divided by it."""
    candidates = np.exp(np.linspace(math.log(0.25), math.log(8), 401))
    return float(candidates[int(np.argmin([negative_log_likelihood(logits / t, truth) for t in candidates]))])


def negative_log_likelihood(logits: Floats, truth: Integers) -> float:
    """Mean of -log P(true stance)."""
    shifted = logits - logits.max(1, keepdims=True)
    normaliser = np.log(np.exp(shifted).sum(1))
    return float((normaliser - shifted[np.arange(len(truth)), truth]).mean())


def expected_calibration_error(confidence: Floats, correct: NDArray[np.bool_], *, bins: int = 10) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by their sizes."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[place == b].mean() - correct[place == b].mean()) * (place == b).sum() for b in set(place)]
    return float(sum(gaps) / len(confidence))


def claim_only_guess(claims: Sequence[str], labels: Integers, asked: Sequence[str]) -> Integers:
    """Guess stances from the claims' words alone, by naive Bayes: what the report-blind reader would score."""
    counts = [Counter[str]() for _ in STANCES]
    for claim, label in zip(claims, labels, strict=True):
        counts[int(label)].update(words(claim))
    vocabulary = len(set().union(*counts))
    totals = [sum(count.values()) + vocabulary for count in counts]
    prior = np.log(np.bincount(labels, minlength=len(STANCES)) + 1)

    def scores(claim: str) -> Floats:
        likelihood = [
            sum(math.log((count[word] + 1) / total) for word in words(claim))
            for count, total in zip(counts, totals, strict=True)
        ]
        return np.asarray(prior + np.array(likelihood))

    return np.array([int(scores(claim).argmax()) for claim in asked], np.int64)
