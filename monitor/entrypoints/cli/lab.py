"""`monitor lab …`: how the judge is made and measured."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from monitor.entrypoints.cli.output import Format, FormatOption, say, show
from monitor.errors import MonitorError
from monitor.logs import set_up_logs

app = typer.Typer(no_args_is_help=True)
DataFolder = Annotated[Path, typer.Option("--data", help="Folder with claims/, nli/, bench/ and feeds/.")]
_PASSED_ON: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
DATA = Path("../shared/data")
STORY = Path("seeds/belarus-war-entry.toml")


def _lab(module: str) -> ModuleType:
    """Import a module of the lab. Raises MonitorError when its extra is not installed."""
    try:
        return importlib.import_module(f"monitor.lab.{module}")
    except ModuleNotFoundError as error:
        raise MonitorError(f"{error.name} is not installed; install the lab: pip install -e '.[lab]'") from error


@app.command("train", context_settings=_PASSED_ON)
def train(context: typer.Context) -> None:
    """Train a judge, export it and fit its bands: `train fit`, `train export`, `train calibrate`, each with --help."""
    steps = {"fit": "train", "export": "export", "calibrate": "calibrate"}
    step, arguments = (context.args[:1] or [""])[0], context.args[1:]
    if step not in steps:
        raise typer.BadParameter(f"name a step: {', '.join(steps)}")
    _lab(steps[step]).main(arguments)


@app.command("evaluate")
def evaluate(
    names: Annotated[list[str], typer.Argument(help="Evaluation sets, closeness, or month.", metavar="NAME…")],
    data: DataFolder = DATA,
    story: Annotated[Path, typer.Option(help="The story that `month` follows.")] = STORY,
    form: FormatOption = Format.TABLE,
) -> None:
    """Measure the shipped judges; `month` runs the whole program over a month of real feeds."""
    set_up_logs("ERROR")
    for name in names:
        figures = _figures(name, data, story)
        if form is Format.JSON:
            typer.echo(json.dumps(figures, ensure_ascii=False, default=str))
        else:
            _print_figures(figures)


def _figures(name: str, data: Path, story: Path) -> dict[str, Any]:
    """Measure one set."""
    if name == "month":
        found: dict[str, Any] = asyncio.run(_lab("month").replay_month(data, story, report=say))
        return {"set": name, **found}
    if name == "closeness":
        return {"set": name, **_lab("closeness").closeness_figures(data)}
    measured: dict[str, Any] = _lab("evaluate").evaluate(name, data=data)
    return measured


def _print_figures(figures: dict[str, Any]) -> None:
    """Print figures for a person: a name and a value a line, then posts whole."""
    posts: Sequence[str] = figures.pop("posts", ())
    rows = [{"figure": name, "value": json.dumps(value, default=str)} for name, value in figures.items()]
    show(rows, form=Format.TABLE, columns=("figure", "value"), empty="")
    for number, post in enumerate(posts, 1):
        typer.echo(f"\n--- post {number} ---\n{post}")


@app.command("benchmark")
def benchmark(form: FormatOption = Format.TABLE) -> None:
    """Time the gate, the encoder and the judges on this machine."""
    rows = _lab("benchmark").benchmark()
    show(rows, form=form, columns=("what", "per", "milliseconds", "in_judgements"), empty="")
