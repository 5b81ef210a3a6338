"""OPML: lists of feeds, read from other programs and written for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from monitor.domain.feeds import Feed, FeedDraft
from monitor.domain.texts import squeeze
from monitor.errors import UsageError


class _Reader:
    """Collects the outlines that have an address, however deep they are nested, in order."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EntityDeclHandler = self._refuse_entity
        self.feeds: dict[str, FeedDraft] = {}

    def read(self, text: str | bytes) -> None:
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError as error:
            raise self._problem(f"not well-formed XML ({expat.ErrorString(error.code)})", error.lineno) from error
        except (LookupError, ValueError) as error:
            raise self._problem("its encoding cannot be read; save it as UTF-8") from error

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._parser.CurrentLineNumber and not self.feeds and name.lower() in ("rss", "feed", "html"):
            raise self._problem(f"this is <{name}>, not OPML; add a single feed by its address")
        url = squeeze(attributes.get("xmlUrl", attributes.get("xmlurl", "")))
        if name.lower() != "outline" or not url:
            return
        if not url.lower().startswith(("http://", "https://")):
            raise self._problem(f"xmlUrl must begin with http:// or https://, not “{url[:80]}”")
        title = squeeze(attributes.get("title", attributes.get("text", "")))
        publisher = squeeze(attributes.get("publisher", title))
        self.feeds.setdefault(url, FeedDraft(url, title, publisher, squeeze(attributes.get("language", ""))))

    def _refuse_entity(self, *_: object) -> None:
        raise self._problem("it declares XML entities, which are never expanded; remove the DOCTYPE")

    def _problem(self, reason: str, line: int | None = None) -> UsageError:
        return UsageError(f"{self._file}:{line or self._parser.CurrentLineNumber}: {reason}")


def read_opml(text: str | bytes, *, file: str) -> list[FeedDraft]:
    """Read the feeds of an OPML document, in order, each address once.

    A feed without a `publisher` is published by its title. Raises UsageError, naming `file` and line,
    for what is not OPML, declares entities, or lists no feed.
    """
    reader = _Reader(file)
    reader.read(text)
    if not reader.feeds:
        raise UsageError(f'{file}: no feed in it; an OPML file lists each as <outline xmlUrl="…"/>')
    return list(reader.feeds.values())


def write_opml(feeds: Iterable[Feed | FeedDraft]) -> str:
    """Write feeds as OPML 2.0 that `read_opml` reads back the same."""
    outlines = "".join(f"    <outline{_attributes(feed)}/>\n" for feed in feeds)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n'
        f"  <head><title>Feeds of the claim monitor</title></head>\n  <body>\n{outlines}  </body>\n</opml>\n"
    )


def _attributes(feed: Feed | FeedDraft) -> str:
    members = {
        "type": "rss",
        "text": feed.title or feed.url,
        "title": feed.title,
        "xmlUrl": feed.url,
        "language": feed.language,
        "publisher": feed.publisher,
    }
    return "".join(f" {name}={quoteattr(squeeze(value))}" for name, value in members.items())
