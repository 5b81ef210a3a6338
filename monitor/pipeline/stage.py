"""A stage: claim what is due, work on one row at a time under a lease, and survive what goes wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from monitor.domain.work import Lease, RetryPolicy
from monitor.errors import StorageError
from monitor.ports import Queue
from monitor.services import Services

log = logging.getLogger(__name__)


async def _nothing_to_prepare(_: Services) -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the path. `run` reads, decides and writes once for the row under its lease.

    `lease` is longer than any honest run; `retry` says what follows a surprise; `at_once` bounds how
    many rows are worked on at a time; `prepare` runs before a batch.
    """

    name: str
    queue: Callable[[Services], Queue]
    run: Callable[[Services, Lease], Awaitable[None]]
    lease: timedelta
    retry: RetryPolicy
    at_once: int = 1
    prepare: Callable[[Services], Awaitable[None]] = _nothing_to_prepare


async def run_one(stage: Stage, services: Services, row_id: int) -> bool:
    """Work on one row; False if someone else has it. A surprise is logged and the row tried again later."""
    queue = stage.queue(services)
    lease = await queue.claim(row_id, services.clock.now(), stage.lease)
    if lease is None:
        return False
    try:
        await stage.run(services, lease)
    except StorageError:
        raise
    except Exception as error:
        log.exception("%s %d failed", stage.name, row_id)
        due_at = stage.retry.next_due(lease.attempts, services.clock.now())
        await queue.fail(lease, due_at, f"{type(error).__name__}: {error}")
    return True


async def run_due(
    stage: Stage, services: Services, *, limit: int = 200, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Work on up to `limit` rows that are due now and give the number worked on.

    No further row is begun once `stopping` says so. Raises StorageError when the database fails;
    leases then run out by themselves.
    """
    row_ids = await stage.queue(services).due(services.clock.now(), limit)
    if not row_ids:
        return 0
    await stage.prepare(services)
    waiting = iter(row_ids)

    async def work() -> int:
        done = 0
        for row_id in waiting:
            if stopping():
                break
            done += await run_one(stage, services, row_id)
        return done

    # Nobody is cancelled when one fails: a write broken off half-way can leave an SQLite file locked.
    done = await asyncio.gather(*(work() for _ in range(min(stage.at_once, len(row_ids)))), return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return sum(number for number in done if isinstance(number, int))
