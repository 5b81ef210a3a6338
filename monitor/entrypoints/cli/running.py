"""`monitor run`, `monitor match`, `monitor demo`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from monitor.bootstrap import open_matching, read_story
from monitor.entrypoints.cli.output import Format, FormatOption, errors, json_line, say, show
from monitor.entrypoints.matching import GivenReport, match_reports, read_report
from monitor.errors import UsageError
from monitor.logs import set_up_logs
from monitor.pipeline import Progress, Stage, run_until_idle
from monitor.settings import read_settings


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command("run")(run)
    app.command("match")(match)
    app.command("demo")(demo)


class BarProgress(Progress):
    """Shows on stderr, in a terminal only, how many rows each stage has worked on."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def worked(self, stage: Stage, rows: int) -> None:
        """Count more rows of a stage."""
        if stage.name not in self._tasks:
            self._tasks[stage.name] = self._bar.add_task(stage.name, total=None)
        self._bar.advance(self._tasks[stage.name], rows)


def run(
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Poll what is due, assess, deliver, and exit when nothing is due.")
    ] = False,
) -> None:
    """Run the whole program in one process."""
    from monitor.entrypoints.embedded import run_forever, sown_services

    settings = read_settings()
    set_up_logs(settings.log_level)
    if not until_idle:
        asyncio.run(run_forever(settings))
        return

    async def once() -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.completed:.0f}"),
            TimeElapsedColumn(),
        )
        async with sown_services(settings) as services:
            with Bar(*columns, console=errors, disable=not errors.is_terminal, transient=True) as bar:
                await run_until_idle(services, BarProgress(bar))
            found = await services.reads.status(services.clock.now(), version="", model="")
        say(
            f"{found.feeds.total} feeds, {found.feeds.failing} failing; {found.entries.total} entries;"
            f" {found.reports} reports; {found.alerts} alerts, {found.deliveries.parked} of their deliveries parked"
        )

    asyncio.run(once())


def match(
    story_file: Annotated[Path, typer.Argument(help="A story file (TOML).", metavar="STORY.toml")],
    reports_file: Annotated[
        Path, typer.Argument(help="Reports as JSON lines; - for stdin.", metavar="REPORTS.jsonl|-")
    ] = Path("-"),
    form: FormatOption = Format.TABLE,
) -> None:
    """Say how each report bears on each claim of a story, without a database."""
    settings = read_settings()
    set_up_logs("WARNING")
    story = read_story(story_file)
    bad = 0

    def given(lines: TextIO) -> Iterator[GivenReport]:
        nonlocal bad
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield read_report(line)
            except UsageError as error:
                bad += 1
                say(f"error: {reports_file}, line {number}: {error}")

    async def judge(lines: TextIO) -> None:
        rows = match_reports(open_matching(settings), story, given(lines))
        columns = ("report", "claim", "stance", "confidence", "band", "quote")
        if form is Format.JSON:
            async for row in rows:
                typer.echo(json_line(row))
        else:
            show([row async for row in rows], form=form, columns=columns, empty="no reports were given")

    with _open_lines(reports_file) as lines:
        asyncio.run(judge(lines))
    if bad:
        raise typer.Exit(1)


def _open_lines(file: Path) -> TextIO:
    """Open the reports, `-` being stdin. Raises UsageError."""
    if str(file) == "-":
        return open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False)
    try:
        return file.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from error


def demo() -> None:
    """Replay the seed story offline: local feeds, a temporary database, alerts as a subscriber sees them."""
    from monitor.entrypoints.demo import run_demo

    asyncio.run(run_demo(read_settings()))
