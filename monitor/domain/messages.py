"""Messages: what a subscriber reads, as Telegram HTML and as plain text.

A message is built from short parts that are cut to size first and escaped last, so no tag is ever
cut in two and any text at all gives valid HTML. Telegram allows 4,096 characters of text (Bot API,
sendMessage); the limits of the parts below keep an alert under about 900.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never
from urllib.parse import quote

from monitor.domain.alerts import AlertKind
from monitor.domain.ledger import Standing
from monitor.domain.texts import shorten, squeeze
from monitor.domain.views import AlertView, ClaimView, StatusView

CLAIM_LENGTH = 180
QUOTE_LENGTH = 300
TITLE_LENGTH = 160
NAME_LENGTH = 60
URL_LENGTH = 2000
MESSAGE_LENGTH = 4096
_ROOM = 400
_JOINERS = "\u200c\u200d"

_LEADS = {
    AlertKind.CONTRADICTION: ("🔴", "Reported to contradict"),
    AlertKind.SUPPORT: ("🟢", "Reported to support"),
    AlertKind.UPDATE: ("🔵", "Reported development"),
    AlertKind.FOLLOW_UP: ("⚪", "Related report"),
    AlertKind.CONDITION_MET: ("🟠", "Condition reported met"),
    AlertKind.STANDING_CHANGE: ("🟣", "Standing changed"),
}
_MARKS = {
    Standing.HOLDS: "⚪",
    Standing.SUPPORTED: "🟢",
    Standing.DISPUTED: "🟡",
    Standing.CONTRADICTED: "🔴",
    Standing.CONDITION_MET: "🟠",
    Standing.FULFILLED: "✅",
    Standing.EXPIRED: "⌛",
    Standing.RETIRED: "▪️",
}
_WORDS_FOR = ((0.97, "very sure"), (0.9, "sure"), (0.75, "fairly sure"), (0.0, "not sure"))


class Style(StrEnum):
    """How a part of a message is set."""

    PLAIN = "plain"
    BOLD = "bold"
    ITALIC = "italic"
    QUOTE = "quote"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message's text in one style; `url` only for a link."""

    text: str
    style: Style = Style.PLAIN
    url: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready to send. `silent` asks the chat to make no sound."""

    parts: tuple[Part, ...]
    silent: bool = False

    @property
    def html(self) -> str:
        """The message as Telegram HTML, every text escaped."""
        return "".join(_as_html(part) for part in self.parts)

    @property
    def text(self) -> str:
        """The message as plain text, links written out."""
        return "".join(_as_text(part) for part in self.parts)


def clean(text: str, limit: int) -> str:
    """Give foreign text on one line, cut to `limit`, without marks that reorder what follows it.

    Joiners stay, for Persian words and composed emoji need them.
    """
    kept = "".join(char for char in squeeze(text) if char in _JOINERS or char.isspace() or char.isprintable())
    return shorten(squeeze(kept).strip(f"{_JOINERS} "), limit)


def _web_address(url: str) -> str:
    """Give a web address on one line, its unprintable characters quoted; empty if it is none."""
    if not url.startswith(("http://", "https://")) or len(url) > URL_LENGTH:
        return ""
    return "".join(
        char if char.isprintable() and char != " " else quote(char, safe="", errors="replace") for char in url
    )


def _as_html(part: Part) -> str:
    escaped = html.escape(part.text)
    match part.style:
        case Style.PLAIN:
            return escaped
        case Style.BOLD:
            return f"<b>{escaped}</b>"
        case Style.ITALIC:
            return f"<i>{escaped}</i>"
        case Style.QUOTE:
            return f"<blockquote>{escaped}</blockquote>"
        case Style.LINK:
            return f'<a href="{html.escape(part.url)}">{escaped}</a>'
        case _:
            assert_never(part.style)


def _as_text(part: Part) -> str:
    match part.style:
        case Style.QUOTE:
            return f"    “{part.text}”\n"
        case Style.LINK:
            return f"{part.text} <{part.url}>" if part.url else part.text
        case _:
            return part.text


def confidence_words(confidence: float) -> str:
    """Say a confidence in words and number: `"sure (93 %)"`."""
    word = next(word for least, word in _WORDS_FOR if confidence >= least)
    return f"{word} ({min(round(confidence * 100), 99)} %)"


def standing_words(standing: Standing) -> str:
    """Say a standing with its mark: `"🟡 disputed"`."""
    return f"{_MARKS[standing]} {standing.value.replace('_', ' ')}"


def _standing_line(before: Standing, after: Standing) -> str:
    """Say how a claim stands, and what it was if that has changed."""
    return standing_words(after) if before is after else f"{standing_words(before)} → {standing_words(after)}"


def _source_parts(alert: AlertView) -> tuple[Part, ...]:
    """Cite the report: publisher, date, language if not English, other publishers, headline as a link."""
    report = alert.report
    facts = [clean(report.publisher, NAME_LENGTH) or "unnamed publisher"]
    if report.published:
        facts.append(f"{report.published:%-d %b %Y, %H:%M} UTC")
    language = clean(report.language, NAME_LENGTH)
    if language not in ("", "en"):
        facts.append(f"in {language}")
    if report.origins > 1:
        facts.append(f"carried by {report.origins} publishers")
    title = clean(report.title, TITLE_LENGTH) or "the report"
    url = _web_address(report.url)
    link = Part(title, Style.LINK, url) if url else Part(title)
    return (Part(" · ".join(facts) + "\n"), link, Part("\n"))


def _said(claim: AlertView | ClaimView) -> str:
    """Say who stated the claim, and when."""
    return ", ".join(filter(None, (clean(claim.said_by, NAME_LENGTH), clean(claim.said_on, NAME_LENGTH))))


def render_alert(alert: AlertView, *, repeat: bool = False) -> Message:
    """Write an alert: what claim, what the report says, who says it, how sure, how the claim stands.

    `repeat` marks a message that is sent again because nobody knows whether the first one arrived.
    """
    mark, lead = _LEADS[alert.kind]
    said = _said(alert)
    parts = [
        Part("(sent again: the first attempt may not have arrived)\n", Style.ITALIC) if repeat else Part(""),
        Part(f"{mark} {lead}: ", Style.BOLD),
        Part(clean(alert.statement, CLAIM_LENGTH), Style.ITALIC),
        Part("\n"),
        Part(f"Claim {alert.claim.claim}{' · ' + said if said else ''}\n\n"),
        Part(clean(alert.quote, QUOTE_LENGTH) or "—", Style.QUOTE),
        *_source_parts(alert),
        Part(f"\nWe are {confidence_words(alert.confidence)}. Standing of the claim: "),
        Part(_standing_line(alert.before, alert.after), Style.BOLD),
    ]
    silent = alert.kind is not AlertKind.CONTRADICTION and alert.before is alert.after
    return Message(tuple(part for part in parts if part.text), silent=silent)


def _counts(claim: ClaimView) -> str:
    """Count the reports for, against, and of other developments."""
    return f"{claim.supports} for · {claim.contradicts} against · {claim.updates} developments"


def _length(parts: Iterable[Part]) -> int:
    """Measure parts as Telegram does: in UTF-16 units, without the addresses of links."""
    return sum(len(part.text.encode("utf-16-le")) // 2 for part in parts)


def _fitted(head: Iterable[Part], blocks: Sequence[Iterable[Part]], *, more: str) -> Message:
    """Set `head`, then as many blocks as fit into a message, then `more` if some are left out."""
    parts = [part for part in head if part.text]
    length = _length(parts)
    for block in blocks:
        kept = [part for part in block if part.text]
        length += _length(kept)
        if length > MESSAGE_LENGTH - _ROOM:
            parts.append(Part(more))
            break
        parts += kept
    return Message(tuple(parts))


def render_claims(claims: Sequence[ClaimView]) -> Message:
    """List claims with their standings, as many as fit."""
    if not claims:
        return Message((Part("No claims are tracked yet."),))
    blocks = [
        (
            Part(f"{_MARKS[claim.standing]} {claim.ref.claim} ", Style.BOLD),
            Part(clean(claim.statement, CLAIM_LENGTH)),
            Part(f"\n      {claim.standing.value.replace('_', ' ')} · {_counts(claim)}\n"),
        )
        for claim in claims
    ]
    return _fitted((), blocks, more=f"… {len(claims)} claims in all")


def render_claim(claim: ClaimView, latest: Sequence[AlertView]) -> Message:
    """Show one claim with its standing and its newest alerts, as many as fit."""
    said = _said(claim)
    head = (
        Part(f"{_MARKS[claim.standing]} {claim.ref}\n", Style.BOLD),
        Part(clean(claim.statement, QUOTE_LENGTH) + "\n", Style.ITALIC),
        Part(f"{said}\n" if said else ""),
        Part(f"\n{claim.standing.value.replace('_', ' ')} · {_counts(claim)}\n"),
    )
    blocks = [
        (
            Part(f"\n{_LEADS[alert.kind][0]} {_LEADS[alert.kind][1]}, {confidence_words(alert.confidence)}\n"),
            Part(clean(alert.quote, QUOTE_LENGTH) or "—", Style.QUOTE),
            *_source_parts(alert),
        )
        for alert in latest
    ]
    return _fitted(head, blocks, more="\n… and more")


def render_latest(alerts: Sequence[AlertView]) -> Message:
    """List the newest alerts, a line and a link each, as many as fit."""
    if not alerts:
        return Message((Part("No alerts yet."),))
    blocks = [
        (
            Part(f"{_LEADS[alert.kind][0]} {_LEADS[alert.kind][1]} {alert.claim.claim}: ", Style.BOLD),
            Part(clean(alert.statement, NAME_LENGTH) + "\n"),
            *_source_parts(alert),
            Part("\n"),
        )
        for alert in alerts
    ]
    return _fitted((), blocks, more="… and more")


def render_status(status: StatusView) -> Message:
    """Say that the program is alive, and what it is doing."""
    polled = f"{status.last_poll_at:%-d %b %Y, %H:%M:%S} UTC" if status.last_poll_at else "never"
    lines = (
        f"Last poll: {polled}",
        f"Stories {status.stories} · claims {status.claims} · reports {status.reports} · alerts {status.alerts}",
        f"Feeds {status.feeds.total}: {status.feeds.failing} failing, {status.feeds.parked} parked",
        f"Entries {status.entries.total}: {status.entries.due} waiting, {status.entries.failing} failing",
        f"Messages {status.deliveries.total}: {status.deliveries.due} waiting, {status.deliveries.parked} parked",
        f"Version {status.version}, judge {clean(status.model, NAME_LENGTH)}",
    )
    return Message((Part("Alive.\n", Style.BOLD), Part("\n".join(lines))))
