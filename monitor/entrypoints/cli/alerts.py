"""`monitor alert …`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from monitor.bootstrap import open_questions
from monitor.domain.messages import render_alert
from monitor.domain.views import AlertView
from monitor.entrypoints.cli.output import Format, FormatOption, alert_row, json_line, say
from monitor.settings import read_settings

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_alerts(
    form: FormatOption = Format.TABLE,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 100_000,
) -> None:
    """List the alerts, the newest first."""

    async def ask() -> list[AlertView]:
        async with open_questions(read_settings()) as (questions, _):
            return list(await questions.latest(limit))

    alerts = asyncio.run(ask())
    for alert in alerts:
        typer.echo(json_line(alert_row(alert)) if form is Format.JSON else f"{render_alert(alert).text}\n")
    if not alerts and form is Format.TABLE:
        say("no alerts yet")
