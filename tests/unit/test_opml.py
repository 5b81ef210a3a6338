"""Lists of feeds in OPML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.adapters.feeds.opml import read_opml, write_opml
from monitor.domain.feeds import FeedDraft
from monitor.domain.texts import squeeze
from monitor.errors import UsageError

NESTED = """<?xml version="1.0"?>
<opml version="1.1"><body>
  <outline text="Press"><outline text="Eastern">
    <outline type="rss" text="Minsk &amp; more" xmlUrl="https://example.org/a" language="ru"/>
  </outline></outline>
  <outline title="Wire" text="ignored" xmlUrl="https://example.org/b" publisher="Agency"/>
  <outline text="again" xmlUrl="https://example.org/a"/>
</body></opml>"""

line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=30).map(squeeze)
drafts = st.builds(FeedDraft, st.integers(0, 99).map("https://example.org/?a=1&b={}".format), line, line, line)


@pytest.mark.parametrize("form", [NESTED, NESTED.encode()])
def test_reads_nested_outlines_in_order_and_each_address_once(form: str | bytes) -> None:
    assert read_opml(form, file="feeds.opml") == [
        FeedDraft("https://example.org/a", "Minsk & more", "Minsk & more", "ru"),
        FeedDraft("https://example.org/b", "Wire", "Agency", ""),
    ]


@given(st.lists(drafts, min_size=1, unique_by=lambda draft: draft.url))
def test_what_is_written_is_read_back(feeds: list[FeedDraft]) -> None:
    assert read_opml(write_opml(feeds), file="x") == feeds
    assert read_opml(write_opml(feeds).encode(), file="x") == feeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<opml>\n<body>", "feeds.opml:2: not well-formed XML"),
        ("", "feeds.opml:1: not well-formed XML"),
        ("<opml><body/></opml>", "feeds.opml: no feed in it"),
        ("<rss><channel/></rss>", "feeds.opml:1: this is <rss>, not OPML"),
        ("<opml>\n<outline xmlUrl='file:///etc/passwd'/></opml>", "feeds.opml:2: xmlUrl must begin with http"),
        ("<!DOCTYPE o [\n<!ENTITY a 'b'>]><opml>&a;</opml>", "feeds.opml:2: it declares XML entities"),
        (b"<?xml version='1.0' encoding='shift_jis'?><opml/>", "feeds.opml:1: "),
        (b"<opml>\xff</opml>", "feeds.opml:1: not well-formed XML"),
    ],
)
def test_says_what_is_wrong_and_where(text: str | bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_opml(text, file="feeds.opml")
    assert str(caught.value).startswith(message)
