"""Any text at all gives a message that Telegram takes: judged by tdjson, Telegram's own parser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain.alerts import AlertKind
from monitor.domain.ids import AlertId, ClaimRef
from monitor.domain.ledger import Standing
from monitor.domain.messages import (
    MESSAGE_LENGTH,
    Message,
    clean,
    confidence_words,
    render_alert,
    render_claim,
    render_claims,
    render_latest,
    render_status,
)
from monitor.domain.stance import Stance
from monitor.domain.views import AlertView, ClaimView, QueueView, ReportView, StatusView
from tests.contract.telegram_markup import parse_html, utf16_length

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
MARKUP = st.sampled_from(
    ["<b>", "</a>", "&lt;", "&", "<", '"', "'", "<blockquote>", "\n\n", "&#x27;", "🔴", "\u202e", "\x00", "\u200d"]
)
ANY_CHARACTER = st.characters(exclude_categories=())
TEXTS = st.one_of(
    st.text(ANY_CHARACTER, max_size=40),
    st.lists(MARKUP | st.text(ANY_CHARACTER, max_size=5), max_size=12).map("".join),
    st.builds(lambda text, times: text * times, st.text(ANY_CHARACTER, min_size=1, max_size=5), st.integers(1, 120)),
)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
URLS = st.one_of(
    TEXTS,
    TEXTS.map("https://example.org/".__add__),
    st.just("javascript:alert(1)"),
    st.just('https://example.org/?a=1&b="><b>'),
)
REFS = st.builds(
    ClaimRef,
    st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", fullmatch=True),
)
COUNTS = st.integers(0, 10**6)
CONFIDENCES = st.floats(0, 1)
REPORTS = st.builds(
    ReportView,
    title=TEXTS,
    url=URLS,
    publisher=TEXTS,
    published=st.none() | MOMENTS,
    language=TEXTS,
    origins=COUNTS,
)
ALERTS = st.builds(
    AlertView,
    id=st.integers(1, 10**9).map(AlertId),
    raised_at=MOMENTS,
    kind=st.sampled_from(AlertKind),
    claim=REFS,
    story_title=TEXTS,
    statement=TEXTS,
    said_by=TEXTS,
    said_on=TEXTS,
    stance=st.sampled_from(Stance),
    confidence=CONFIDENCES,
    quote=TEXTS,
    before=st.sampled_from(Standing),
    after=st.sampled_from(Standing),
    report=REPORTS,
    deliveries=st.just(()),
)
CLAIMS = st.builds(
    ClaimView,
    ref=REFS,
    statement=TEXTS,
    said_by=TEXTS,
    said_on=TEXTS,
    standing=st.sampled_from(Standing),
    supports=COUNTS,
    contradicts=COUNTS,
    updates=COUNTS,
    changed_at=st.none() | MOMENTS,
)
QUEUES = st.builds(QueueView, COUNTS, COUNTS, COUNTS, COUNTS)
STATUSES = st.builds(
    StatusView,
    feeds=QUEUES,
    entries=QUEUES,
    deliveries=QUEUES,
    stories=COUNTS,
    claims=COUNTS,
    reports=COUNTS,
    alerts=COUNTS,
    last_poll_at=st.none() | MOMENTS,
    oldest_due_age_seconds=st.none() | st.floats(0, 1e6),
    version=st.just("0.1.0"),
    model=TEXTS,
)

NOON = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
REPORT = ReportView(
    title="Dam breaks & floods <town>",
    url="https://example.org/?a=1&b=2",
    publisher="The Example",
    published=NOON,
    language="uk",
    origins=3,
)
ALERT = AlertView(
    id=AlertId(7),
    raised_at=NOON,
    kind=AlertKind.CONTRADICTION,
    claim=ClaimRef("dam", "c1"),
    story_title="The dam",
    statement="The dam holds.",
    said_by="A. Engineer",
    said_on="2026-11-01",
    stance=Stance.CONTRADICTS,
    confidence=0.931,
    quote="Water pours through the dam, officials said.",
    before=Standing.HOLDS,
    after=Standing.DISPUTED,
    report=REPORT,
)
CLAIM = ClaimView(
    ref=ALERT.claim,
    statement=ALERT.statement,
    said_by=ALERT.said_by,
    said_on=ALERT.said_on,
    standing=Standing.DISPUTED,
    supports=1,
    contradicts=2,
    updates=3,
    changed_at=NOON,
)


def parsed(message: Message) -> dict[str, Any]:
    return parse_html(message.html)


def assert_telegram_takes(message: Message) -> None:
    document = parsed(message)
    assert document["@type"] == "formattedText", document
    assert 1 <= utf16_length(document["text"].strip()) <= MESSAGE_LENGTH
    assert message.html.encode()
    assert message.text.encode()
    controls = {char for char in message.text if ord(char) < 32 or char in "\u202d\u202e\u2066\u2067\u2068"}
    assert controls <= {"\n"}


@CALM
@given(ALERTS, st.booleans())
def test_any_alert_is_a_valid_message(alert: AlertView, repeat: bool) -> None:  # noqa: FBT001
    message = render_alert(alert, repeat=repeat)
    assert_telegram_takes(message)
    assert utf16_length(parsed(message)["text"]) < 2000


@settings(CALM, max_examples=30)
@given(st.lists(CLAIMS, max_size=3), st.integers(1, 20))
def test_any_list_of_claims_is_a_valid_message(claims: Sequence[ClaimView], times: int) -> None:
    assert_telegram_takes(render_claims([*claims] * times))


@settings(CALM, max_examples=30)
@given(CLAIMS, st.lists(ALERTS, max_size=3), st.integers(1, 5))
def test_any_claim_with_its_alerts_is_a_valid_message(
    claim: ClaimView, alerts: Sequence[AlertView], times: int
) -> None:
    assert_telegram_takes(render_claim(claim, [*alerts] * times))


@settings(CALM, max_examples=30)
@given(st.lists(ALERTS, max_size=3), st.integers(1, 6))
def test_any_list_of_alerts_is_a_valid_message(alerts: Sequence[AlertView], times: int) -> None:
    assert_telegram_takes(render_latest([*alerts] * times))


@settings(CALM, max_examples=30)
@given(STATUSES)
def test_any_status_is_a_valid_message(status: StatusView) -> None:
    assert_telegram_takes(render_status(status))


@CALM
@given(TEXTS, st.integers(1, 300))
def test_clean_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert "\n" not in cleaned
    assert clean(cleaned, limit) == cleaned


def test_an_alert_says_what_who_when_and_how_sure() -> None:
    message = render_alert(ALERT)
    assert message.text == (
        "🔴 Reported to contradict: The dam holds.\n"
        "Claim c1 · A. Engineer, 2026-11-01\n"
        "\n"
        "    “Water pours through the dam, officials said.”\n"
        "The Example · 24 Nov 2026, 12:05 UTC · in uk · carried by 3 publishers\n"
        "Dam breaks & floods <town> <https://example.org/?a=1&b=2>\n"
        "\n"
        "We are sure (93 %). Standing of the claim: ⚪ holds → 🟡 disputed"
    )
    kinds = [entity["type"]["@type"] for entity in parsed(message)["entities"]]
    assert {"textEntityTypeBold", "textEntityTypeBlockQuote", "textEntityTypeTextUrl"} <= set(kinds)


def test_the_longest_plain_alert_is_short_enough_to_read() -> None:
    many = "word " * 500
    report = replace(REPORT, title=many, publisher=many)
    message = render_alert(replace(ALERT, statement=many, said_by=many, quote=many, report=report), repeat=True)
    assert utf16_length(parsed(message)["text"]) < 1100
    assert utf16_length(parsed(render_alert(ALERT))["text"]) < 400


def test_a_repeated_alert_says_so_first() -> None:
    assert render_alert(ALERT, repeat=True).text.startswith("(sent again: ")


@pytest.mark.parametrize(
    ("kind", "after", "silent"),
    [
        (AlertKind.CONTRADICTION, Standing.HOLDS, False),
        (AlertKind.SUPPORT, Standing.HOLDS, True),
        (AlertKind.UPDATE, Standing.CONDITION_MET, False),
    ],
)
def test_only_contradictions_and_turns_make_a_sound(kind: AlertKind, after: Standing, silent: bool) -> None:  # noqa: FBT001
    assert render_alert(replace(ALERT, kind=kind, after=after)).silent is silent


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "ftp://example.org", "tg://resolve?domain=x"])
def test_only_web_addresses_become_links(url: str) -> None:
    message = render_alert(replace(ALERT, report=replace(REPORT, url=url)))
    kinds = [entity["type"]["@type"] for entity in parsed(message)["entities"]]
    assert "textEntityTypeTextUrl" not in kinds
    assert REPORT.title in message.text


def test_an_address_cannot_write_to_the_terminal() -> None:
    message = render_alert(replace(ALERT, report=replace(REPORT, url="https://example.org/\x1b[2J\n\ud800 \u202e")))
    assert "https://example.org/%1B[2J%0A" in message.text
    assert message.html.encode()


def test_an_empty_report_is_still_cited() -> None:
    bare = ReportView(title="", url="", publisher="", published=None, language="", origins=1)
    text = render_alert(replace(ALERT, said_by="", said_on="", quote="", report=bare)).text
    assert "“—”\nunnamed publisher\nthe report\n" in text
    assert "Claim c1\n" in text


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("می‌خواهم", "می‌خواهم"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("safe \u202eevil", "safe evil"),
        ("\u2066a\u2069\ufeff", "a"),
        ("\u200d", ""),
    ],
)
def test_joiners_stay_and_reordering_marks_go(foreign: str, shown: str) -> None:
    assert clean(foreign, 50) == shown


@pytest.mark.parametrize(
    ("confidence", "words"),
    [(0, "not sure (0 %)"), (0.75, "fairly sure (75 %)"), (0.9, "sure (90 %)"), (1, "very sure (99 %)")],
)
def test_confidence_is_said_in_words(confidence: float, words: str) -> None:
    assert confidence_words(confidence) == words


@pytest.mark.parametrize("render", [render_claims, render_latest])
def test_an_empty_list_says_so(render: Callable[[Sequence[Any]], Message]) -> None:
    assert "yet" in render([]).text


def test_a_long_list_names_what_it_leaves_out() -> None:
    assert render_claims([CLAIM] * 500).text.endswith("500 claims in all")
    assert "more" in render_latest([ALERT] * 200).text
    assert "more" in render_claim(CLAIM, [ALERT] * 200).text


def test_a_status_proves_that_the_program_is_alive() -> None:
    queue = QueueView(total=9, due=2, failing=1, parked=1)
    status = StatusView(
        feeds=queue,
        entries=queue,
        deliveries=queue,
        stories=1,
        claims=2,
        reports=3,
        alerts=4,
        in_review=5,
        last_poll_at=None,
        oldest_due_age_seconds=None,
        version="0.1.0",
        model="m",
    )
    text = render_status(status).text
    assert text.startswith("Alive.\nLast poll: never\n")
    assert "Messages 9: 2 waiting, 1 parked" in text
