"""The demo's feeds and entries, and the documents in which they are served, wave by wave."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

REPLAY_FILE = Path(__file__).with_name("replay.toml")


@dataclass(frozen=True, slots=True)
class ReplayFeed:
    """A feed of an invented publisher."""

    id: str
    title: str
    language: str
    publisher: str


@dataclass(frozen=True, slots=True)
class ReplayEntry:
    """An invented entry, shown from a wave on; `note` is what a careful editor would say of it."""

    feed: str
    wave: int
    guid: str
    title: str
    text: str
    published: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Replay:
    """All feeds and entries of the demo."""

    feeds: tuple[ReplayFeed, ...]
    entries: tuple[ReplayEntry, ...]

    @classmethod
    def read(cls, file: Path = REPLAY_FILE) -> Replay:
        """Read the replay's file."""
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        feeds = tuple(ReplayFeed(**feed) for feed in table["feeds"])
        return cls(feeds, tuple(ReplayEntry(**entry) for entry in table["entries"]))

    @property
    def waves(self) -> int:
        """The number of waves."""
        return max(entry.wave for entry in self.entries)

    def shown(self, wave: int) -> dict[tuple[str, str], ReplayEntry]:
        """Give what is shown in a wave by feed and guid: the latest edition of each entry."""
        editions = sorted(self.entries, key=lambda entry: entry.wave)
        return {(entry.feed, entry.guid): entry for entry in editions if entry.wave <= wave}

    def documents(self, wave: int) -> dict[str, bytes]:
        """Write each feed as RSS 2.0, by its name on the server."""
        shown = self.shown(wave).values()
        return {
            f"{feed.id}.xml": _rss(feed, [entry for entry in shown if entry.feed == feed.id]) for feed in self.feeds
        }


def _rss(feed: ReplayFeed, entries: Iterable[ReplayEntry]) -> bytes:
    """Write one feed with its entries, the newest first."""
    rss = ET.Element("rss", version="2.0")
    channel = ET.SubElement(rss, "channel")
    for tag, value in (("title", feed.title), ("link", f"https://{feed.id}.example/"), ("language", feed.language)):
        ET.SubElement(channel, tag).text = value
    for entry in sorted(entries, key=lambda entry: entry.published, reverse=True):
        item = ET.SubElement(channel, "item")
        ET.SubElement(item, "guid", isPermaLink="false").text = entry.guid
        ET.SubElement(item, "title").text = entry.title
        ET.SubElement(item, "link").text = f"https://{feed.id}.example/{entry.guid}"
        ET.SubElement(item, "description").text = entry.text
        ET.SubElement(item, "pubDate").text = format_datetime(entry.published)
    document: bytes = ET.tostring(rss, encoding="utf-8", xml_declaration=True)
    return document
