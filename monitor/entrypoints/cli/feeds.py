"""`monitor feed …`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from monitor.actions import add_feeds, remove_feed
from monitor.bootstrap import fetch_once, format_feed_list, open_questions, parse_feed_list
from monitor.domain.feeds import FeedDraft, Fetched, FetchFailed
from monitor.entrypoints.cli.output import Format, FormatOption, feed_row, json_line, say, show
from monitor.errors import FeedError, UsageError
from monitor.settings import read_settings

app = typer.Typer(no_args_is_help=True)
Address = Annotated[str, typer.Argument(help="The feed's address (http or https).", metavar="URL")]


def _checked(url: str) -> str:
    """Give an address that could be a feed's. Raises UsageError."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"{url!r} is no http or https address")
    return url


def _store(feeds: Sequence[FeedDraft]) -> int:
    """Store feeds and give the number of new ones."""

    async def store() -> int:
        async with open_questions(read_settings()) as (questions, library):
            return await add_feeds(library, feeds, now=questions.clock.now())

    return asyncio.run(store())


@app.command("add")
def add(
    url: Address,
    publisher: Annotated[str, typer.Option(help="Who stands behind it.")] = "",
    language: Annotated[str, typer.Option(help="Its language, such as en.")] = "",
) -> None:
    """Poll a feed from now on."""
    new = _store([FeedDraft(_checked(url), publisher=publisher, language=language)])
    say(
        f"{url} is polled from now on; `monitor feed check URL` tells whether it answers"
        if new
        else f"{url} was polled already"
    )


@app.command("import")
def import_feeds(file: Annotated[Path, typer.Argument(help="An OPML file.", metavar="FILE.opml")]) -> None:
    """Poll every feed of an OPML file."""
    try:
        document = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from error
    feeds = parse_feed_list(document, file=str(file))
    new = _store([FeedDraft(_checked(f.url), f.title, f.publisher, f.language) for f in feeds])
    say(f"{file}: {len(feeds)} feeds, {new} of them new")


@app.command("export")
def export() -> None:
    """Print all feeds as OPML."""

    async def ask() -> list[FeedDraft]:
        async with open_questions(read_settings()) as (questions, _):
            return [FeedDraft(f.url, f.title, f.publisher, f.language) for f in await questions.feeds()]

    typer.echo(format_feed_list(asyncio.run(ask())), nl=False)


@app.command("list")
def list_feeds(form: FormatOption = Format.TABLE) -> None:
    """List the feeds and their health."""

    async def ask() -> list[dict[str, object]]:
        async with open_questions(read_settings()) as (questions, _):
            return [feed_row(feed) for feed in await questions.feeds()]

    columns = ("publisher", "entries", "last_polled_at", "due_at", "last_error", "url")
    show(asyncio.run(ask()), form=form, columns=columns, empty="no feeds yet; add some: monitor feed import FILE.opml")


@app.command("remove")
def remove(url: Address) -> None:
    """Stop polling a feed; what it brought is kept."""

    async def change() -> None:
        async with open_questions(read_settings()) as (questions, library):
            await remove_feed(library, url, now=questions.clock.now())

    asyncio.run(change())
    say(f"{url} is no longer polled")


@app.command("check")
def check(
    url: Annotated[str, typer.Argument(help="The feed's address; all stored feeds if left out.", metavar="URL")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Fetch a feed once, or every stored one, and say what is found; nothing is stored."""
    settings = read_settings()

    async def addresses() -> list[str]:
        if url:
            return [_checked(url)]
        async with open_questions(settings) as (questions, _):
            return [feed.url for feed in await questions.feeds()]

    failed = [address for address in asyncio.run(addresses()) if not _report(address, form)]
    if failed:
        raise FeedError(f"{len(failed)} of the feeds checked did not answer with a feed: {', '.join(failed[:5])}")


def _report(url: str, form: Format) -> bool:
    """Fetch one feed and print what was found; False if it is no working feed."""
    outcome = asyncio.run(fetch_once(read_settings(), url))
    match outcome:
        case Fetched(entries=entries):
            dates = sorted(entry.published for entry in entries if entry.published)
            row = {
                "url": url,
                "ok": True,
                "title": outcome.title,
                "language": outcome.language,
                "entries": len(entries),
                "newest": dates[-1] if dates else None,
                "validators": bool(outcome.validators.etag or outcome.validators.last_modified),
                "error": "",
            }
        case FetchFailed():
            row = {"url": url, "ok": False, "error": str(outcome)}
        case _:
            row = {"url": url, "ok": False, "error": "answers “not modified” to a first request"}
    if form is Format.JSON:
        typer.echo(json_line(row))
    elif row["ok"]:
        typer.echo(f"{url}\n  “{row['title']}” · {row['entries']} entries · newest {row['newest'] or 'undated'}")
    else:
        typer.echo(f"{url}\n  {row['error']}")
    return bool(row["ok"])
