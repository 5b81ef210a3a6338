"""What the command line prints: results on stdout, messages on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from monitor.domain.views import AlertView, ClaimView, FeedView, StatusView


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="A table for people, or JSON lines for programs.")]

errors = Console(stderr=True, highlight=False, soft_wrap=True)


def complain(error: Exception) -> None:
    """Print an error's message on stderr."""
    for line in str(error).splitlines():
        errors.print(f"error: {line}", style="red", markup=False)


def say(message: str) -> None:
    """Print a message on stderr."""
    errors.print(message, markup=False)


def _plain(value: Any) -> Any:
    """Give a value as JSON knows it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


def json_line(value: Mapping[str, Any]) -> str:
    """Write one JSON line."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def show(rows: Iterable[Mapping[str, Any]], *, form: Format, columns: Sequence[str], empty: str) -> None:
    """Print rows as JSON lines, or `columns` of them as a table; `empty` says on stderr that there are none."""
    found = list(rows)
    if form is Format.JSON:
        for row in found:
            typer.echo(json_line(row))
        return
    if not found:
        say(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in found:
        table.add_row(*(_cell(row[column]) for column in columns))
    Console(highlight=False).print(table)


def _cell(value: Any) -> str:
    """Write a table's cell, with nothing in it read as markup."""
    from rich.markup import escape

    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, Mapping):
        return " · ".join(f"{number} {name}" for name, number in value.items() if number)
    return escape("" if value is None else str(value))


def feed_row(feed: FeedView) -> dict[str, Any]:
    """Shape a feed for `feed list`."""
    return asdict(feed)


def claim_row(claim: ClaimView) -> dict[str, Any]:
    """Shape a claim for `claim list`."""
    return {
        "story": claim.ref.story,
        "id": claim.ref.claim,
        "statement": claim.statement,
        "said_by": claim.said_by,
        "standing": claim.standing.value,
        "evidence": {"supports": claim.supports, "contradicts": claim.contradicts, "updates": claim.updates},
        "changed_at": claim.changed_at,
    }


def alert_row(alert: AlertView) -> dict[str, Any]:
    """Shape an alert for `alert list`."""
    report = alert.report
    return {
        "id": alert.id,
        "raised_at": alert.raised_at,
        "kind": alert.kind.value,
        "story": alert.claim.story,
        "claim": alert.claim.claim,
        "stance": alert.stance.value,
        "confidence": round(alert.confidence, 4),
        "quote": alert.quote,
        "report": {
            "title": report.title,
            "url": report.url,
            "publisher": report.publisher,
            "published": report.published,
        },
        "origins": report.origins,
        "deliveries": [
            {"chat": d.chat, "status": d.status, "message_id": d.message_id, "attempts": d.attempts}
            for d in alert.deliveries
        ],
    }


def status_row(status: StatusView) -> dict[str, Any]:
    """Shape the state for `status`."""
    return asdict(status)
