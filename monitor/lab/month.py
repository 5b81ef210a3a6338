"""The month: a real archive of feeds, served on loopback day by day to the whole program."""

from __future__ import annotations

import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import sqlalchemy as sa

from monitor.adapters.storage.database import Database
from monitor.adapters.storage.reads import SqlReads
from monitor.adapters.storage.tables import entries, evidence
from monitor.bootstrap import open_services, read_story
from monitor.domain.feeds import FeedDraft
from monitor.domain.messages import render_alert
from monitor.entrypoints.loopback import serve_feeds
from monitor.errors import UsageError
from monitor.pipeline import run_until_idle
from monitor.services import Services
from monitor.settings import Settings

ARCHIVE = "feeds/news-2023-02.tar.xz"
LAST_HOUR = timedelta(hours=23, minutes=30)


@dataclass(frozen=True, slots=True)
class Archive:
    """Feed documents by day and site; `days` in order."""

    documents: Mapping[tuple[str, str], bytes]

    @classmethod
    def read(cls, file: Path) -> Archive:
        """Read an archive of `…/site/2023-02-10.xml` files. Raises UsageError if it is not there."""
        if not file.is_file():
            raise UsageError(f"{file}: there is no such archive of feeds; name its folder with --data")
        documents = {}
        with tarfile.open(file) as archive:
            for member in archive:
                source = archive.extractfile(member)
                if source is not None and member.name.endswith(".xml"):
                    path = PurePosixPath(member.name)
                    documents[path.stem, path.parent.name] = source.read()
        return cls(documents)

    @property
    def days(self) -> tuple[str, ...]:
        """The days that have documents, in order."""
        return tuple(sorted({day for day, _ in self.documents}))

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites, in order."""
        return tuple(sorted({site for _, site in self.documents}))


@dataclass
class ReplayClock:
    """A clock that stands at the end of the day that is replayed."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """Give the replayed moment."""
        return self.moment


async def replay_month(data: Path, story: Path, *, report: Callable[[str], None]) -> dict[str, Any]:
    """Replay the archive in `data` with the story in a file, and give what came of it.

    The result counts entries, related entries, reports, evidence by stance and band, alerts, and CPU
    seconds of the process; `posts` holds every alert as a subscriber would read it.
    """
    archive = Archive.read(data / ARCHIVE)
    clock = ReplayClock()
    with tempfile.TemporaryDirectory(prefix="monitor-month-") as folder, serve_feeds() as server:
        settings = Settings(
            database_url=f"sqlite:///{folder}/month.db", allow_private_addresses=True, poll_interval_min=3600
        )
        started = time.process_time()
        async with open_services(settings, write=lambda _: None, clock=clock) as services:
            await services.library.put_story(read_story(story))
            for day in archive.days:
                clock.moment = datetime.fromisoformat(day).replace(tzinfo=UTC) + LAST_HOUR
                server.documents |= {site: body for (d, site), body in archive.documents.items() if d == day}
                drafts = [FeedDraft(server.address(site), publisher=site) for site in server.documents]
                await services.library.put_feeds(drafts, clock.now())
                await run_until_idle(services)
                report(f"{day}: {time.process_time() - started:.0f} CPU seconds")
            spent = time.process_time() - started
            return {**await _counts(services, settings, clock), "cpu_seconds": round(spent, 1)}


async def _counts(services: Services, settings: Settings, clock: ReplayClock) -> dict[str, Any]:
    """Count what is stored, and write out every alert."""
    status = await services.reads.status(clock.now(), version="", model=services.matching.judge.version)
    async with Database.open(settings.database_url) as database, database.reading() as connection:
        related = await connection.scalar(sa.select(sa.func.count()).where(entries.c.report_id.is_not(None)))
        pairs = sa.select(evidence.c.stance, evidence.c.band, sa.func.count()).group_by(*evidence.c["stance", "band"])
        found = {f"{stance} {band}": number for stance, band, number in await connection.execute(pairs)}
        alerts = await SqlReads(database, interval=settings.poll_interval).alerts(limit=10_000)
    return {
        "model": status.model,
        "entries": status.entries.total,
        "waiting": status.entries.due,
        "failing": status.entries.failing + status.entries.parked + status.feeds.failing,
        "related": related,
        "reports": status.reports,
        "evidence": dict(sorted(found.items())),
        "alerts": status.alerts,
        "alerts_by_kind": dict(Counter(alert.kind.value for alert in alerts)),
        "posts": [render_alert(alert).text for alert in reversed(alerts)],
    }
