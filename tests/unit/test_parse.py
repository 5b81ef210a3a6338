"""Documents into drafts: every one comes to a result or to a named failure."""

from __future__ import annotations

import json
import os
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.adapters.feeds.cleaning import MOST_TEXT, plain_line, plain_text
from monitor.adapters.feeds.items import LONGEST_KEY
from monitor.adapters.feeds.parse import MOST_ITEMS, parse
from monitor.domain.feeds import EntryDraft, Failure, Fetched, FetchFailed
from monitor.domain.texts import content_hash

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "feeds"
NOW = datetime(2023, 2, 20, 12, tzinfo=UTC)
URL = "https://example.org/news/feed.xml"
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="pl-PL"><title>Wieści</title><entry><id>urn:1</id>'
    '<link href="a.html"/><title type="html">Mińsk &amp;amp; Moskwa</title><updated>2023-02-20T10:00:00+02:00</updated>'
    "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>One.</p><p>Two.</p></div></content>"
    "</entry></feed>"
)


def rss(*items: str) -> str:
    return (
        f"<rss version='2.0'><channel><title>News</title>{''.join(f'<item>{i}</item>' for i in items)}</channel></rss>"
    )


def read(document: str | bytes, content_type: str = "") -> Fetched | FetchFailed:
    body = document.encode() if isinstance(document, str) else document
    return parse(body, content_type=content_type, url=URL, fetched_at=NOW)


def entries(document: str | bytes, content_type: str = "") -> tuple[EntryDraft, ...]:
    outcome = read(document, content_type)
    assert isinstance(outcome, Fetched), outcome
    return outcome.entries


def only(*item: str) -> EntryDraft:
    (entry,) = entries(rss("".join(item)))
    return entry


def failure(document: str | bytes) -> Failure:
    outcome = read(document)
    assert isinstance(outcome, FetchFailed), outcome
    return outcome.failure


def test_reads_atom() -> None:
    outcome = read(ATOM)
    assert isinstance(outcome, Fetched)
    assert (outcome.title, outcome.language) == ("Wieści", "pl")
    assert outcome.entries == (
        EntryDraft(
            key="guid:urn:1",
            url="https://example.org/news/a.html",
            title="Mińsk & Moskwa",
            text="One.\nTwo.",
            published=datetime(2023, 2, 20, 8, tzinfo=UTC),
            content_hash=content_hash("Mińsk & Moskwa", "One.\nTwo."),
        ),
    )


def test_reads_rdf() -> None:
    document = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        "<channel><title>N</title></channel><item><title>T</title><link>/x</link></item></rdf:RDF>"
    )
    assert [entry.url for entry in entries(document)] == ["https://example.org/x"]


def test_reads_json_feed() -> None:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "J",
        "language": "uk",
        "items": [
            {
                "id": 7,
                "url": "/a",
                "title": "T\ud800",
                "content_html": "<p>One</p><p>Two</p>",
                "date_published": "2023-02-20T10:00:00Z",
            },
            {"content_text": "5 < 6", "date_modified": "never"},
            {"id": "x"},
            None,
        ],
    }
    outcome = read(json.dumps(document))
    assert isinstance(outcome, Fetched)
    assert (outcome.title, outcome.language) == ("J", "uk")
    assert next((e.key, e.title, e.text) for e in outcome.entries) == ("guid:7", "T", "One\nTwo")
    assert [e.text for e in outcome.entries][1:] == ["5 < 6"]


@pytest.mark.parametrize("text", ["{}", '{"version": 1}', "{", "[" * 10, '{"a":' * 100_000, '{"version":' + "9" * 5000])
def test_other_json_is_no_feed(text: str) -> None:
    assert failure(text) in (Failure.NOT_A_FEED, Failure.UNREADABLE)


def test_the_key_is_the_identity_else_the_address_else_title_and_date() -> None:  # 33
    assert only("<guid isPermaLink='false'>g</guid><title>T</title><link>http://e.org/a</link>").key == "guid:g"
    plain = only("<title>T</title><link>http://www.e.org/a/?utm_source=rss</link>")
    assert plain.key == only("<title>T</title><link>https://e.org/a</link>").key == "link:e.org/a"
    dated = only("<title>T</title><pubDate>Mon, 20 Feb 2023 10:00:00 GMT</pubDate>")
    assert dated.key.startswith("hash:")
    assert dated.key != only("<title>T</title><pubDate>Mon, 20 Feb 2023 11:00:00 GMT</pubDate>").key
    long = [only(f"<guid>{'x' * 5000}{end}</guid><title>T</title>").key for end in "ab"]
    assert long[0] != long[1]
    assert all(len(key) <= LONGEST_KEY + len("guid:") for key in long)


