"""Feeds: what a poll brings, and the plan of what to store and when to poll again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from monitor.domain.ids import FeedId
from monitor.domain.work import RetryPolicy

LONGEST_INTERVAL = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to ask with next time: opaque, returned exactly as they came."""

    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A polled RSS, Atom or JSON document."""

    id: FeedId
    url: str
    title: str = ""
    publisher: str = ""
    language: str = ""
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class FeedDraft:
    """A feed that a person or an OPML file asks us to poll."""

    url: str
    title: str = ""
    publisher: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """One item of a feed, cleaned to plain text. `key` identifies it within its feed."""

    key: str
    url: str
    title: str
    text: str
    published: datetime | None
    content_hash: str


class Failure(StrEnum):
    """Why a poll failed; each has its own remedy in `monitor feed check`."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TOO_LARGE = "too large"
    HTTP_STATUS = "HTTP status"
    GONE = "gone"
    RATE_LIMITED = "rate limited"
    BLOCKED = "blocked"
    NOT_A_FEED = "not a feed"
    EMPTY = "empty document"
    UNREADABLE = "unreadable document"
    FORBIDDEN_ADDRESS = "forbidden address"
    REDIRECTS = "too many redirects"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document that was read: its items and what it says of itself."""

    entries: tuple[EntryDraft, ...]
    title: str = ""
    language: str = ""
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server, or the body's hash, says that nothing changed."""

    validators: Validators


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """An expected failure. `retry_after` is the server's wish, if it gave one."""

    failure: Failure
    detail: str
    retry_after: timedelta | None = None

    def __str__(self) -> str:
        """Read as `unreachable: connection refused`."""
        return f"{self.failure.value}: {self.detail}"


FetchOutcome = Fetched | NotModified | FetchFailed


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """How often to poll (shortest and longest interval) and how to back off from a failing feed."""

    interval: timedelta = timedelta(seconds=300)

    @property
    def retry(self) -> RetryPolicy:
        """Double the interval for each failure in a row, up to a day; never give up by itself."""
        return RetryPolicy(first=self.interval * 2, cap=max(self.interval, LONGEST_INTERVAL))


@dataclass(frozen=True, slots=True)
class PollPlan:
    """What one poll changes: entries to add, entries to revise, and the feed's next state.

    `due_at` None parks the feed. `error` is empty after a success.
    """

    due_at: datetime | None
    polled_at: datetime
    added: tuple[EntryDraft, ...] = ()
    revised: tuple[EntryDraft, ...] = ()
    validators: Validators | None = None
    title: str = ""
    language: str = ""
    error: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the feed answered with something usable."""
        return not self.error


def plan_poll(
    outcome: FetchOutcome,
    *,
    seen: Mapping[str, str],
    attempts: int,
    now: datetime,
    policy: PollPolicy,
) -> PollPlan:
    """Decide what a poll changes.

    `seen` maps the keys of stored entries to their content hashes; `attempts` counts the polls since
    the last success, this one included. A known key with another hash is a revision, never a
    duplicate; of several items with one key in a document the first counts.
    """
    match outcome:
        case Fetched(entries=entries):
            drafts: dict[str, EntryDraft] = {}
            for entry in entries:
                drafts.setdefault(entry.key, entry)
            return PollPlan(
                due_at=now + policy.interval,
                polled_at=now,
                added=tuple(new for key, new in drafts.items() if key not in seen),
                revised=tuple(
                    new for key, new in drafts.items() if seen.get(key, new.content_hash) != new.content_hash
                ),
                validators=outcome.validators,
                title=outcome.title,
                language=outcome.language,
            )
        case NotModified(validators=validators):
            return PollPlan(due_at=now + policy.interval, polled_at=now, validators=validators)
        case FetchFailed(failure=Failure.GONE):
            return PollPlan(due_at=None, polled_at=now, error=str(outcome))
        case FetchFailed(retry_after=retry_after):
            wait = max(policy.retry.delay(attempts), retry_after or timedelta())
            return PollPlan(
                due_at=now + min(wait, max(policy.interval, LONGEST_INTERVAL)),
                polled_at=now,
                error=str(outcome),
            )
        case _:
            assert_never(outcome)
