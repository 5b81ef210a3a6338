"""Cleaning: plain text out of whatever markup an item carries."""

from __future__ import annotations

import html
import re

import nh3

from monitor.domain.texts import squeeze

MOST_MARKUP = 200_000
MOST_TEXT = 20_000

_BLOCKS = {
    *("address", "article", "aside", "blockquote", "br", "dd", "details", "div", "dl", "dt", "figcaption"),
    *("figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol"),
    *("p", "pre", "section", "table", "td", "th", "tr", "ul"),
}
_DROPPED = {"script", "style", "iframe", "noscript", "object", "svg", "template", "form", "button"}
_CLEANER = nh3.Cleaner(tags=_BLOCKS, clean_content_tags=_DROPPED, attributes={}, link_rel=None)
_TAG = re.compile(r"<[^>]*>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,24});")
_ESCAPED_TAG = re.compile(
    r"</?(?:a|b|blockquote|br|div|em|figure|h[1-6]|i|img|li|ol|p|span|strong|table|td|tr|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def plain_text(markup: str) -> str:
    """Give the text of HTML, of text, or of either escaped twice: one line for each block.

    Scripts and styles are dropped; at most MOST_MARKUP characters are read and MOST_TEXT given.
    """
    text = _strip(_SURROGATE.sub("", markup[:MOST_MARKUP]))
    if _ESCAPED_TAG.search(text):
        text = _strip(text)
    elif _ENTITY.search(text):
        text = html.unescape(text)
    lines = (squeeze(line) for line in text[: 2 * MOST_TEXT].splitlines())
    return "\n".join(line for line in lines if line)[:MOST_TEXT].rstrip()


def plain_line(markup: str, most: int = 1000) -> str:
    """Give the text of a title on one line."""
    return squeeze(plain_text(markup))[:most].rstrip()


def _strip(markup: str) -> str:
    if "<" not in markup:
        return html.unescape(markup)
    return html.unescape(_TAG.sub("\n", _CLEANER.clean(markup)))
