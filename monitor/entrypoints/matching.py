"""`monitor match`: the stance of reports towards a story's claims, without a database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.domain.ids import EntryId, FeedId
from monitor.domain.reports import Entry
from monitor.domain.stance import Band, Judgement, Stance
from monitor.domain.stories import Claim, Story
from monitor.domain.texts import content_hash
from monitor.errors import UsageError
from monitor.pipeline.assess import read_against
from monitor.services import Matching

NOT_JUDGED = Judgement(supports=0.0, contradicts=0.0, updates=0.0, unrelated=1.0)


@dataclass(frozen=True, slots=True)
class GivenReport:
    """A report as a line of the input gives it."""

    name: str
    entry: Entry


def read_report(line: str) -> GivenReport:
    """Read one JSON line. Raises UsageError saying which key is wrong and why."""
    try:
        given = json.loads(line)
    except ValueError as error:
        raise UsageError(f"is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise UsageError("must be a JSON object")
    name = _text(given, "id")
    if not name:
        raise UsageError("id: is required and must be a text")
    title, text = _text(given, "title"), _text(given, "text")
    published = _moment(given)
    entry = Entry(
        id=EntryId(0),
        feed_id=FeedId(0),
        url=_text(given, "url"),
        title=title,
        text=text,
        language=_text(given, "lang"),
        publisher="",
        published=published,
        first_seen=published or datetime.now(UTC),
        content_hash=content_hash(title, text),
    )
    return GivenReport(name, entry)


def _text(given: dict[str, Any], key: str) -> str:
    """Read a text that may be null or left out."""
    value = given.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UsageError(f"{key}: must be a text, not {type(value).__name__}")
    return value


def _moment(given: dict[str, Any]) -> datetime | None:
    """Read `published`: an ISO date or date-time, or null."""
    value = _text(given, "published")
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f"published: must be an ISO date-time such as 2023-02-17T09:00:00Z, not {value!r}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def match_reports(
    matching: Matching, story: Story, reports: Iterable[GivenReport]
) -> AsyncIterator[dict[str, Any]]:
    """Judge each report against each claim of a story, one row a pair, in input order.

    Whoever asks has chosen the reports, so no gate by names stands before the judge here.
    """
    await matching.index.load((story,))
    for report in reports:
        finding = await read_against(matching, report.entry, (story,))
        found = {evidence.claim: evidence for evidence in finding.evidence}
        for claim in story.claims:
            evidence = found.get(claim.ref)
            if evidence is None:
                yield _row(report, claim, NOT_JUDGED, Band.NONE, "")
            else:
                yield _row(report, claim, evidence.judgement, evidence.band, evidence.quote)


def _row(report: GivenReport, claim: Claim, judgement: Judgement, band: Band, quote: str) -> dict[str, Any]:
    """Shape one judged pair."""
    return {
        "report": report.name,
        "claim": claim.ref.claim,
        "stance": judgement.stance.value,
        "confidence": round(judgement.confidence, 4),
        "probabilities": {stance.value: round(judgement.of(stance), 4) for stance in Stance},
        "band": band.value,
        "quote": quote or None,
    }
