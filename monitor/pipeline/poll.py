"""POLL: fetch one feed and store what is new in it."""

from __future__ import annotations

import logging
from datetime import timedelta

from monitor.domain.feeds import Fetched, plan_poll
from monitor.domain.work import Lease, RetryPolicy
from monitor.pipeline.stage import Stage
from monitor.services import Services

log = logging.getLogger(__name__)


async def poll(services: Services, lease: Lease) -> None:
    """Poll the feed under a lease."""
    feed = await services.poll_store.read_feed(lease)
    outcome = await services.fetcher.fetch(feed)
    keys = {entry.key for entry in outcome.entries} if isinstance(outcome, Fetched) else set[str]()
    seen = await services.poll_store.seen(feed, keys)
    plan = plan_poll(outcome, seen=seen, attempts=lease.attempts, now=services.clock.now(), policy=services.polling)
    if not await services.poll_store.record_poll(lease, plan):
        log.warning("poll of feed %d came too late; another worker has it", feed.id)
    elif plan.error:
        log.warning("feed %s: %s", feed.url, plan.error)
    else:
        log.info("feed %s: %d new, %d revised", feed.url, len(plan.added), len(plan.revised))


POLL = Stage(
    name="poll",
    queue=lambda services: services.poll_store.feeds,
    run=poll,
    lease=timedelta(minutes=3),
    retry=RetryPolicy(first=timedelta(minutes=10), cap=timedelta(hours=24)),
    at_once=16,
)
