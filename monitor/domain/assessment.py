"""Assessing an entry: from judged candidates to everything that is written about it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.domain.alerts import AlertDraft, Subscription, alerts_for, route_alerts
from monitor.domain.ids import ClaimRef, ReportId
from monitor.domain.ledger import Standing, StandingChange, Voice, standing_of
from monitor.domain.reports import Entry, Report, assign_report, report_sketch
from monitor.domain.stance import Band, Evidence, Graded, Stance
from monitor.domain.stories import Claim
from monitor.domain.texts import Passage


@dataclass(frozen=True, slots=True)
class Candidate:
    """A claim and a passage worth judging, with the closeness (cosine, -1 to 1) that made them so."""

    claim: Claim
    passage: Passage
    closeness: float


@dataclass(frozen=True, slots=True)
class Background:
    """What is known before an entry is decided on. `voices` leaves the entry's own former evidence out."""

    recent: tuple[Report, ...] = ()
    voices: Mapping[ClaimRef, tuple[Voice, ...]] = field(default_factory=dict)
    standings: Mapping[ClaimRef, Standing] = field(default_factory=dict)
    raised: Mapping[ReportId, frozenset[tuple[ClaimRef, Stance]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in an entry: the stories it may belong to, its language, its word on their claims.

    An entry of no story has an empty finding, and nothing is written but that it was looked at.
    """

    stories: tuple[str, ...] = ()
    language: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that one assessment writes. `report` None with a finding means a new report."""

    entry: Entry
    at: datetime
    finding: Finding = Finding()
    report: ReportId | None = None
    sketch: tuple[int, ...] = ()
    changes: tuple[StandingChange, ...] = ()
    alerts: tuple[tuple[AlertDraft, tuple[Subscription, ...]], ...] = ()


def follows(entry: Entry, claim: Claim, *, published: str) -> bool:
    """Say whether a report can be news about a claim of a story published on that ISO date (empty: unknown).

    Reports of the story's own day are the story itself in other words as often as not, and a day is all
    that a story file tells; so a follow-up comes after that day, and never before the claim was made.
    """
    day = entry.dated.date().isoformat()
    return day > published and day[: len(claim.said_on)] >= claim.said_on


def changes_for(evidence: Sequence[Evidence], *, origin: str, background: Background) -> tuple[StandingChange, ...]:
    """Decide which claims' standings the new evidence changes."""
    changes = []
    for item in evidence:
        before = background.standings.get(item.claim, Standing.HOLDS)
        voice = Voice(origin, item.stance, item.band)
        after = standing_of(before, (*background.voices.get(item.claim, ()), voice))
        if after is not before:
            changes.append(StandingChange(item.claim, before, after))
    return tuple(changes)


def assess(
    entry: Entry,
    finding: Finding,
    *,
    background: Background,
    subscriptions: Sequence[Subscription],
    now: datetime,
) -> Assessment:
    """Decide everything about an entry of at least one story, given what was found in it."""
    report = assign_report(entry, background.recent)
    origin = report.publisher if report else entry.publisher
    changes = changes_for(finding.evidence, origin=origin, background=background)
    raised = background.raised.get(report.id, frozenset()) if report else frozenset()
    alerts = alerts_for(finding.evidence, raised=raised, standings=background.standings, changes=changes)
    return Assessment(
        entry=entry,
        at=now,
        finding=finding,
        report=report.id if report else None,
        sketch=report_sketch(entry),
        changes=changes,
        alerts=route_alerts(alerts, subscriptions),
    )


def as_evidence(claim: Claim, graded: Graded, *, quote: str, is_follow_up: bool) -> Evidence:
    """Make evidence of a judgement; what is no follow-up goes no further than review."""
    band = Band.REVIEW if graded.band is Band.ALERT and not is_follow_up else graded.band
    return Evidence(claim.ref, graded.judgement, band, quote, graded.model)
