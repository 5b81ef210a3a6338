"""The demo: the seed story replayed offline through the real pipeline."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from monitor.bootstrap import open_services, read_story
from monitor.domain.feeds import FeedDraft
from monitor.domain.messages import standing_words
from monitor.domain.views import ClaimView
from monitor.entrypoints.demo.replay import Replay
from monitor.entrypoints.loopback import serve_feeds
from monitor.logs import set_up_logs
from monitor.pipeline import run_until_idle
from monitor.services import Services
from monitor.settings import Settings

STORY = "belarus-war-entry.toml"
MOST_THREADS = 4
NEXT_STEPS = """What to do next with a real channel:
  1. Make a bot with @BotFather and add it to your channel as an administrator that may post.
  2. Copy .env.example to .env; set MONITOR_TELEGRAM_TOKEN and MONITOR_TELEGRAM_CHANNEL.
  3. monitor doctor       checks token, channel and models and says what to mend
  4. monitor run          polls the feeds of seeds/feeds.opml around the clock
To follow your own story, write a file like seeds/belarus-war-entry.toml; then `monitor story check`, `story add`."""


async def run_demo(settings: Settings) -> None:
    """Replay the story wave by wave, print the alerts as they are sent, and end with the claims' standings."""
    set_up_logs("ERROR")
    console = Console(highlight=False)
    replay = Replay.read()
    with tempfile.TemporaryDirectory(prefix="monitor-demo-") as folder, serve_feeds() as server:
        mine = settings.model_copy(
            update={
                "database_url": f"sqlite:///{folder}/demo.db",
                "allow_private_addresses": True,
                "poll_interval_min": 1,
                "model_threads": min(os.cpu_count() or 1, MOST_THREADS),
            }
        )
        story = read_story(_story_file(settings))
        console.print(f"[bold]{story.title}[/bold]\n{story.summary}\n")
        async with open_services(mine, write=_write) as services:
            await services.library.put_story(story)
            drafts = [
                FeedDraft(server.address(f"{feed.id}.xml"), feed.title, feed.publisher, feed.language)
                for feed in replay.feeds
            ]
            await services.library.put_feeds(drafts, services.clock.now())
            for wave in range(1, replay.waves + 1):
                server.documents = replay.documents(wave)
                console.rule(f"poll {wave}: the feeds now carry {len(replay.shown(wave))} items")
                await run_until_idle(services)
                await asyncio.sleep(services.polling.interval.total_seconds())  # until the feeds are due again
            await _show_standings(console, services)
    console.print(f"\n{NEXT_STEPS}", markup=False)


def _story_file(settings: Settings) -> Path:
    """Find the seed story: in the seeds folder, or in the copy that the package brings."""
    packaged = Path(__file__).parents[2] / "seeds" / STORY
    candidates = (settings.seeds / STORY, packaged, Path(__file__).parents[3] / "seeds" / STORY)
    return next((file for file in candidates if file.is_file()), candidates[0])


def _write(text: str) -> None:
    """Print an alert at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


async def _show_standings(console: Console, services: Services) -> None:
    """Print the claims with what was counted, and what the whole replay came to."""
    console.rule("the claims now")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("claim", "standing", "for", "against", "developments", "statement"):
        table.add_column(name, overflow="fold")
    for claim in await services.reads.claims():
        table.add_row(*_row(claim))
    console.print(table)
    status = await services.reads.status(services.clock.now(), version="", model="")
    console.print(
        f"\n{status.entries.total} entries were read; {status.reports} reports touch the story's subjects"
        f" (copies counted once); {status.alerts} alerts were raised, each only where the judge was sure;"
        f" {status.in_review} findings that it was less sure of are kept for review."
    )


def _row(claim: ClaimView) -> tuple[str, ...]:
    """Write a claim's row."""
    counts = (claim.supports, claim.contradicts, claim.updates)
    return (claim.ref.claim, standing_words(claim.standing), *(str(n or "") for n in counts), claim.statement)
