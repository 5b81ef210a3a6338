"""What a person may ask. Keeps the contract of `monitor.ports.Reads`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.adapters.storage.database import Database
from monitor.adapters.storage.library import read_stories
from monitor.adapters.storage.rows import to_alert_view, to_claim_view, to_delivery_view, to_feed_view, to_outbox_view
from monitor.adapters.storage.tables import alerts, claims, deliveries, entries, evidence, feeds, reports, stories
from monitor.domain.delivery import DeliveryStatus
from monitor.domain.ids import ClaimRef
from monitor.domain.stance import Band
from monitor.domain.stories import Story
from monitor.domain.views import AlertView, ClaimView, DeliveryView, FeedView, OutboxView, QueueView, StatusView


def alert_query() -> sa.Select[Any]:
    """Select alerts with their claim, story and report, and how many publishers carry the report."""
    origins = (
        sa.select(sa.func.count(sa.distinct(sa.func.coalesce(sa.func.nullif(feeds.c.publisher, ""), feeds.c.url))))
        .select_from(entries)
        .join(feeds, entries.c.feed_id == feeds.c.id)
        .where(entries.c.report_id == alerts.c.report_id)
        .correlate(alerts)
        .scalar_subquery()
    )
    return (
        sa.select(
            alerts,
            claims.c.key,
            claims.c.statement,
            claims.c.said_by,
            claims.c.said_on,
            stories.c.slug,
            stories.c.title.label("story_title"),
            reports.c.title.label("report_title"),
            reports.c.url.label("report_url"),
            reports.c.publisher.label("report_publisher"),
            reports.c.language.label("report_language"),
            reports.c.dated,
            origins.label("origins"),
        )
        .select_from(alerts)
        .join(claims, alerts.c.claim_id == claims.c.id)
        .join(stories, claims.c.story_id == stories.c.id)
        .join(reports, alerts.c.report_id == reports.c.id)
    )


class SqlReads:
    """Answers from the database. `interval` is the shortest time between two polls of a feed."""

    def __init__(self, database: Database, *, interval: timedelta) -> None:
        self._database = database
        self._interval = int(interval.total_seconds())

    async def stories(self) -> Sequence[Story]:
        """Give the stored stories with all their claims."""
        async with self._database.reading() as connection:
            return await read_stories(connection, retired=True)

    async def feeds(self) -> Sequence[FeedView]:
        """Give every feed that is polled, in the order in which they were added."""
        count = sa.select(sa.func.count()).where(entries.c.feed_id == feeds.c.id).scalar_subquery()
        names = (feeds.c.title.label("feed_title"), feeds.c.url.label("feed_url"))
        query = (
            sa.select(feeds, *names, count.label("entries")).where(feeds.c.removed_at.is_(None)).order_by(feeds.c.id)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return tuple(to_feed_view(row, self._interval) for row in rows)

    async def claims(self, story: str | None = None) -> Sequence[ClaimView]:
        """Give the claims of one story, or all."""
        query = sa.select(claims, stories.c.slug).join(stories).order_by(stories.c.id, claims.c.position)
        if story is not None:
            query = query.where(stories.c.slug == story)
        async with self._database.reading() as connection:
            counts = await _evidence_counts(connection)
            rows = (await connection.execute(query)).mappings().all()
        return tuple(to_claim_view(row, counts[row["id"]]) for row in rows)

    async def alerts(self, *, limit: int, claim: ClaimRef | None = None) -> Sequence[AlertView]:
        """Give the newest alerts, the newest first."""
        query = alert_query().order_by(alerts.c.id.desc()).limit(limit)
        if claim is not None:
            query = query.where(stories.c.slug == claim.story, claims.c.key == claim.claim)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
            sent = await _deliveries(connection, [row["id"] for row in rows])
        return tuple(to_alert_view(row, sent[row["id"]]) for row in rows)

    async def deliveries(self, *, limit: int) -> Sequence[OutboxView]:
        """Give the newest deliveries that are not sent yet, the newest first."""
        query = sa.select(deliveries).where(deliveries.c.status != DeliveryStatus.SENT.value)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(deliveries.c.id.desc()).limit(limit))
            return tuple(to_outbox_view(row) for row in rows.mappings())

    async def status(self, now: datetime, *, version: str, model: str) -> StatusView:
        """Give the state of all work."""
        async with self._database.reading() as connection:
            polled = (await connection.execute(sa.select(sa.func.max(feeds.c.last_polled_at)))).scalar()
            oldest = [
                (await connection.execute(sa.select(sa.func.min(table.c.due_at)).where(table.c.due_at <= now))).scalar()
                for table in (feeds, entries, deliveries)
            ]
            ages = [(now - moment).total_seconds() for moment in oldest if moment is not None]
            return StatusView(
                feeds=await _queue_view(connection, feeds, now, feeds.c.removed_at.is_(None)),
                entries=await _queue_view(connection, entries, now, sa.true()),
                deliveries=await _queue_view(connection, deliveries, now, sa.true()),
                stories=await _count(connection, stories),
                claims=await _count(connection, claims),
                reports=await _count(connection, reports),
                alerts=await _count(connection, alerts),
                in_review=await _count(connection, evidence, evidence.c.band == Band.REVIEW.value),
                last_poll_at=polled,
                oldest_due_age_seconds=max(ages) if ages else None,
                version=version,
                model=model,
            )


async def _count(connection: AsyncConnection, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    """Count a table's rows."""
    return (await connection.execute(sa.select(sa.func.count()).select_from(table).where(*where))).scalar_one()


async def _queue_view(
    connection: AsyncConnection, table: sa.Table, now: datetime, kept: sa.ColumnElement[bool]
) -> QueueView:
    """Count one kind of work: all, due now, failing, parked."""
    row = table.c
    query = sa.select(
        sa.func.count(),
        sa.func.count().filter(row.due_at <= now),
        sa.func.count().filter(row.due_at.is_not(None), row.last_error != ""),
        sa.func.count().filter(row.due_at.is_(None), row.last_error != ""),
    ).where(kept)
    total, due, failing, parked = (await connection.execute(query)).one()
    return QueueView(total, due, failing, parked)


async def _evidence_counts(connection: AsyncConnection) -> Mapping[int, Mapping[str, int]]:
    """Count, for each claim and stance, the reports that were sure enough for an alert."""
    query = (
        sa.select(evidence.c.claim_id, evidence.c.stance, sa.func.count(sa.distinct(evidence.c.report_id)))
        .where(evidence.c.band == Band.ALERT.value)
        .group_by(evidence.c.claim_id, evidence.c.stance)
    )
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for claim_id, stance, count in await connection.execute(query):
        counts[claim_id][stance] = count
    return counts


async def _deliveries(connection: AsyncConnection, alert_ids: Sequence[int]) -> Mapping[int, list[DeliveryView]]:
    """Read the deliveries of these alerts."""
    query = sa.select(deliveries).where(deliveries.c.alert_id.in_(alert_ids)).order_by(deliveries.c.id)
    found: dict[int, list[DeliveryView]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        found[row["alert_id"]].append(to_delivery_view(row))
    return found
