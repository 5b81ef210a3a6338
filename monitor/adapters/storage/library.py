"""What a person adds and removes: stories, claims, feeds. Keeps the contract of `monitor.ports.Library`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.adapters.storage.database import Database
from monitor.adapters.storage.rows import claim_values, story_values, to_claim, to_story
from monitor.adapters.storage.tables import claims, feeds, stories
from monitor.domain.feeds import FeedDraft
from monitor.domain.ids import ClaimRef
from monitor.domain.ledger import Standing
from monitor.domain.stories import Claim, Story


async def read_stories(connection: AsyncConnection, *, retired: bool) -> Sequence[Story]:
    """Read all stories with their claims, retired ones only if `retired`."""
    query = sa.select(claims).order_by(claims.c.story_id, claims.c.position)
    if not retired:
        query = query.where(claims.c.standing != Standing.RETIRED.value)
    slugs = {row["id"]: row for row in (await connection.execute(sa.select(stories).order_by(stories.c.id))).mappings()}
    by_story: dict[int, list[Claim]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        by_story[row["story_id"]].append(to_claim(row, slugs[row["story_id"]]["slug"]))
    return tuple(to_story(row, by_story[story_id]) for story_id, row in slugs.items())


class SqlLibrary:
    """The stored stories and feeds, as a person changes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_story(self, story: Story) -> bool:
        """Store a story, or bring a stored one up to date; claims that its file no longer has stay as they are."""
        async with self._database.writing() as connection:
            stored = {known.slug: known for known in await read_stories(connection, retired=True)}
            if stored.get(story.slug) == story:
                return False
            insert = self._database.insert(stories).values(story_values(story))
            upsert = insert.on_conflict_do_update(index_elements=["slug"], set_=story_values(story))
            story_id = (await connection.execute(upsert.returning(stories.c.id))).scalar_one()
            for position, claim in enumerate(story.claims):
                values = claim_values(claim, position)
                added = self._database.insert(claims).values(story_id=story_id, standing=Standing.HOLDS.value, **values)
                await connection.execute(added.on_conflict_do_update(index_elements=["story_id", "key"], set_=values))
        return True

    async def retire_claim(self, ref: ClaimRef, now: datetime) -> bool:
        """Stop watching a claim, keeping its evidence."""
        story_id = sa.select(stories.c.id).where(stories.c.slug == ref.story).scalar_subquery()
        statement = (
            sa.update(claims)
            .where(claims.c.story_id == story_id, claims.c.key == ref.claim)
            .values(standing=Standing.RETIRED.value, changed_at=now)
        )
        async with self._database.writing() as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def put_feeds(self, drafts: Sequence[FeedDraft], now: datetime) -> int:
        """Store feeds that are not polled yet, due now; a removed feed is taken up again."""
        added = 0
        async with self._database.writing() as connection:
            for draft in drafts:
                values = {"title": draft.title, "publisher": draft.publisher, "language": draft.language}
                insert = self._database.insert(feeds).values(url=draft.url, due_at=now, **values)
                upsert = insert.on_conflict_do_update(
                    index_elements=["url"],
                    set_={"removed_at": None, "due_at": now, "attempts": 0},
                    where=feeds.c.removed_at.is_not(None),
                )
                added += len((await connection.execute(upsert.returning(feeds.c.id))).all())
        return added

    async def remove_feed(self, url: str, now: datetime) -> bool:
        """Stop polling a feed, keeping its entries."""
        statement = (
            sa.update(feeds)
            .where(feeds.c.url == url, feeds.c.removed_at.is_(None))
            .values(removed_at=now, due_at=None, last_error="")
        )
        async with self._database.writing() as connection:
            return (await connection.execute(statement)).rowcount == 1
