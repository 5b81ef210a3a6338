"""Items: what a feed's item, in whatever format, becomes as an EntryDraft."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

from monitor.adapters.feeds.cleaning import MOST_TEXT, plain_line, plain_text
from monitor.domain.feeds import EntryDraft
from monitor.domain.texts import canonical_url, content_hash, squeeze

LONGEST_KEY = 200
LONGEST_URL = 2000
LEAD = timedelta(hours=24)
FIRST_DATE = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Item:
    """An item as its format gives it: markup, not text; an address that may be relative."""

    identity: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    published: datetime | None = None


def draft(item: Item, *, base: str, fetched_at: datetime | None) -> EntryDraft | None:
    """Turn an item into a draft; None if it says nothing.

    The key is the item's own identity, else its address, else its title and date (POLLING 33). A date
    more than a day ahead becomes the time of the fetch, one before 1990 is none (POLLING 35).
    """
    title = plain_line(item.title)
    text = _join(plain_text(item.summary), plain_text(item.content))
    if not title and not text:
        return None
    url = absolute(item.link, base)
    return EntryDraft(
        key=_key(squeeze(item.identity), url, f"{title or text[:200]}\n{item.published or ''}"),
        url=url,
        title=title,
        text=text,
        published=_plausible(item.published, fetched_at),
        content_hash=content_hash(title, text),
    )


def absolute(link: str, base: str) -> str:
    """Resolve an address against its document's; empty unless it is one of the web's."""
    if not link.strip():
        return ""
    try:
        url = urljoin(base, squeeze(link).replace(" ", "%20"))
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc and len(url) <= LONGEST_URL else ""


def _join(summary: str, content: str) -> str:
    """Put summary and content together, unless one holds the other."""
    opening = squeeze(summary).rstrip(" .…[]")[:200]
    if not summary or opening in squeeze(content):
        return content
    if content and squeeze(content) in squeeze(summary):
        return summary
    return f"{summary}\n{content}".strip()[:MOST_TEXT].rstrip()


def _key(identity: str, url: str, otherwise: str) -> str:
    if identity:
        kind, value = "guid", identity
    elif url:
        kind, value = "link", canonical_url(url)
    else:
        kind, value = "hash", _digest(otherwise)
    return f"{kind}:{value if len(value) <= LONGEST_KEY else '#' + _digest(value)}"


def _digest(value: str) -> str:
    return hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _plausible(date: datetime | None, fetched_at: datetime | None) -> datetime | None:
    if date is None or date < FIRST_DATE:
        return None
    if date > (fetched_at or date) + LEAD:
        return fetched_at
    return date
