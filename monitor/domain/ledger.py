"""The ledger: what the evidence so far says of a claim, and how that changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from monitor.domain.ids import ClaimRef
from monitor.domain.stance import Band, Stance

ORIGINS_TO_TURN = 2


class Standing(StrEnum):
    """What the reports so far say of a claim; never a verdict of truth."""

    HOLDS = "holds"
    SUPPORTED = "supported"
    DISPUTED = "disputed"
    CONTRADICTED = "contradicted"
    CONDITION_MET = "condition_met"
    FULFILLED = "fulfilled"
    EXPIRED = "expired"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Voice:
    """One report's word on a claim. `origin` is the publisher that brought the report first.

    So copies of one report are one origin, and so are all reports of one publisher.
    """

    origin: str
    stance: Stance
    band: Band


@dataclass(frozen=True, slots=True)
class StandingChange:
    """A claim's standing before and after a report."""

    claim: ClaimRef
    before: Standing
    after: Standing


def _origins(voices: Iterable[Voice], stance: Stance) -> int:
    """Count the origins of reports of this stance that were sure enough for an alert."""
    return len({v.origin for v in voices if v.stance is stance and v.band is Band.ALERT})


def standing_of(current: Standing, voices: Iterable[Voice]) -> Standing:
    """Say where a claim stands after all its evidence, whatever the order in which it came.

    Only evidence of the alert band counts, each origin once a stance. One contradiction makes a
    claim disputed; it is contradicted when at least ORIGINS_TO_TURN origins say so and more than
    support it. Support alone makes it supported. A retired claim stays retired.
    """
    if current is Standing.RETIRED:
        return current
    heard = tuple(voices)
    against, for_ = _origins(heard, Stance.CONTRADICTS), _origins(heard, Stance.SUPPORTS)
    if against >= ORIGINS_TO_TURN and against > for_:
        return Standing.CONTRADICTED
    if against:
        return Standing.DISPUTED
    return Standing.SUPPORTED if for_ else Standing.HOLDS
