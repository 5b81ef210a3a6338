"""The README's tables say what the program has, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from monitor.entrypoints.bot import COMMANDS
from monitor.entrypoints.cli import app
from monitor.settings import known_names
from tests.readme import README, with_tables

ROOT = Path(__file__).parents[2]


def rows(table: str) -> list[list[str]]:
    """Read the rows of one of the README's tables, without its head."""
    found = re.search(rf"<!-- {table} -->(.*)<!-- /{table} -->", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"README.md has no table between <!-- {table} --> and <!-- /{table} -->"
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def commands(of: typer.Typer) -> set[str]:
    return {command.name or "" for command in of.registered_commands}


def test_every_setting_stands_in_the_readme_and_nothing_else() -> None:
    assert [row[0].strip("`") for row in rows("settings")] == list(known_names())


def test_every_command_stands_in_the_readme_and_nothing_else() -> None:
    listed = {}
    for cell, *_ in rows("commands"):
        name, _, subcommands = cell.removeprefix("`monitor ").partition("`")
        listed[name] = {part.strip() for part in subcommands.split("·") if part.strip()}
    groups = {group.name: commands(group.typer_instance) for group in app.registered_groups if group.typer_instance}
    assert listed == {name: set() for name in commands(app)} | groups


def test_every_bot_command_stands_in_the_readme_and_nothing_else() -> None:
    assert [row[0].strip("`/") for row in rows("bot")] == [command.name for command in COMMANDS]


def test_the_tables_are_the_ones_that_the_program_writes() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_tables(text), "write them again: python -m tests.readme"


@pytest.mark.parametrize("file", [".env.example", "docker-compose.yml", "Dockerfile", "CONTRIBUTING.md", "SECURITY.md"])
def test_no_file_speaks_of_a_setting_that_does_not_exist(file: str) -> None:
    spoken_of = re.findall(r"\bMONITOR_(?!TEST_)[A-Z_]*[A-Z]\b", (ROOT / file).read_text(encoding="utf-8"))
    assert set(spoken_of) <= set(known_names())