def test_the_same_item_revised_keeps_its_key() -> None:  # 34
    one, two = (only(f"<guid>g</guid><title>T</title><description>{text}</description>") for text in ("a", "b"))
    assert one.key == two.key
    assert one.content_hash != two.content_hash


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 20 Feb 2023 10:00:00 +0300", datetime(2023, 2, 20, 7, tzinfo=UTC)),
        ("Mon, 20 Feb 2023 10:00:00", datetime(2023, 2, 20, 10, tzinfo=UTC)),
        ("Mon, 20 Feb 2023 23:00:00 GMT", datetime(2023, 2, 20, 23, tzinfo=UTC)),
        *(("Fri, 20 Feb 2043 10:00:00 GMT", NOW), ("Thu, 01 Jan 1970 00:00:00 GMT", None)),
        *(("soon", None), ("", None), ("Mon, 99 Feb 99999 10:00:00 GMT", None), ("0000-00-00T00:00:00Z", None)),
    ],
)
def test_dates_are_aware_plausible_or_none(date: str, expected: datetime | None) -> None:  # 35
    assert only(f"<title>T</title><pubDate>{date}</pubDate>").published == expected


def test_a_date_ahead_without_a_time_of_fetch_is_kept() -> None:
    body = rss("<title>T</title><pubDate>Fri, 20 Feb 2043 10:00:00 GMT</pubDate>").encode()
    outcome = parse(body, content_type="", url=URL, fetched_at=None)
    assert isinstance(outcome, Fetched)
    assert outcome.entries[0].published == datetime(2043, 2, 20, 10, tzinfo=UTC)


def test_items_that_say_nothing_are_dropped() -> None:
    assert entries(rss("<guid>1</guid>", "<title> </title><description>&lt;img src='x'&gt;</description>")) == ()


def test_only_addresses_of_the_web_are_kept() -> None:
    assert only("<title>T</title><link>javascript:alert(1)</link>").url == ""


def test_summary_and_content_are_put_together_without_repeating() -> None:
    start = "<title>T</title><description>One two…</description><content:encoded>"
    root = "<rss xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel><item>"
    for content, text in (("One two three.", "One two three."), ("Other.", "One two…\nOther."), ("", "One two…")):
        document = f"{root}{start}{content}</content:encoded></item></channel></rss>"
        assert [entry.text for entry in entries(document)] == [text]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One.</p><p>Two.</p>", "One.\nTwo."),
        ("One<br/>two <b>th</b>ree", "One\ntwo three"),
        ("a<script>alert(1)</script><style>p{}</style>b", "ab"),
        ("AT&amp;T &lt;5", "AT&T <5"),
        ("&amp;quot;Quoted&amp;quot; &amp;#8212; x", '"Quoted" — x'),
        ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;", "One\nTwo"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("  a \n\t b\x07 ", "a\nb"),
        ("<!-- x -->a<img src=x onerror=y>", "a"),
        ("", ""),
    ],
)
def test_markup_becomes_plain_text(markup: str, text: str) -> None:
    assert plain_text(markup) == text


@given(st.text())
def test_any_text_is_cleaned_and_bounded(text: str) -> None:
    assert len(plain_text(text * 50)) <= MOST_TEXT
    assert "\n" not in plain_line(text)
    plain_text(text).encode()


def test_text_is_bounded() -> None:
    assert len(only("<title>T</title><description>", "word " * 10_000, "</description>").text) <= MOST_TEXT


RUSSIAN = rss("<title>Минск заявляет о переговорах</title>")


LABELS = ("utf-8", "windows-1251", "own", "unicode_escape", "zlib", "nonsense", "")
GUESSABLE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1251")


@pytest.mark.parametrize(
    ("encoding", "declared"), [*((name, label) for name in GUESSABLE for label in LABELS), ("koi8-r", "own")]
)
def test_the_bytes_decide_on_the_charset(encoding: str, declared: str) -> None:  # 29
    name = encoding if declared == "own" else declared
    declaration = f"<?xml version='1.0' encoding='{name}'?>" if name else ""
    for document, header in (
        (declaration + RUSSIAN, ""),
        ("<?xml version='1.0'?>" + RUSSIAN, f"text/xml; charset={name}"),
    ):
        assert [e.title for e in entries(document.encode(encoding), header)] == ["Минск заявляет о переговорах"]


def test_western_bytes_without_a_declaration_are_western() -> None:
    assert [e.title for e in entries(rss("<title>Café à Genève</title>").encode("latin-1"))] == ["Café à Genève"]


def test_one_bad_byte_does_not_spoil_the_rest() -> None:
    damaged = RUSSIAN.encode().replace("М".encode(), b"\xd0", 1)
    assert [e.title.endswith("инск заявляет о переговорах") for e in entries(damaged)] == [True]


@pytest.mark.parametrize(
    "prefix",
    ["\n\n", "\0", "\ufeff\n", "<br />\n<b>Warning</b>: x\n<?xml version='1.0'?>", "<!-- x -->"],
)
def test_what_stands_before_the_feed_is_skipped(prefix: str) -> None:
    assert [entry.title for entry in entries(prefix + rss("<title>T\0\x0b</title>"))] == ["T"]


