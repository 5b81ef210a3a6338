"""What assessing reads and writes. Keeps the contract of `monitor.ports.AssessStore`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.adapters.storage.database import Database
from monitor.adapters.storage.library import read_stories
from monitor.adapters.storage.queues import TableQueue, write_under_lease
from monitor.adapters.storage.rows import to_entry, to_report
from monitor.adapters.storage.tables import (
    alerts,
    claim_changes,
    claims,
    deliveries,
    entries,
    evidence,
    feeds,
    report_stories,
    reports,
    stories,
)
from monitor.domain.alerts import AlertDraft, Subscription
from monitor.domain.assessment import Assessment, Background
from monitor.domain.delivery import DeliveryStatus
from monitor.domain.ids import ClaimRef, ReportId
from monitor.domain.ledger import Standing, Voice
from monitor.domain.reports import GROUPING_WINDOW, Entry
from monitor.domain.stance import Band, Evidence, Stance
from monitor.domain.stories import Story
from monitor.domain.work import Lease

MOST_RECENT = 1000
_FEED = (feeds.c.publisher, feeds.c.title.label("feed_title"), feeds.c.url.label("feed_url"))
_CLAIM = (stories.c.slug, claims.c.key)


class SqlAssessStore:
    """Entries, and all that an assessment brings."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.entries = TableQueue(database, entries)

    async def stories(self) -> Sequence[Story]:
        """Give all stories with their claims that are not retired."""
        async with self._database.reading() as connection:
            return await read_stories(connection, retired=False)

    async def read_entry(self, lease: Lease) -> Entry:
        """Read the entry under a lease."""
        query = sa.select(entries, feeds.c.language, *_FEED).join(feeds).where(entries.c.id == lease.row_id)
        async with self._database.reading() as connection:
            return to_entry((await connection.execute(query)).mappings().one())

    async def background(self, entry: Entry, stories: Collection[str]) -> Background:
        """Read what deciding about an entry of these stories needs."""
        async with self._database.reading() as connection:
            recent = await connection.execute(_recent_reports(entry, stories))
            found = tuple(to_report(row) for row in recent.mappings())
            return Background(
                recent=found,
                voices=await _voices(connection, entry, stories),
                standings=await _standings(connection, stories),
                raised=await _raised(connection, [report.id for report in found]),
            )

    async def record_assessment(self, lease: Lease, assessment: Assessment) -> bool:
        """Write everything that an assessment decided in one transaction."""
        async with self._database.writing() as connection:
            done = {"due_at": None, "attempts": 0, "last_error": ""}
            if not await write_under_lease(connection, entries, lease, **done):
                return False
            if assessment.finding.stories:
                report_id = assessment.report or await self._add_report(connection, assessment)
                await self._link(connection, lease, report_id, assessment)
                await self._write_findings(connection, lease, report_id, assessment)
        return True

    async def _add_report(self, connection: AsyncConnection, assessment: Assessment) -> ReportId:
        """Add a new report; the same words added by another worker meanwhile are the same report."""
        entry = assessment.entry
        insert = self._database.insert(reports).values(
            content_hash=entry.content_hash,
            url=entry.url,
            title=entry.title,
            publisher=entry.publisher,
            language=assessment.finding.language,
            dated=entry.dated,
            sketch=list(assessment.sketch),
        )
        upsert = insert.on_conflict_do_update(
            index_elements=["content_hash"], set_={"content_hash": insert.excluded.content_hash}
        ).returning(reports.c.id)
        return ReportId((await connection.execute(upsert)).scalar_one())

    async def _link(
        self, connection: AsyncConnection, lease: Lease, report_id: ReportId, assessment: Assessment
    ) -> None:
        """Tie entry, report and stories together."""
        where = entries.c.id == lease.row_id
        await connection.execute(sa.update(entries).where(where).values(report_id=report_id))
        story_ids = sa.select(sa.literal(report_id), stories.c.id).where(stories.c.slug.in_(assessment.finding.stories))
        insert = self._database.insert(report_stories).from_select(["report_id", "story_id"], story_ids)
        await connection.execute(insert.on_conflict_do_nothing())

    async def _write_findings(
        self, connection: AsyncConnection, lease: Lease, report_id: ReportId, assessment: Assessment
    ) -> None:
        """Write evidence, standings, alerts and the outbox."""
        claim_ids = await _claim_ids(connection, assessment.finding.stories)
        for item in assessment.finding.evidence:
            await self._put_evidence(connection, item, claim_ids[item.claim], lease.row_id, report_id, assessment)
        for change in assessment.changes:
            claim_id = claim_ids[change.claim]
            standing = {"standing": change.after.value, "changed_at": assessment.at}
            await connection.execute(sa.update(claims).where(claims.c.id == claim_id).values(standing))
            await connection.execute(
                sa.insert(claim_changes).values(
                    claim_id=claim_id,
                    report_id=report_id,
                    before=change.before.value,
                    after=change.after.value,
                    changed_at=assessment.at,
                )
            )
        for draft, subscriptions in assessment.alerts:
            claim_id = claim_ids[draft.evidence.claim]
            await self._raise(connection, draft, subscriptions, claim_id, report_id, assessment)

    async def _put_evidence(
        self,
        connection: AsyncConnection,
        item: Evidence,
        claim_id: int,
        entry_id: int,
        report_id: ReportId,
        assessment: Assessment,
    ) -> None:
        """Write one claim's evidence in an entry; a revised entry's evidence replaces its former one."""
        values = {
            "report_id": report_id,
            "stance": item.stance.value,
            "band": item.band.value,
            "quote": item.quote,
            **{stance.value: item.judgement.of(stance) for stance in Stance},
            "judged_at": assessment.at,
        }
        insert = self._database.insert(evidence).values(
            claim_id=claim_id, entry_id=entry_id, model=item.model, **values
        )
        keys = ["claim_id", "entry_id", "model"]
        await connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=values))

    async def _raise(
        self,
        connection: AsyncConnection,
        draft: AlertDraft,
        subscriptions: Sequence[Subscription],
        claim_id: int,
        report_id: ReportId,
        assessment: Assessment,
    ) -> None:
        """Write an alert and its deliveries, unless this claim, report and stance have one already."""
        item = draft.evidence
        insert = self._database.insert(alerts).values(
            claim_id=claim_id,
            report_id=report_id,
            stance=item.stance.value,
            kind=draft.kind.value,
            confidence=item.judgement.confidence,
            quote=item.quote,
            before=draft.before.value,
            after=draft.after.value,
            raised_at=assessment.at,
        )
        keys = ["claim_id", "report_id", "stance"]
        once = insert.on_conflict_do_nothing(index_elements=keys).returning(alerts.c.id)
        alert_id = (await connection.execute(once)).scalar()
        if alert_id is None or not subscriptions:
            return
        rows = [_delivery_values(alert_id, subscription, assessment) for subscription in subscriptions]
        await connection.execute(sa.insert(deliveries), rows)


