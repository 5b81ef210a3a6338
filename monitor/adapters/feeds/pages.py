"""Web pages that come where a feed was asked for, and the challenges of bot walls among them."""

from __future__ import annotations

import html
import re

from monitor.domain.feeds import Failure, FetchFailed
from monitor.domain.texts import shorten, squeeze

_HEAD = 65_536
_PAGE = re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,500})", re.IGNORECASE)
_CHALLENGE = re.compile(
    rb"cf[-_]chl|attention required! \| cloudflare|<title>just a moment|enable javascript and cookies"
    rb"|_incapsula_resource|px-captcha|captcha-delivery|ddos-guard|checking your browser"
    rb"|verify(?:ing)? (?:that )?you are (?:a )?human|servicepipe",
    re.IGNORECASE,
)


def is_page(body: bytes) -> bool:
    """Tell whether a body looks like an HTML page."""
    return bool(_PAGE.search(body[:2048]))


def is_challenge_page(body: bytes) -> bool:
    """Tell whether a body is the page by which a bot wall asks for a browser or a person."""
    return is_page(body) and bool(_CHALLENGE.search(body[:_HEAD]))


def page_title(body: bytes) -> str:
    """Give the title of an HTML page, short enough for a message; empty if it has none."""
    found = _TITLE.search(body[:_HEAD].decode("utf-8", "replace"))
    return shorten(squeeze(html.unescape(found.group(1))), 80) if found else ""


def page_instead_of_feed(body: bytes) -> FetchFailed:
    """Say that a web page came instead of a feed, by its title where it has one."""
    title = page_title(body)
    return FetchFailed(Failure.NOT_A_FEED, "this looks like a web page" + (f", “{title}”" if title else ""))
