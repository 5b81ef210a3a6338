"""The path as a whole: its stages in order, and running it until nothing is left to do."""

from __future__ import annotations

from monitor.pipeline.assess import ASSESS
from monitor.pipeline.deliver import DELIVER
from monitor.pipeline.poll import POLL
from monitor.pipeline.stage import Stage, run_due
from monitor.services import Services

STAGES = (POLL, ASSESS, DELIVER)
_EVERYTHING = 1_000_000


class Progress:
    """Told how far `run_until_idle` has come; this one keeps it to itself."""

    def worked(self, stage: Stage, rows: int) -> None:
        """Hear that a stage has worked on that many more rows."""


async def run_until_idle(services: Services, progress: Progress | None = None) -> None:
    """Poll every feed that is due once, then assess and deliver until nothing more is due."""
    heard = progress or Progress()
    heard.worked(POLL, await run_due(POLL, services, limit=_EVERYTHING))
    while True:
        worked = 0
        for stage in (ASSESS, DELIVER):
            done = await run_due(stage, services, limit=50)
            heard.worked(stage, done)
            worked += done
        if not worked:
            return