def _delivery_values(alert_id: int, subscription: Subscription, assessment: Assessment) -> dict[str, Any]:
    """Write one alert for one chat, due now."""
    return {
        "alert_id": alert_id,
        "chat": subscription.chat,
        "thread": subscription.thread,
        "status": DeliveryStatus.PENDING.value,
        "created_at": assessment.at,
        "due_at": assessment.at,
    }


def _recent_reports(entry: Entry, slugs: Collection[str]) -> sa.Select[Any]:
    """Select the reports of these stories that an entry may be a copy of."""
    near = reports.c.dated.between(entry.dated - GROUPING_WINDOW, entry.dated + GROUPING_WINDOW)
    of_stories = (
        sa.select(report_stories.c.report_id)
        .join(stories, report_stories.c.story_id == stories.c.id)
        .where(stories.c.slug.in_(slugs))
    )
    return (
        sa.select(reports).where(reports.c.id.in_(of_stories), near).order_by(reports.c.dated.desc()).limit(MOST_RECENT)
    )


async def _voices(
    connection: AsyncConnection, entry: Entry, slugs: Collection[str]
) -> Mapping[ClaimRef, tuple[Voice, ...]]:
    """Read what other entries' alert-band evidence says of these stories' claims."""
    query = (
        sa.select(*_CLAIM, evidence.c.stance, evidence.c.band, reports.c.publisher)
        .select_from(evidence)
        .join(claims, evidence.c.claim_id == claims.c.id)
        .join(stories, claims.c.story_id == stories.c.id)
        .join(reports, evidence.c.report_id == reports.c.id)
        .where(stories.c.slug.in_(slugs), evidence.c.entry_id != entry.id, evidence.c.band == Band.ALERT.value)
        .distinct()
    )
    voices: dict[ClaimRef, list[Voice]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        voice = Voice(row["publisher"], Stance(row["stance"]), Band(row["band"]))
        voices[ClaimRef(row["slug"], row["key"])].append(voice)
    return {claim: tuple(heard) for claim, heard in voices.items()}


async def _standings(connection: AsyncConnection, slugs: Collection[str]) -> Mapping[ClaimRef, Standing]:
    """Read the standings of these stories' claims."""
    query = sa.select(*_CLAIM, claims.c.standing).join(stories).where(stories.c.slug.in_(slugs))
    return {ClaimRef(slug, key): Standing(standing) for slug, key, standing in await connection.execute(query)}


async def _raised(
    connection: AsyncConnection, report_ids: Sequence[ReportId]
) -> Mapping[ReportId, frozenset[tuple[ClaimRef, Stance]]]:
    """Read which alerts these reports have raised."""
    query = (
        sa.select(alerts.c.report_id, *_CLAIM, alerts.c.stance)
        .select_from(alerts)
        .join(claims, alerts.c.claim_id == claims.c.id)
        .join(stories, claims.c.story_id == stories.c.id)
        .where(alerts.c.report_id.in_(report_ids))
    )
    raised: dict[ReportId, set[tuple[ClaimRef, Stance]]] = defaultdict(set)
    for report_id, slug, key, stance in await connection.execute(query):
        raised[ReportId(report_id)].add((ClaimRef(slug, key), Stance(stance)))
    return {report_id: frozenset(found) for report_id, found in raised.items()}


async def _claim_ids(connection: AsyncConnection, slugs: Collection[str]) -> Mapping[ClaimRef, int]:
    """Read the row ids of these stories' claims."""
    query = sa.select(*_CLAIM, claims.c.id).join(stories).where(stories.c.slug.in_(slugs))
    return {ClaimRef(slug, key): claim_id for slug, key, claim_id in await connection.execute(query)}
