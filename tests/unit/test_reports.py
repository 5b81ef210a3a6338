"""Which entries are one report: copies, near-duplicates and the same page; other reports of the same event are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.ids import ReportId
from monitor.domain.reports import GROUPING_WINDOW, Entry, Report, assign_report, report_sketch
from monitor.domain.texts import canonical_url
from tests.examples import NOON, entry
from tests.world import BRISK

TITLE = "Gates of the Orlov dam were opened at dawn"
TEXT = (
    "Engineers opened two of the five gates of the Orlov dam at dawn on Friday, the water board said. The mayor had "
    "promised to keep it closed until an inspection. Nobody in the villages below had been warned, residents said."
)
OTHER = "Residents below the reservoir woke to rising water. No inspection had taken place, an official conceded."


def report_of(source: Entry, number: int = 1) -> Report:
    """Give the report that an entry begins."""
    return Report(ReportId(number), source.url, source.title, source.publisher, source.dated, report_sketch(source))


def copy_of(source: Entry, **changes: object) -> Entry:
    """Give another paper's entry, as like the first as the changes leave it."""
    there = {"url": "https://paper2.example/elsewhere", "publisher": "Paper 2"}
    return replace(source, **{**there, **changes})  # type: ignore[arg-type]


FIRST = entry(TITLE, TEXT)


@pytest.mark.parametrize(
    "second",
    [
        copy_of(FIRST),
        copy_of(FIRST, text=f"{TEXT} Reporting by our own correspondent."),
        copy_of(FIRST, title="Orlov dam: gates opened"),
        copy_of(FIRST, title=TITLE.upper(), text=TEXT.replace(". ", ".\n\n")),
        copy_of(FIRST, published=NOON + GROUPING_WINDOW, first_seen=NOON + GROUPING_WINDOW),
        entry("Corrected headline", OTHER, url="http://www.paper1.example/1?utm_source=rss"),
        copy_of(FIRST, text=""),
    ],
    ids=["copy", "tail", "headline", "setting", "days later", "same page", "headline only"],
)
def test_a_copy_belongs_to_the_report(second: Entry) -> None:
    assert assign_report(second, [report_of(FIRST)]) == report_of(FIRST)


@pytest.mark.parametrize(
    "second",
    [
        copy_of(FIRST, title="Orlov dam opened", text=OTHER),
        copy_of(FIRST, text=OTHER),
        copy_of(FIRST, published=NOON + timedelta(days=4), first_seen=NOON + timedelta(days=4)),
        copy_of(FIRST, published=NOON - timedelta(days=4)),
        copy_of(FIRST, title="Dam opens", text=""),
        copy_of(FIRST, title="", text="", url=""),
        entry("Page used again", OTHER, published=NOON + timedelta(days=30), first_seen=NOON + timedelta(days=30)),
    ],
    ids=["own words", "same headline", "a week later", "a week before", "short headline", "empty", "same page later"],
)
def test_what_is_told_anew_is_a_report_of_its_own(second: Entry) -> None:
    assert assign_report(second, [report_of(FIRST)]) is None


def test_a_short_headline_alone_joins_nothing() -> None:
    first = entry("Orlov dam", TEXT)
    assert assign_report(copy_of(first, text=""), [report_of(first)]) is None


def test_entries_without_an_address_are_told_apart_by_their_words() -> None:
    nowhere = report_of(replace(FIRST, url=""))
    assert assign_report(entry("Another", OTHER, url=""), [nowhere]) is None
    assert assign_report(copy_of(FIRST, url=""), [nowhere]) == nowhere


def test_the_closest_report_is_chosen_and_of_equals_the_first() -> None:
    near = report_of(copy_of(FIRST, text=f"{TEXT} The board declined to comment on the warning."), 1)
    same, again = report_of(FIRST, 2), report_of(FIRST, 3)
    for order in ([near, same, again], [again, same, near]):
        assert assign_report(copy_of(FIRST), order) == same


@BRISK
@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=40))
def test_an_entry_of_any_text_that_says_anything_is_a_copy_of_itself(title: str, text: str, url: str) -> None:
    told = entry(title, text, url=url)
    found = assign_report(told, [report_of(told)])
    assert found is not None or (not report_sketch(told) and "/" not in canonical_url(url))


@pytest.mark.parametrize(
    ("published", "dated"),
    [(None, NOON), (NOON - timedelta(days=1), NOON - timedelta(days=1)), (NOON + timedelta(days=1), NOON)],
)
def test_an_entry_is_dated_by_its_feed_but_never_in_the_future(published: datetime | None, dated: datetime) -> None:
    assert entry(published=published, first_seen=NOON).dated == dated


def test_items_that_all_link_to_a_home_page_are_not_one_report() -> None:
    home = report_of(entry(TITLE, TEXT, url="https://paper1.example/"))
    assert assign_report(entry("Another", OTHER, url="https://paper1.example/"), [home]) is None
