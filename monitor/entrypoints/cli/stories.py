"""`monitor story …`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from monitor.actions import add_story
from monitor.bootstrap import open_questions, read_story
from monitor.domain.stories import Story
from monitor.entrypoints.cli.output import Format, FormatOption, say, show
from monitor.settings import read_settings

app = typer.Typer(no_args_is_help=True)
StoryFile = Annotated[Path, typer.Argument(help="A story file (TOML).", metavar="FILE")]


@app.command("add")
def add(file: StoryFile) -> None:
    """Store a story and watch its claims, or bring a stored one up to date."""
    story = read_story(file)

    async def store() -> bool:
        async with open_questions(read_settings()) as (_, library):
            return await add_story(library, story)

    changed = asyncio.run(store())
    say(f"{story.slug}: {len(story.claims)} claims are watched" + ("" if changed else " (nothing has changed)"))


@app.command("check")
def check(file: StoryFile) -> None:
    """Say what is wrong with a story file, without storing anything."""
    story = read_story(file)
    say(f"{file}: good; story {story.slug!r}, {len(story.claims)} claims, {len(story.names)} names that point to it")


@app.command("list")
def list_stories(form: FormatOption = Format.TABLE) -> None:
    """List the stored stories."""

    async def ask() -> list[dict[str, object]]:
        async with open_questions(read_settings()) as (questions, _):
            stories = await questions.stories()
        return [{"slug": s.slug, "title": s.title, "published": s.published, "claims": len(s.claims)} for s in stories]

    rows = asyncio.run(ask())
    show(rows, form=form, columns=("slug", "claims", "title"), empty="no stories yet; add one: monitor story add FILE")


@app.command("show")
def show_story(
    slug: Annotated[str, typer.Argument(help="The story's slug.")], form: FormatOption = Format.TABLE
) -> None:
    """Show one story and its claims."""

    async def ask() -> Story:
        async with open_questions(read_settings()) as (questions, _):
            return await questions.story(slug)

    story = asyncio.run(ask())
    if form is Format.JSON:
        show([_story_row(story)], form=form, columns=(), empty="")
        return
    say(f"{story.title}\n{story.published} · {len(story.names)} names\n\n{story.summary}\n")
    rows = [
        {"id": c.ref.claim, "said_by": c.said_by, "said_on": c.said_on, "statement": c.statement} for c in story.claims
    ]
    show(rows, form=form, columns=("id", "said_by", "said_on", "statement"), empty="no claims")


def _story_row(story: Story) -> dict[str, object]:
    """Shape a story as its file has it."""
    row = asdict(story)
    claims = [{"id": claim.ref.claim, **asdict(claim)} for claim in story.claims]
    for claim in claims:
        del claim["ref"]
    return {**row, "claims": claims}
