"""Fit what a judge's confidence means: one temperature, and the lowest confidence for each band and stance."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.adapters.models.card import WEIGHTS, Card, write_card
from monitor.adapters.models.stance_model import ENGLISH, OnnxJudge, softmax
from monitor.domain.stance import Stance
from monitor.lab import measures
from monitor.lab.evaluate import as_pair, true_stances
from monitor.lab.measures import Integers
from monitor.lab.rows import Row, read_real_pairs, read_story_file

FOLDS = 5
STEPS = np.round(np.arange(0.30, 0.996, 0.005), 3)
WATCHED = (Stance.SUPPORTS, Stance.CONTRADICTS, Stance.UPDATES)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a band asks of a stance: this precision, on held-out stories too, among at least `least` pairs above.

    `margin` is added to the threshold: a confidence moves by about that much between exports and machines.
    """

    precision: float
    least: int
    margin: float = 0.0


DEMANDS: Mapping[str, Demand] = {"alert": Demand(0.95, 15, margin=0.03), "review": Demand(0.6, 10)}


@dataclass(frozen=True, slots=True)
class Guesses:
    """Calibrated guesses of one stance: their confidence, whether they are right, and their story's fold."""

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    fold: Integers


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold with what was seen above it: pairs and precision in all, and on stories held out of its fitting."""

    confidence: float
    pairs: int
    precision: float
    held_out_pairs: int
    held_out_precision: float


def calibrate(
    name: str, *, data: Path = Path("../shared/data"), weights: Path = WEIGHTS, report: Callable[[str], None] = print
) -> Card:
    """Fit the card of the judge `name` ("english" or "multilingual") on the development pairs it serves; write it.

    The English judge is fitted on English reports, the other on all others. The pairs come from
    `claims/gold_dev.jsonl` and `claims/gold_real_dev.jsonl` under `data`.
    """
    folder = weights / f"judge-{name}"
    judge = OnnxJudge.open(folder)
    rows = [row for row in development_rows(data) if (row.language == ENGLISH) == (name == "english")]
    logits, truth = judge.logits([as_pair(row) for row in rows]), true_stances(rows)
    temperature = measures.fit_temperature(logits, truth)
    before, after = (measures.negative_log_likelihood(logits / t, truth) for t in (1.0, temperature))
    report(f"{name}: {len(rows)} pairs, temperature {temperature:.3f}, -log P {before:.3f} -> {after:.3f}")
    limits = fit_bands(softmax(logits / temperature), truth, folds_of([row.story for row in rows]))
    for (band, stance), limit in limits.items():
        report(f"{name}: {band} {stance}: {limit}")
    alert, review = (
        {stance: limit.confidence for (band, stance), limit in limits.items() if band == wanted} for wanted in DEMANDS
    )
    card = replace(judge.card, temperature=round(temperature, 4), alert=alert, review=review)
    write_card(folder, card)
    return card


def development_rows(data: Path) -> list[Row]:
    """Read the pairs kept for calibration, which are never trained on."""
    stories = data / "claims" / "gold_dev.jsonl"
    return read_story_file(stories) + read_real_pairs(data / "claims" / "gold_real_dev.jsonl", stories)


def folds_of(stories: Sequence[str]) -> Integers:
    """Deal stories into folds of about the same number of pairs, the largest first; a story is never split."""
    sizes = {story: stories.count(story) for story in dict.fromkeys(stories)}
    filled, place = [0] * FOLDS, {}
    for story in sorted(sizes, key=lambda story: (-sizes[story], story)):
        place[story] = filled.index(min(filled))
        filled[place[story]] += sizes[story]
    return np.array([place[story] for story in stories], np.int64)


def fit_bands(probabilities: NDArray[np.float64], truth: Integers, folds: Integers) -> dict[tuple[str, Stance], Limit]:
    """Fit each band's threshold for each stance; a stance for which none is safe is left out of the band."""
    guess, confidence = probabilities.argmax(1), probabilities.max(1)
    limits = {}
    for stance in WATCHED:
        mine = guess == measures.STANCES.index(stance)
        guesses = Guesses(confidence[mine], (guess == truth)[mine], folds[mine])
        for band, demand in DEMANDS.items():
            if limit := fit_limit(guesses, demand):
                limits[band, stance] = limit
    return limits


def fit_limit(guesses: Guesses, demand: Demand) -> Limit | None:
    """Find the lowest threshold that meets `demand` on all stories and on held-out ones; None if there is none.

    For each fold a threshold is fitted on the other folds; the guesses of the fold above it are held out.
    When these are not precise enough together, a higher precision is asked of the fitting, up to 1. The
    threshold given is the highest of the one for all stories and those of the folds.
    """
    for goal in np.linspace(demand.precision, 1.0, 6):
        stricter = Demand(float(goal), demand.least)
        whole = lowest_threshold(guesses.confidence, guesses.right, stricter)
        parts = [_fold_threshold(guesses, fold, stricter) for fold in range(FOLDS)]
        found = [threshold for threshold in (whole, *parts) if threshold is not None]
        if whole is None or len(found) <= FOLDS // 2:
            continue
        held_out = np.concatenate([_held_out(guesses, fold, threshold) for fold, threshold in enumerate(parts)])
        if len(held_out) < demand.least // 2 or held_out.mean() < demand.precision:
            continue
        if (guesses.confidence >= max(found)).sum() >= demand.least:
            threshold = round(max(found) + demand.margin, 3)
            above = guesses.right[guesses.confidence >= threshold]
            precision = round(float(above.mean()), 3) if len(above) else 1.0
            return Limit(threshold, len(above), precision, len(held_out), round(float(held_out.mean()), 3))
    return None


def _fold_threshold(guesses: Guesses, fold: int, demand: Demand) -> float | None:
    others = guesses.fold != fold
    part = Demand(demand.precision, round(demand.least * (FOLDS - 1) / FOLDS))
    return lowest_threshold(guesses.confidence[others], guesses.right[others], part)


def _held_out(guesses: Guesses, fold: int, threshold: float | None) -> NDArray[np.bool_]:
    inside = guesses.fold == fold
    return np.asarray(guesses.right[inside & (guesses.confidence >= (2.0 if threshold is None else threshold))])


def lowest_threshold(confidence: NDArray[np.float64], right: NDArray[np.bool_], demand: Demand) -> float | None:
    """Find the lowest of the steps from which on upwards precision never falls below the demand's, None if none."""
    found = None
    for step in reversed(STEPS):
        above = right[confidence >= step]
        if len(above) < demand.least:
            continue
        if above.mean() < demand.precision:
            break
        found = float(step)
    return found


def main(arguments: Sequence[str]) -> None:
    """Calibrate as a command line says: `english --data FOLDER`."""
    parser = argparse.ArgumentParser(prog="monitor lab train calibrate", description=calibrate.__doc__)
    parser.add_argument("name", choices=["english", "multilingual"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    read = parser.parse_args(arguments)
    calibrate(read.name, data=read.data, weights=read.weights)


if __name__ == "__main__":
    main(sys.argv[1:])
