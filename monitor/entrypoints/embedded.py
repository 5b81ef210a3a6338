"""The whole program in one process: the stages on a scheduler, the bot beside them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.bootstrap import open_services, sow
from monitor.errors import NotFoundError, StorageError
from monitor.pipeline import ASSESS, DELIVER, POLL, STAGES, Stage, run_due
from monitor.queries import Questions
from monitor.services import Services
from monitor.settings import Settings

log = logging.getLogger(__name__)

TICK_SECONDS = {POLL.name: 5, ASSESS.name: 2, DELIVER.name: 1}


@asynccontextmanager
async def sown_services(settings: Settings) -> AsyncIterator[Services]:
    """Open the services on a database that has the seeds in it. Raises NotFoundError if there is nothing to watch."""
    async with open_services(settings) as services:
        for error in await sow(settings, services):
            log.error("%s", error)
        if not await services.reads.stories():
            raise NotFoundError(
                f"there is no story to watch: none is stored and none lies in {settings.seeds}/;"
                " add one with `monitor story add FILE`, or set MONITOR_SEEDS to a folder with story files"
            )
        if not await services.reads.feeds():
            log.warning("no feeds are polled yet; add some with `monitor feed add URL` or `monitor feed import FILE`")
        yield services


async def run_forever(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then begin nothing new, finish what is under way, and return."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(sown_services(settings))
        if settings.telegram_token is not None:
            from monitor.entrypoints.bot import build_bot, serving_bot

            questions = Questions(services.reads, services.clock, services.matching.judge.version)
            token = settings.telegram_token.get_secret_value()
            bot = build_bot(token, api_url=settings.telegram_api_url, questions=questions)
            await stack.enter_async_context(serving_bot(bot))
        await stack.enter_async_context(_stages_on_schedule(services, stop.is_set))
        log.info("running; stop with Ctrl-C")
        await stop.wait()
        log.info("stopping: finishing what is under way")


@asynccontextmanager
async def _stages_on_schedule(services: Services, stopping: Callable[[], bool]) -> AsyncIterator[None]:
    """Run each stage on its own interval, never twice at once; at the end wait for those that run.

    APScheduler cancels running coroutines when it shuts down, so each tick holds its stage's lock and
    the scheduler is shut down only once all locks have been had.
    """
    scheduler = AsyncIOScheduler()
    running = {stage.name: asyncio.Lock() for stage in STAGES}

    async def tick(stage: Stage) -> None:
        async with running[stage.name]:
            if stopping():
                return
            try:
                await run_due(stage, services, stopping=stopping)
            except StorageError as error:
                log.error("%s: %s", stage.name, error)  # noqa: TRY400 - the message says it all

    for stage in STAGES:
        scheduler.add_job(
            tick,
            "interval",
            args=[stage],
            seconds=TICK_SECONDS[stage.name],
            id=stage.name,
            next_run_time=services.clock.now(),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.pause()
        for lock in running.values():
            await lock.acquire()
        scheduler.shutdown(wait=False)
