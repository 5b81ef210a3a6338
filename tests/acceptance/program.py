"""The program as a user starts it: a process of its own, in a folder and an environment of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from monitor.adapters.storage.database import Database
from monitor.domain.stories import Story

PATIENCE = 60.0
COMMAND = (sys.executable, "-m", "monitor")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Program:
    """The program in one working folder, with these settings and no others."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.database_file}"

    @property
    def database_file(self) -> Path:
        """Where the database lies unless a setting says otherwise."""
        return self.folder / "monitor.db"

    @property
    def environment(self) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", "COLUMNS": "200"}
        return own | {"MONITOR_ALLOW_PRIVATE_ADDRESSES": "true", "MONITOR_WEB_BIND": ""} | self.settings

    def with_settings(self, **settings: str) -> Program:
        """Give the same folder with further settings, named without their prefix."""
        named = {f"MONITOR_{name.upper()}": value for name, value in settings.items()}
        return replace(self, settings=self.settings | named)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file in the working folder."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    async def run(self, *arguments: str, given: str | bytes = b"", patience: float = PATIENCE) -> Outcome:
        """Run a command to its end, with `given` on its stdin."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND, *arguments, cwd=self.folder, env=self.environment, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        try:
            async with asyncio.timeout(patience):
                out, err = await process.communicate(given.encode() if isinstance(given, str) else given)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    async def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a command that must succeed and give its JSON lines."""
        outcome = await self.run(*arguments, "--format", "json")
        assert outcome.code == 0, outcome.err
        return outcome.rows

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Daemon]:
        """Have `monitor run` running; it is killed at the end of the block if it still runs."""
        log = self.folder / "run.log"
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                *COMMAND, "run", cwd=self.folder, env=self.environment, stdin=DEVNULL, stdout=sink, stderr=sink
            )
        try:
            yield Daemon(process, log)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Open the program's database beside it."""
        async with Database.open(self.database_url) as opened:
            yield opened


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running `monitor run`; what it prints is in `log`."""

    process: Process
    log: Path

    @property
    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8")

    async def says(self, words: str) -> None:
        """Wait until it has printed these words."""
        await until(lambda: words in self.printed)

    def alive(self) -> bool:
        return self.process.returncode is None

    def terminate(self) -> None:
        """Ask it to stop, as `kill`, systemd and Docker do."""
        self.process.send_signal(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        await self.process.wait()

    async def exit_code(self, patience: float = 10.0) -> int:
        """Wait for its end."""
        async with asyncio.timeout(patience):
            return await self.process.wait()


async def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until a condition holds that another process brings about."""
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 - no event of this process tells
            await asyncio.sleep(0.05)


def rss(*titles: str, text: str = "It rained all day.", title: str = "The Paper") -> bytes:
    """Write a feed with an entry for each title."""
    items = "".join(
        f"<item><guid isPermaLink='false'>{name}</guid><title>{name}</title><description>{text}</description>"
        f"<link>https://paper.example/{number}</link><pubDate>Fri, 17 Feb 2023 12:00:00 GMT</pubDate></item>"
        for number, name in enumerate(titles)
    )
    head = f"<title>{title}</title><link>https://paper.example/</link>"
    document = f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel>{head}{items}</channel></rss>"
    return document.encode()


def opml(*urls: str) -> str:
    """Write an OPML file with these feeds, published by Paper 1, Paper 2, …"""
    outlines = "".join(
        f"<outline text='Paper {n}' publisher='Paper {n}' language='en' xmlUrl='{url}'/>"
        for n, url in enumerate(urls, 1)
    )
    return f"<opml version='2.0'><head/><body>{outlines}</body></opml>"


def story_file(story: Story) -> str:
    """Write a story as a file that a user would write."""
    head = f"slug = {json.dumps(story.slug)}\ntitle = {json.dumps(story.title)}\npublished = {story.published}\n"
    claims = "".join(
        f"\n[[claims]]\nid = {json.dumps(claim.ref.claim)}\nstatement = {json.dumps(claim.statement)}\n"
        f"said_by = {json.dumps(claim.said_by)}\nsaid_on = {json.dumps(claim.said_on)}\n"
        for claim in story.claims
    )
    subjects = "".join(
        f"\n[[subjects]]\nname = {json.dumps(subject.name)}\naliases = {json.dumps(list(subject.aliases))}\n"
        for subject in story.subjects
    )
    return head + claims + subjects
