"""What a person may change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monitor.domain.feeds import FeedDraft
from monitor.domain.ids import ClaimRef
from monitor.domain.stories import Story
from monitor.errors import NotFoundError
from monitor.ports import Library, Outbox


async def add_story(library: Library, story: Story) -> bool:
    """Store a story or bring it up to date; True if anything changed."""
    return await library.put_story(story)


async def retire_claim(library: Library, ref: ClaimRef, *, now: datetime) -> None:
    """Stop watching a claim. Raises NotFoundError."""
    if not await library.retire_claim(ref, now):
        raise NotFoundError(f"no claim {ref} is stored; `monitor claim list` shows them")


async def add_feeds(library: Library, feeds: Sequence[FeedDraft], *, now: datetime) -> int:
    """Start polling feeds at once; give the number of those that were not polled before."""
    return await library.put_feeds(feeds, now)


async def retry_parked(outbox: Outbox, *, now: datetime) -> int:
    """Send again what was given up, once its cause is mended; give the number of deliveries."""
    return await outbox.retry_parked(now)


async def remove_feed(library: Library, url: str, *, now: datetime) -> None:
    """Stop polling a feed, keeping what it brought. Raises NotFoundError."""
    if not await library.remove_feed(url, now):
        raise NotFoundError(f"no feed {url} is polled; `monitor feed list` shows them")
