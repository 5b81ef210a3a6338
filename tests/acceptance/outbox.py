"""Puts alerts into a program's database as its own assessment would, without asking the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from monitor.adapters.storage.assess import SqlAssessStore
from monitor.adapters.storage.database import Database, upgrade
from monitor.adapters.storage.library import SqlLibrary
from monitor.adapters.storage.poll import SqlPollStore
from monitor.adapters.storage.tables import deliveries, entries, feeds
from monitor.domain.alerts import Subscription
from monitor.domain.assessment import Finding, assess
from monitor.domain.feeds import FeedDraft, Fetched, PollPolicy, plan_poll
from tests.acceptance.program import Program
from tests.examples import DAM, draft, evidence

LEASE = timedelta(minutes=5)
TITLES = (
    "The sluices of the dam were opened on Friday",
    "Orlov villagers watch as water fills the dry river bed",
    "Mayor says inspectors came before anyone touched a gate",
)


async def raise_alerts(program: Program, *, chat: str, titles: Sequence[str] = TITLES) -> None:
    """Store the example story and an alert for each title, with a delivery to `chat` that is due.

    The feed they come from is parked, so that no one polls it.
    """
    await upgrade(program.database_url)
    now = datetime.now(UTC)
    async with program.database() as database:
        library, polls = SqlLibrary(database), SqlPollStore(database)
        await library.put_story(DAM)
        await library.put_feeds([FeedDraft(f"https://paper.example/{chat}", "The Paper", "The Paper", "en")], now)
        lease = await polls.feeds.claim((await polls.feeds.due(now, 1))[0], now, LEASE)
        assert lease is not None
        outcome = Fetched(tuple(draft(f"guid:{title}", title, "It opened on Friday.") for title in titles))
        plan = plan_poll(outcome, seen={}, attempts=1, now=now, policy=PollPolicy())
        assert await polls.record_poll(lease, replace(plan, due_at=None))
        await _assess(database, chat, now)


async def _assess(database: Database, chat: str, now: datetime) -> None:
    store = SqlAssessStore(database)
    for row_id in await store.entries.due(now, 100):
        lease = await store.entries.claim(row_id, now, LEASE)
        assert lease is not None
        entry = await store.read_entry(lease)
        background = await store.background(entry, [DAM.slug])
        found = Finding((DAM.slug,), "en", (evidence(),))
        made = assess(entry, found, background=background, subscriptions=(Subscription(chat),), now=now)
        assert await store.record_assessment(lease, made)


async def forget_feeds(program: Program) -> None:
    """Remove all feeds, so that the next start takes those of the seeds."""
    now = datetime.now(UTC)
    async with program.database() as database, database.writing() as connection:
        await connection.execute(sa.update(feeds).values(removed_at=now, due_at=None))


async def let_leases_run_out(program: Program) -> None:
    """Put the database where it will be a few minutes after a crash: what was leased is due again."""
    now = datetime.now(UTC)
    async with program.database() as database, database.writing() as connection:
        for table in (feeds, entries, deliveries):
            leased = (table.c.due_at > now, table.c.attempts > 0)
            await connection.execute(sa.update(table).where(*leased).values(due_at=now))


async def entry_titles(program: Program) -> list[str]:
    """Give the titles of all stored entries, sorted."""
    async with program.database() as database, database.reading() as connection:
        return sorted((await connection.execute(sa.select(entries.c.title))).scalars())
