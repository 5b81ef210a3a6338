"""Reports: entries that tell the same thing, however many feeds carry them, are one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain.ids import EntryId, FeedId, ReportId
from monitor.domain.texts import canonical_url, resemblance, sketch, words

GROUPING_WINDOW = timedelta(days=3)
COPY_RESEMBLANCE = 0.55
HEADLINE_WORDS = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored item of a feed, waiting to be assessed."""

    id: EntryId
    feed_id: FeedId
    url: str
    title: str
    text: str
    language: str
    publisher: str
    published: datetime | None
    first_seen: datetime
    content_hash: str

    @property
    def dated(self) -> datetime:
        """When it was published, as far as is known; never later than when it was first seen."""
        return min(self.published or self.first_seen, self.first_seen)


@dataclass(frozen=True, slots=True)
class Report:
    """What one or more entries tell: known by the first of them, whose publisher is its origin."""

    id: ReportId
    url: str
    title: str
    publisher: str
    dated: datetime
    sketch: tuple[int, ...]


def report_sketch(entry: Entry) -> tuple[int, ...]:
    """Sketch what an entry tells, headline and text together."""
    return sketch(f"{entry.title}\n{entry.text}")


def _same(entry: Entry, entry_sketch: tuple[int, ...], report: Report) -> bool:
    """Tell whether an entry is a copy of a report: same page, same text, or same headline."""
    if abs(entry.dated - report.dated) > GROUPING_WINDOW:
        return False
    page = canonical_url(entry.url)
    if "/" in page and page == canonical_url(report.url):  # a bare host is a home page, which many items share
        return True
    if resemblance(entry_sketch, report.sketch) >= COPY_RESEMBLANCE:
        return True
    headline = words(entry.title)
    return len(headline) >= HEADLINE_WORDS and headline == words(report.title) and not entry.text


def assign_report(entry: Entry, recent: Sequence[Report]) -> Report | None:
    """Find the report that an entry is a copy of, the closest first; None if it tells something new."""
    entry_sketch = report_sketch(entry)
    copies = [report for report in recent if _same(entry, entry_sketch, report)]
    if not copies:
        return None
    return max(copies, key=lambda report: (resemblance(entry_sketch, report.sketch), -report.id))
