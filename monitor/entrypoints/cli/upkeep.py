"""`monitor status`, `monitor doctor`, `monitor db …`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import typer

from monitor.bootstrap import (
    check_telegram,
    judge_version,
    open_matching,
    open_questions,
    prepare_database,
    read_story,
)
from monitor.domain.messages import render_status
from monitor.entrypoints.cli.output import Format, FormatOption, json_line, say, status_row
from monitor.errors import MonitorError
from monitor.settings import Settings, read_settings

db = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command("status")(status)
    app.command("doctor")(doctor)
    app.add_typer(db, name="db", help="The database.")


def status(form: FormatOption = Format.TABLE) -> None:
    """Say how the program is doing: last poll, work waiting, work that failed."""

    async def ask() -> None:
        async with open_questions(read_settings(), model=judge_version()) as (questions, _):
            found = await questions.status()
        typer.echo(json_line(status_row(found)) if form is Format.JSON else render_status(found).text)

    asyncio.run(ask())


@db.command("upgrade")
def upgrade() -> None:
    """Create the database's schema, or bring it up to date."""
    settings = read_settings()
    asyncio.run(prepare_database(settings))
    say("the database is up to date")


def doctor() -> None:
    """Check settings, database, models, seeds and Telegram before the first alert; say what to mend."""
    settings = read_settings()
    failures = 0
    for name, check in (
        ("database", _check_database),
        ("models", _check_models),
        ("seeds", _check_seeds),
        ("telegram", _check_telegram),
    ):
        try:
            for line in check(settings):
                typer.echo(f"good  {name}: {line}")
        except MonitorError as error:
            failures += 1
            typer.echo(f"BAD   {name}: {error}")
    if failures:
        raise MonitorError(f"{failures} of the checks failed; each line marked BAD says what to do")


Check = Callable[[Settings], Iterator[str]]


def _check_database(settings: Settings) -> Iterator[str]:
    """Open the database and count."""

    async def ask() -> str:
        async with open_questions(settings) as (questions, library):
            await library.put_feeds([], questions.clock.now())
            found = await questions.status()
        return f"{found.stories} stories, {found.claims} claims, {found.feeds.total} feeds, {found.reports} reports"

    yield asyncio.run(ask())


def _check_models(settings: Settings) -> Iterator[str]:
    """Load the models."""
    yield open_matching(settings).judge.version


def _check_seeds(settings: Settings) -> Iterator[str]:
    """Read the story files."""
    files = sorted(settings.seeds.glob("*.toml"))
    if not files:
        yield f"no story files in {settings.seeds}/"
    for file in files:
        yield f"{file}: {len(read_story(file).claims)} claims"


def _check_telegram(settings: Settings) -> Iterator[str]:
    """Ask Telegram about token, channel and rights."""
    if settings.telegram_token is None:
        yield "MONITOR_TELEGRAM_TOKEN is not set; alerts are printed"
        return
    if not settings.telegram_channel:
        yield "MONITOR_TELEGRAM_CHANNEL is not set; alerts are printed, the bot answers"
        return
    yield from asyncio.run(check_telegram(settings))
