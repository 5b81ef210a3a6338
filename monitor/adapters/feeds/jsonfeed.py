"""JSON Feed 1.0 and 1.1 (https://jsonfeed.org), which feedparser does not read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from monitor.adapters.feeds.items import Item
from monitor.domain.feeds import Failure, FetchFailed


def read_json_feed(text: str, most: int) -> tuple[list[Item], str, str] | FetchFailed:
    """Read the first `most` items, title and language of a JSON Feed; members of a wrong type are left out."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return FetchFailed(Failure.UNREADABLE, "the document begins like JSON but is damaged")
    if not isinstance(document, dict) or "jsonfeed.org/version" not in _text(document, "version"):
        return FetchFailed(Failure.NOT_A_FEED, "this is JSON, but not a JSON Feed")
    listed = document.get("items")
    items = [_item(entry) for entry in listed[:most] if isinstance(entry, dict)] if isinstance(listed, list) else []
    return items, _text(document, "title"), _text(document, "language")


def _item(entry: Mapping[str, Any]) -> Item:
    number = entry.get("id")
    return Item(
        identity=str(number) if isinstance(number, int | float) else _text(entry, "id"),
        link=_text(entry, "url") or _text(entry, "external_url"),
        title=_text(entry, "title"),
        summary=_text(entry, "summary"),
        content=_text(entry, "content_html") or _text(entry, "content_text"),
        published=_date(_text(entry, "date_published") or _text(entry, "date_modified")),
    )


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _date(value: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(value.strip())
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