def test_html_names_and_impossible_references_are_survived() -> None:
    assert only("<title>a&nbsp;b&mdash;c&#0;&#xD800;&#99999999999;&zzz;</title>").title == "a b—c&zzz;"


def test_the_items_before_a_cut_are_kept() -> None:
    whole = rss(*(f"<guid>{n}</guid><title>Title {n}</title>" for n in range(20)))
    assert 8 <= len(entries(whole[: len(whole) // 2])) <= 11


BOMB = "<!DOCTYPE rss [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]>"
THEFT = "<!DOCTYPE rss [<!entity x SYSTEM 'file:///etc/passwd'>]>"


@pytest.mark.parametrize("doctype", [BOMB, THEFT, "<?xml version='1.0'?>\n" + BOMB])
def test_documents_that_declare_entities_are_refused_by_name(doctype: str) -> None:  # 31
    outcome = read(doctype + rss("<title>&b;&x;</title>"))
    assert isinstance(outcome, FetchFailed)
    assert str(outcome) == "unreadable document: the document declares XML entities, which are never expanded"


def test_a_doctype_without_entities_is_harmless() -> None:
    assert entries("<!DOCTYPE rss PUBLIC '-//N//DTD' 'http://n.example/rss.dtd'>" + rss("<title>T</title>"))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        *((b"", Failure.EMPTY), (b" \n", Failure.EMPTY), (b"\0" * 9, Failure.EMPTY)),
        *((b"<html><body>no</body></html>", Failure.NOT_A_FEED), (b"hello", Failure.NOT_A_FEED)),
        *((b"<kml/>", Failure.NOT_A_FEED), (b"<rssx/>", Failure.NOT_A_FEED)),
        *((b"<rss><channel>", Failure.UNREADABLE), (b"<rss " + b"a='1' " * 20_000 + b"/>", Failure.UNREADABLE)),
    ],
)
def test_what_is_no_feed_has_a_name(document: bytes, expected: Failure) -> None:  # 30
    assert failure(document) is expected


def test_an_empty_feed_is_a_feed() -> None:
    assert entries(rss()) == ()


def test_ten_megabytes_of_noise_are_refused_at_once() -> None:
    started = time.process_time()
    assert failure(os.urandom(10 * 1024 * 1024)) is Failure.NOT_A_FEED
    assert time.process_time() - started < 1


def test_the_first_items_of_very_many_are_read() -> None:
    assert len(entries(rss(*["<title>T</title>"] * (MOST_ITEMS * 5)))) == MOST_ITEMS


SEEDS = (ATOM.encode(), rss("<guid>1</guid><title>T</title><description>&lt;p&gt;a&lt;/p&gt;</description>").encode())
PIECES = (
    b"<",
    b">",
    b"&",
    b"&#x",
    b"]]>",
    b"<![CDATA[",
    b"\0",
    b"\xff",
    b"<item>",
    b"</entry>",
    b"<!--",
    b"xml:base='http://['",
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.integers(0, 600), st.integers(0, 40), st.sampled_from(PIECES) | st.binary(max_size=4)), max_size=6
    ),
)
def test_no_damage_makes_parsing_raise(seed: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    for start, length, piece in cuts:
        seed = seed[:start] + piece + seed[start + length :]
    outcome = read(seed)
    assert isinstance(outcome, Fetched | FetchFailed)
    if isinstance(outcome, Fetched):
        for entry in outcome.entries:
            assert entry.published is None or entry.published <= NOW + timedelta(hours=24)
            f"{entry}".encode()


def documents(archive: str, *, every: int, under: str) -> Iterator[tuple[str, bytes]]:
    path = SHARED / archive
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with tarfile.open(path) as tar:
        names = [member for member in tar.getmembers() if member.isfile() and member.name.startswith(under)]
        for member in names[::every]:
            file = tar.extractfile(member)
            assert file is not None
            with file:
                yield member.name, file.read()


@pytest.mark.parametrize(
    ("archive", "every", "under"),
    [
        ("news-2023-02.tar.xz", 3, "news-2023-02/bbc/"),
        ("news-2023-02.tar.xz", 3, "news-2023-02/polsat_pl/"),
        ("captured.tar.xz", 20, ""),
    ],
)
def test_real_documents_parse(archive: str, every: int, under: str) -> None:
    outcomes = [(name, read(body)) for name, body in documents(archive, every=every, under=under)]
    read_well = [name for name, outcome in outcomes if isinstance(outcome, Fetched) and outcome.entries]
    assert len(read_well) >= 0.85 * len(outcomes) > 0
    for _, outcome in outcomes:
        if isinstance(outcome, Fetched):
            assert all(entry.key and (entry.title or entry.text) for entry in outcome.entries)
