"""Measure the shipped judges, through the same code as in production: `evaluate("gold_dev", data=...)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.adapters.models.card import WEIGHTS
from monitor.adapters.models.language import detect
from monitor.adapters.models.stance_model import JudgeByLanguage
from monitor.domain.stance import Band, Graded, Pair, Stance
from monitor.errors import UsageError
from monitor.lab import measures
from monitor.lab.measures import Integers
from monitor.lab.rows import Row, read_corpus, read_inference, read_real_pairs, read_story_file

Figures = dict[str, object]
PRECISION = 0.95


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with what the judges said of them."""

    rows: Sequence[Row]
    graded: Sequence[Graded]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Probabilities (rows, 4) in the order of `Stance`."""
        return np.array([[item.judgement.of(stance) for stance in Stance] for item in self.graded])

    @property
    def guess(self) -> Integers:
        """The likeliest stance's number for each row."""
        return np.array([measures.STANCES.index(item.judgement.stance) for item in self.graded], np.int64)

    @property
    def truth(self) -> Integers:
        """The stance's number for each row that admits one."""
        return true_stances(self.rows)

    def where(self, chosen: Callable[[Row, Graded], bool]) -> Judged:
        """Keep some rows."""
        kept = [(row, item) for row, item in zip(self.rows, self.graded, strict=True) if chosen(row, item)]
        return Judged([row for row, _ in kept], [item for _, item in kept])


def true_stances(rows: Sequence[Row]) -> Integers:
    """Give the stance's number for each row that admits one."""
    return np.array([measures.STANCES.index(next(iter(row.stances))) for row in rows], np.int64)


def as_pair(row: Row) -> Pair:
    """Write a row as production would: with date and source, and the language that the detector finds."""
    premise, hypothesis = row.texts()
    return Pair(premise, hypothesis, detect(row.report, row.language))


def judge_rows(rows: Sequence[Row], judge: JudgeByLanguage) -> Judged:
    """Judge all rows."""
    return Judged(rows, judge.judge_sync([as_pair(row) for row in rows]))


def evaluate(
    name: str,
    *,
    data: Path = Path("../shared/data"),
    weights: Path = WEIGHTS,
    threads: int = 1,
    limit: int | None = None,
) -> Figures:
    """Give the figures of the judges under `weights` on one evaluation set of the folder `data`.

    `limit` judges only the first rows of a public set. Raises `UsageError` when there is no set of this
    name or its file is not in `data`, and `ModelError` when a judge cannot be opened.
    """
    if name not in SETS:
        raise UsageError(f"there is no evaluation set {name!r}; choose one of {', '.join(sorted(SETS))}")
    judge = JudgeByLanguage.open(weights, threads=threads)
    try:
        return {"set": name, "judges": judge.version, **SETS[name](data, judge, limit)}
    except FileNotFoundError as error:
        raise UsageError(f"{error.filename or error} is missing: give the folder of the data with --data") from error


def _gold(data: Path, judge: JudgeByLanguage, limit: int | None) -> Figures:
    rows = read_story_file(data / "claims" / "gold_dev.jsonl")[:limit]
    return four_way_figures(judge_rows(rows, judge)) | _claim_only(data, rows)


def _gold_real(data: Path, judge: JudgeByLanguage, limit: int | None) -> Figures:
    rows = read_real_pairs(data / "claims" / "gold_real_dev.jsonl", data / "claims" / "gold_dev.jsonl")[:limit]
    return four_way_figures(judge_rows(rows, judge)) | _claim_only(data, rows)


def four_way_figures(judged: Judged) -> Figures:
    """Give the figures of pairs with one stance each: overall, for reports not in English, and of the bands."""
    english = judged.where(lambda row, _: row.language == "en")
    foreign = judged.where(lambda row, _: row.language != "en")
    figures: Figures = {**_quality(judged), **_contradictions(judged)}
    if english.rows and foreign.rows:
        figures["english"] = {**_quality(english), **_contradictions(english)}
        figures["other languages"] = {**_quality(foreign), **_contradictions(foreign)}
    figures["alert band"] = _band(judged, Band.ALERT)
    figures["review band"] = _band(judged, Band.REVIEW)
    return figures


