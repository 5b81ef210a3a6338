"""What polling reads and writes. Keeps the contract of `monitor.ports.PollStore`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.adapters.storage.database import Database
from monitor.adapters.storage.queues import TableQueue, write_under_lease
from monitor.adapters.storage.rows import to_feed
from monitor.adapters.storage.tables import entries, feeds
from monitor.domain.feeds import EntryDraft, Feed, PollPlan
from monitor.domain.work import Lease

KEYS_IN_A_QUERY = 500


class SqlPollStore:
    """Feeds and the entries they bring."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.feeds = TableQueue(database, feeds)

    async def read_feed(self, lease: Lease) -> Feed:
        """Read the feed under a lease."""
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(feeds).where(feeds.c.id == lease.row_id))).mappings().one()
        return to_feed(row)

    async def seen(self, feed: Feed, keys: Collection[str]) -> Mapping[str, str]:
        """Give the content hashes of the feed's stored entries among `keys`."""
        wanted, found = list(keys), dict[str, str]()
        async with self._database.reading() as connection:
            for start in range(0, len(wanted), KEYS_IN_A_QUERY):
                query = sa.select(entries.c.key, entries.c.content_hash).where(
                    entries.c.feed_id == feed.id, entries.c.key.in_(wanted[start : start + KEYS_IN_A_QUERY])
                )
                found.update((key, digest) for key, digest in await connection.execute(query))
        return found

    async def record_poll(self, lease: Lease, plan: PollPlan) -> bool:
        """Write the feed's next state and its new and revised entries, each due now, in one transaction."""
        async with self._database.writing() as connection:
            if not await write_under_lease(connection, feeds, lease, **_feed_values(plan)):
                return False
            await _fill_names(connection, lease, plan)
            if plan.added:
                rows = [_entry_values(draft, lease.row_id, plan) for draft in plan.added]
                insert = self._database.insert(entries).on_conflict_do_nothing(index_elements=["feed_id", "key"])
                await connection.execute(insert, rows)
            for draft in plan.revised:
                await connection.execute(_revision(draft, lease.row_id, plan))
        return True


def _feed_values(plan: PollPlan) -> dict[str, Any]:
    """Write what a poll changes in its feed's row."""
    values: dict[str, Any] = {"due_at": plan.due_at, "last_polled_at": plan.polled_at, "last_error": plan.error}
    if plan.succeeded:
        values["attempts"] = 0
    if plan.validators is not None:
        values["etag"] = plan.validators.etag
        values["last_modified"] = plan.validators.last_modified
        values["body_hash"] = plan.validators.body_hash
    return values


async def _fill_names(connection: AsyncConnection, lease: Lease, plan: PollPlan) -> None:
    """Take the title and language that a feed gives itself where nobody gave it any."""
    for column, value in (("title", plan.title), ("language", plan.language)):
        if value:
            where = (feeds.c.id == lease.row_id, feeds.c[column] == "")
            await connection.execute(sa.update(feeds).where(*where).values({column: value}))


def _entry_values(draft: EntryDraft, feed_id: int, plan: PollPlan) -> dict[str, Any]:
    """Write a new entry, due now."""
    return {
        "feed_id": feed_id,
        "key": draft.key,
        "url": draft.url,
        "title": draft.title,
        "text": draft.text,
        "published": draft.published,
        "first_seen": plan.polled_at,
        "content_hash": draft.content_hash,
        "due_at": plan.polled_at,
        "attempts": 0,
        "last_error": "",
        "revision": 0,
    }


def _revision(draft: EntryDraft, feed_id: int, plan: PollPlan) -> sa.Update:
    """Write a known entry's new words, to be assessed again."""
    return (
        sa.update(entries)
        .where(entries.c.feed_id == feed_id, entries.c.key == draft.key)
        .values(
            url=draft.url,
            title=draft.title,
            text=draft.text,
            content_hash=draft.content_hash,
            revision=entries.c.revision + 1,
            due_at=plan.polled_at,
            attempts=0,
            last_error="",
        )
    )
