"""Parsing: a document's bytes into drafts of entries, or the reason why not.

What does not begin like a feed is refused before any parser sees it. Everything before the root element
is dropped, the DOCTYPE with it, so that no parser ever knows an entity to expand; a document that
declares some is refused by name.
"""

from __future__ import annotations

import calendar
import re
import xml.sax
from datetime import UTC, datetime
from html.entities import html5
from itertools import islice
from typing import Any

import feedparser

from monitor.adapters.feeds.charsets import decode
from monitor.adapters.feeds.cleaning import plain_line
from monitor.adapters.feeds.dates import read_date
from monitor.adapters.feeds.items import Item, absolute, draft
from monitor.adapters.feeds.jsonfeed import read_json_feed
from monitor.adapters.feeds.pages import is_page, page_instead_of_feed
from monitor.domain.feeds import EntryDraft, Failure, Fetched, FetchFailed

MOST_ITEMS = 1000
MOST_MARKS = 120_000

_HEAD = 65_536
_ROOT = re.compile(r"<(?:[\w.-]{1,40}:)?(?:rss|feed|rdf|channel)(?=[\s>/])", re.IGNORECASE)
_HTML = re.compile(r"<html[\s>]", re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY\s+[^%\s]", re.IGNORECASE)
_ITEM_END = re.compile(r"</(?:[\w.-]{1,40}:)?(?:item|entry)\s*>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:([a-z][a-z0-9]{1,30});|#x([0-9a-f]*);?|#([0-9]*);?)", re.IGNORECASE)
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_MOST_DIGITS = 8
_MARK = re.compile("[<&]")
_ENDLESS_TAG = re.compile(r"<[\w/?][^<>]{65536}")
_LEGAL = (range(9, 11), range(13, 14), range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
_LANGUAGE = re.compile(r"\s*([a-z]{2,3})(?![a-z])", re.IGNORECASE)
_PARSER_SLIPS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def parse(body: bytes, *, content_type: str, url: str, fetched_at: datetime | None) -> Fetched | FetchFailed:
    """Read RSS, Atom, RDF or JSON Feed, whatever `content_type` calls it (POLLING 28).

    `url` is where the document came from, against which its links are resolved; `fetched_at` replaces
    dates that lie more than a day after it. At most MOST_ITEMS items are read, the first. Never raises.
    """
    if not body.strip(b"\0 \t\r\n"):
        return FetchFailed(Failure.EMPTY, "the document is empty")
    if failed := _refuse_unlike(body):
        return failed
    text = decode(body, content_type).lstrip("\ufeff \t\r\n")
    found = read_json_feed(text, MOST_ITEMS) if text.startswith("{") else _read_xml(text, url)
    if isinstance(found, FetchFailed):
        return found
    items, title, language = found
    drafts = (draft(item, base=url, fetched_at=fetched_at) for item in items[:MOST_ITEMS])
    entries: tuple[EntryDraft, ...] = tuple(entry for entry in drafts if entry)
    code = _LANGUAGE.match(language)
    return Fetched(entries, title=plain_line(title, 200), language=code.group(1).lower() if code else "")


def _refuse_unlike(body: bytes) -> FetchFailed | None:
    """Refuse at once, by its first bytes, what cannot be a feed."""
    head = body[:_HEAD].replace(b"\0", b"")
    start = head.decode("latin-1").lstrip("\xef\xbb\xbf\xff\xfe \t\r\n")
    root = _ROOT.search(start)
    if start.startswith("{"):
        return None
    if is_page(head) if root is None else _HTML.search(start, 0, root.start()):
        return page_instead_of_feed(head)
    if root is None:
        return FetchFailed(Failure.NOT_A_FEED, "this is neither RSS, Atom nor JSON Feed")
    return None


def _read_xml(text: str, url: str) -> tuple[list[Item], str, str] | FetchFailed:
    root = _ROOT.search(text, 0, _HEAD)
    if root is None:
        return FetchFailed(Failure.NOT_A_FEED, "this is neither RSS, Atom nor JSON Feed")
    if _ENTITY.search(text, 0, root.start()):
        return FetchFailed(Failure.UNREADABLE, "the document declares XML entities, which are never expanded")
    if _ENDLESS_TAG.search(text, root.start()):
        return FetchFailed(Failure.UNREADABLE, "the document holds a tag without an end")
    document = _REFERENCE.sub(_legal_reference, _first_items(text[root.start() :], root.group()))
    try:
        parsed = feedparser.parse(
            document.encode("utf-8", "replace"),
            response_headers={
                "content-type": "application/xml; charset=utf-8"
            },  # no address: it would join guids to it
            resolve_relative_uris=False,
            sanitize_html=False,
        )
        items = [_item(entry, url) for entry in parsed["entries"]]
    except _PARSER_SLIPS:
        return FetchFailed(Failure.UNREADABLE, "the document is too damaged to read")
    error = parsed.get("bozo_exception")
    if not items and isinstance(error, xml.sax.SAXException):
        return FetchFailed(Failure.UNREADABLE, f"damaged XML without a readable item: {error.getMessage()[:100]}")
    return items, _string(parsed["feed"], "title"), _string(parsed["feed"], "language")


def _first_items(document: str, root: str) -> str:
    """Cut a document after MOST_ITEMS items, and close what the cut leaves open; or after MOST_MARKS marks."""
    if (extra := next(islice(_MARK.finditer(document), MOST_MARKS, None), None)) is not None:
        document = document[: extra.start()]
    last = next(islice(_ITEM_END.finditer(document), MOST_ITEMS - 1, None), None)
    if last is None:
        return document
    kept = document[: last.end()]
    channel = "</channel>" if "<channel" in kept and "</channel>" not in kept else ""
    return f"{kept}{channel}</{root[1:]}>"


def _legal_reference(found: re.Match[str]) -> str:
    """Give a reference that XML knows: legal characters by number, HTML's names as numbers too."""
    name, hexadecimal, decimal = found.groups()
    if name is not None:
        characters = html5.get(f"{name};", "") if name not in _XML_NAMES else ""
        return "".join(f"&#{ord(char)};" for char in characters) or found.group()
    digits, base = (hexadecimal, 16) if hexadecimal is not None else (decimal, 10)
    code = int(digits, base) if 0 < len(digits) <= _MOST_DIGITS else 0
    return f"&#{code};" if any(code in legal for legal in _LEGAL) else ""


def _item(entry: dict[str, Any], url: str) -> Item:
    """Pick what we use; the plain dict look-up avoids feedparser's own aliases between dates."""
    contents = dict.get(entry, "content") or []
    return Item(
        identity=_string(entry, "id"),
        link=absolute(_string(entry, "link"), url),
        title=_string(entry, "title"),
        summary=_string(entry, "summary"),
        content="\n".join(_string(content, "value") for content in contents if isinstance(content, dict)),
        published=next(filter(None, (_date(entry, kind) for kind in ("published", "updated", "created"))), None),
    )


def _string(members: dict[str, Any], name: str) -> str:
    value = dict.get(members, name)
    return value if isinstance(value, str) else ""


def _date(entry: dict[str, Any], kind: str) -> datetime | None:
    parts = dict.get(entry, f"{kind}_parsed")
    if parts is None:
        return read_date(_string(entry, kind))
    try:
        return datetime.fromtimestamp(calendar.timegm(parts), tz=UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
