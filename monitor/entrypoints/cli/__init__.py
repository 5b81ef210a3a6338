"""The command line: `monitor COMMAND`. Exit codes: 0 done, 1 failed, 2 wrong usage."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor import __version__
from monitor.entrypoints.cli import alerts, claims, deliveries, feeds, lab, running, stories, upkeep

app = typer.Typer(
    name="monitor",
    help="Watch news feeds for reports that support, contradict or update the claims of a story.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    """Print the version and leave."""
    if wanted:
        typer.echo(f"monitor {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Watch news feeds for reports that support, contradict or update the claims of a story."""


running.register(app)
upkeep.register(app)
app.add_typer(stories.app, name="story", help="The stories that are followed.")
app.add_typer(claims.app, name="claim", help="Their claims and standings.")
app.add_typer(feeds.app, name="feed", help="The feeds that are polled.")
app.add_typer(alerts.app, name="alert", help="The alerts raised so far.")
app.add_typer(deliveries.app, name="delivery", help="The alerts on their way to a chat.")
app.add_typer(lab.app, name="lab", help="How the judge is made and measured (needs the `lab` extra).")
