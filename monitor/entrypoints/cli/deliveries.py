"""`monitor delivery …`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import typer

from monitor.actions import retry_parked
from monitor.bootstrap import open_outbox, open_questions
from monitor.entrypoints.cli.output import Format, FormatOption, say, show
from monitor.settings import read_settings

app = typer.Typer(no_args_is_help=True)
MOST_SHOWN = 1000


@app.command("list")
def list_deliveries(form: FormatOption = Format.TABLE) -> None:
    """List the deliveries that are not sent yet, the newest first, and why."""

    async def ask() -> list[dict[str, Any]]:
        async with open_questions(read_settings()) as (questions, _):
            return [asdict(delivery) for delivery in await questions.deliveries(MOST_SHOWN)]

    columns = ("id", "alert", "chat", "status", "attempts", "due_at", "last_error")
    show(asyncio.run(ask()), form=form, columns=columns, empty="every alert has been delivered")


@app.command("retry")
def retry() -> None:
    """Send parked deliveries again, once what stopped them is mended."""

    async def change() -> int:
        settings = read_settings()
        async with open_questions(settings) as (questions, _), open_outbox(settings) as outbox:
            return await retry_parked(outbox, now=questions.clock.now())

    say(f"{asyncio.run(change())} parked deliveries are due again")