def _quality(judged: Judged) -> Figures:
    guess, truth = judged.guess, judged.truth
    interval = measures.bootstrap_interval(
        lambda i: measures.macro_f1(guess[i], truth[i]), [row.story for row in judged.rows]
    )
    confidence = judged.probabilities.max(1)
    return {
        "pairs": len(truth),
        "macro-F1": round(measures.macro_f1(guess, truth), 3),
        "macro-F1 interval": [round(value, 3) for value in interval],
        "accuracy": round(float((guess == truth).mean()), 3),
        "F1": dict(zip(Stance, (round(score, 3) for score in measures.f1_scores(guess, truth)), strict=True)),
        "polarity swaps": measures.polarity_swaps(guess, truth),
        "calibration error": round(measures.expected_calibration_error(confidence, guess == truth), 3),
    }


def _contradictions(judged: Judged) -> Figures:
    scores, positive = judged.probabilities[:, measures.C], judged.truth == measures.C
    figure = partial(_recall_of, scores, positive)
    interval = measures.bootstrap_interval(figure, [row.story for row in judged.rows])
    return {
        "contradicts: recall at precision .95": round(figure(np.arange(len(scores))), 3),
        "contradicts: interval": [round(value, 3) for value in interval],
    }


def _recall_of(scores: NDArray[np.float64], positive: NDArray[np.bool_], indices: Integers) -> float:
    return measures.recall_at_precision(scores[indices], positive[indices], precision=PRECISION)


def _band(judged: Judged, band: Band) -> Figures:
    inside = judged.where(lambda _, item: item.band is band)
    guess, truth = inside.guess, inside.truth
    right = guess == truth
    return {
        "pairs": len(truth),
        "precision": round(float(right.mean()), 3) if len(truth) else None,
        "polarity swaps": measures.polarity_swaps(guess, truth),
        "right of all": {
            stance: f"{int((right & (guess == number)).sum())} of {int((guess == number).sum())}"
            for number, stance in enumerate(Stance)
        },
    }


def _claim_only(data: Path, rows: Sequence[Row]) -> Figures:
    known = read_corpus(data / "claims")
    guess = measures.claim_only_guess([row.claim for row in known], true_stances(known), [row.claim for row in rows])
    return {"claim alone: macro-F1": round(measures.macro_f1(guess, true_stances(rows)), 3)}


def _three_way(file: str, data: Path, judge: JudgeByLanguage, limit: int | None) -> Figures:
    """Measure on a public set of entailment, contradiction and perhaps neutral, which is updates or unrelated."""
    judged = judge_rows(read_inference(data / "bench" / file, limit=limit), judge)
    guess = merge(judged.probabilities)
    truth = np.array([merged_truth(row.stances) for row in judged.rows], np.int64)
    return _public(guess, truth, classes=3)


def _binary(file: str, data: Path, judge: JudgeByLanguage, limit: int | None) -> Figures:
    """Measure on a public set of entailed and not entailed."""
    judged = judge_rows(read_inference(data / "bench" / file, limit=limit), judge)
    guess = (judged.probabilities[:, measures.S] < 0.5).astype(np.int64)  # noqa: PLR2004
    truth = np.array([Stance.SUPPORTS not in row.stances for row in judged.rows], np.int64)
    return _public(guess, truth, classes=2)


def merge(probabilities: NDArray[np.float64]) -> Integers:
    """Guess supports (0), contradicts (1) or neither (2), the sum of updates and unrelated."""
    neither = probabilities[:, measures.U] + probabilities[:, measures.N]
    three = np.stack([probabilities[:, measures.S], probabilities[:, measures.C], neither], 1)
    return np.asarray(three.argmax(1), np.int64)


def merged_truth(stances: frozenset[Stance]) -> int:
    """Give 0 for supports, 1 for contradicts, 2 for neither."""
    only = next(iter(stances)) if len(stances) == 1 else Stance.UNRELATED
    return min(measures.STANCES.index(only), 2)


def _public(guess: Integers, truth: Integers, *, classes: int) -> Figures:
    return {
        "pairs": len(truth),
        "accuracy": round(float((guess == truth).mean()), 3),
        "macro-F1": round(measures.macro_f1(guess, truth, classes=classes), 3),
    }


SETS: Mapping[str, Callable[[Path, JudgeByLanguage, int | None], Figures]] = {
    "gold_dev": _gold,
    "gold_real_dev": _gold_real,
    "mnli": partial(_three_way, "mnli-m.dev.jsonl.gz"),
    "vitaminc": partial(_three_way, "vitaminc-real.test.jsonl.gz"),
    "fever_symmetric": partial(_three_way, "fever-symmetric.test.jsonl.gz"),
    "terra": partial(_binary, "terra-ru.bin.dev.jsonl.gz"),
}
