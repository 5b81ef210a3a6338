"""`monitor claim …`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from monitor.actions import retire_claim
from monitor.bootstrap import open_questions
from monitor.domain.messages import render_claim
from monitor.entrypoints.cli.output import Format, FormatOption, alert_row, claim_row, json_line, say, show
from monitor.settings import read_settings

app = typer.Typer(no_args_is_help=True)
ClaimName = Annotated[str, typer.Argument(help="A claim: c1, or story-slug/c1 where c1 is not unique.", metavar="ID")]


@app.command("list")
def list_claims(form: FormatOption = Format.TABLE) -> None:
    """List the claims, their standings and the reports that were sure enough to count."""

    async def ask() -> list[dict[str, object]]:
        async with open_questions(read_settings()) as (questions, _):
            return [claim_row(claim) for claim in await questions.claims()]

    columns = ("id", "standing", "evidence", "statement")
    show(asyncio.run(ask()), form=form, columns=columns, empty="no claims yet; add a story: monitor story add FILE")


@app.command("show")
def show_claim(name: ClaimName, form: FormatOption = Format.TABLE) -> None:
    """Show one claim with its newest alerts."""

    async def ask() -> None:
        async with open_questions(read_settings()) as (questions, _):
            await questions.find_claim(name)
            found = await questions.claim(name)
        assert found is not None
        claim, alerts = found
        if form is Format.JSON:
            typer.echo(json_line({**claim_row(claim), "alerts": [alert_row(alert) for alert in alerts]}))
        else:
            typer.echo(render_claim(claim, alerts).text)

    asyncio.run(ask())


@app.command("retire")
def retire(name: ClaimName) -> None:
    """Stop watching a claim; its evidence is kept."""

    async def change() -> str:
        async with open_questions(read_settings()) as (questions, library):
            ref = await questions.find_claim(name)
            await retire_claim(library, ref, now=questions.clock.now())
            return str(ref)

    say(f"{asyncio.run(change())} is retired")
