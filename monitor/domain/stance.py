"""What a report says of a claim: stance, judgement, bands, evidence, and the two texts a judge reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from monitor.domain.ids import ClaimRef


class Stance(StrEnum):
    """How a report bears on a claim, in the order in which every judge gives its probabilities."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    UPDATES = "updates"
    UNRELATED = "unrelated"


class Band(StrEnum):
    """What a confidence is good for: a public alert, a person's review, or nothing."""

    ALERT = "alert"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's calibrated probabilities for one claim and one passage; they sum to 1."""

    supports: float
    contradicts: float
    updates: float
    unrelated: float

    def of(self, stance: Stance) -> float:
        """Give the probability of one stance, 0 to 1."""
        return float(getattr(self, stance.value))

    @property
    def stance(self) -> Stance:
        """The likeliest stance; a tie goes to the later of supports, contradicts, updates, unrelated."""
        return max(reversed(Stance), key=self.of)

    @property
    def confidence(self) -> float:
        """The probability of the likeliest stance, 0 to 1."""
        return self.of(self.stance)


@dataclass(frozen=True, slots=True)
class BandPolicy:
    """Lowest confidence of each stance for an alert and for a review.

    The numbers are fitted on development data and stored beside the model's weights; a stance that
    is missing never reaches the band.
    """

    alert: Mapping[Stance, float]
    review: Mapping[Stance, float]

    def band(self, judgement: Judgement) -> Band:
        """Say what `judgement` is good for."""
        stance, confidence = judgement.stance, judgement.confidence
        if stance is Stance.UNRELATED:
            return Band.NONE
        if confidence >= self.alert.get(stance, 2.0):
            return Band.ALERT
        return Band.REVIEW if confidence >= self.review.get(stance, 2.0) else Band.NONE


@dataclass(frozen=True, slots=True)
class Pair:
    """One claim and one passage as a judge reads them, and the passage's language (ISO 639-1)."""

    premise: str
    hypothesis: str
    language: str | None = None


def premise(text: str, *, published: str = "") -> str:
    """Write a passage as the judge reads it: `"2023-02-19: Title. Text"`.

    `published` is an ISO date (a date-time is cut to its date) or empty when unknown.
    """
    return f"{published[:10]}: {text}" if published else text


def hypothesis(statement: str, *, said_by: str = "", said_on: str = "") -> str:
    """Write a claim as the judge reads it: `"John Kirby, 2023-01: Washington has seen no moves …"`.

    Both parts are optional; `said_on` is an ISO date, possibly only its year and month.
    """
    source = ", ".join(part for part in (said_by, said_on) if part)
    return f"{source}: {statement}" if source else statement


@dataclass(frozen=True, slots=True)
class Graded:
    """A judgement with the band that its judge's calibration puts it in, and the judge's version."""

    judgement: Judgement
    band: Band
    model: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report says of a claim, with the sentence that decided and the model that judged."""

    claim: ClaimRef
    judgement: Judgement
    band: Band
    quote: str
    model: str

    @property
    def stance(self) -> Stance:
        """The likeliest stance."""
        return self.judgement.stance


_DEPTH = {Band.ALERT: 2, Band.REVIEW: 1, Band.NONE: 0}


def _strength(graded: Graded) -> tuple[bool, int, bool, float]:
    """Order judgements of one claim: a stance before none, then band, contradiction first, confidence."""
    judgement = graded.judgement
    return (
        judgement.stance is not Stance.UNRELATED,
        _DEPTH[graded.band],
        judgement.stance is Stance.CONTRADICTS,
        judgement.confidence,
    )


def strongest(judged: Sequence[Graded]) -> int:
    """Pick the passage whose judgement of a claim stands for the whole report: its position.

    Contradiction is considered before support. Raises ValueError when nothing was judged.
    """
    return max(range(len(judged)), key=lambda position: _strength(judged[position]))


def settled(judged: Sequence[Graded]) -> Graded:
    """Give the judgement that stands for the whole report, no surer than its passages agree.

    A report that supports a claim in one passage and contradicts it in another goes to review.
    """
    best = judged[strongest(judged)]
    stances = {graded.judgement.stance for graded in judged if graded.band is Band.ALERT}
    if best.band is Band.ALERT and {Stance.SUPPORTS, Stance.CONTRADICTS} <= stances:
        return replace(best, band=Band.REVIEW)
    return best


def confirmed(first: Graded, second: Graded) -> Graded:
    """Give the first reading of a pair, sure enough for an alert only if the second agrees.

    The second reading sees neither dates nor speaker. A judgement that does not survive their loss
    hangs on them, and goes to review. It can only lower a band.
    """
    agree = second.band is Band.ALERT and second.judgement.stance is first.judgement.stance
    return first if agree or first.band is not Band.ALERT else replace(first, band=Band.REVIEW)
