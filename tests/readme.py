"""Writes the tables of README.md from the program itself: `python -m tests.readme`. A test checks them."""

from __future__ import annotations

from pathlib import Path

import typer

from monitor.entrypoints.bot import COMMANDS
from monitor.entrypoints.cli import app
from monitor.settings import PREFIX, Settings

README = Path(__file__).parents[1] / "README.md"


def settings_table() -> str:
    """Give a row for each setting."""
    rows = ["| setting | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "", ()) else f"`{str(field.default).lower()}`"
        if name in ("database_url", "seeds", "telegram_api_url", "web_bind", "log_level"):
            default = f"`{field.default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {field.description} | {default} |")
    return "\n".join(rows)


def commands_table() -> str:
    """Give a row for each command and each group of commands."""
    rows = ["| command | what it does |", "|---|---|"]
    rows += [f"| `monitor {name}` | {text} |" for name, text in _commands(app)]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        names = " · ".join(name for name, _ in _commands(group.typer_instance))
        rows.append(f"| `monitor {group.name}` {names} | {group.help} |")
    return "\n".join(rows)


def _commands(of: typer.Typer) -> list[tuple[str, str]]:
    """Give the names of an app's own commands, each with the first line of its help."""
    callbacks = [(command.name, command.callback) for command in of.registered_commands]
    return [(name or "", (callback.__doc__ or "").strip().splitlines()[0]) for name, callback in callbacks if callback]


def bot_table() -> str:
    """Give a row for each command of the bot."""
    rows = ["| command | what it answers |", "|---|---|"]
    return "\n".join(rows + [f"| `/{command.name}` | {command.description} |" for command in COMMANDS])


TABLES = {"settings": settings_table, "commands": commands_table, "bot": bot_table}


def with_tables(text: str) -> str:
    """Give the README's text with its tables as the program has them."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n\n{table()}\n\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
