"""What the program needs from the world. Each docstring is the contract that adapters keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from monitor.domain.assessment import Assessment, Background, Candidate
from monitor.domain.delivery import Delivery, DeliveryPlan, SendOutcome
from monitor.domain.feeds import Feed, FeedDraft, FetchOutcome, PollPlan
from monitor.domain.ids import ClaimRef
from monitor.domain.messages import Message
from monitor.domain.reports import Entry
from monitor.domain.stance import Graded, Pair
from monitor.domain.stories import Story
from monitor.domain.texts import Passage
from monitor.domain.views import AlertView, ClaimView, FeedView, OutboxView, StatusView
from monitor.domain.work import Lease


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        ...


class FeedFetcher(Protocol):
    """Fetches feeds."""

    async def fetch(self, feed: Feed) -> FetchOutcome:
        """Fetch and parse a feed; whatever the server does comes back as a value, within a bounded time."""
        ...


class ClaimIndex(Protocol):
    """Finds the claims that a report may bear on."""

    async def load(self, stories: Sequence[Story]) -> None:
        """Index these stories instead of the former ones; cheap when nothing has changed."""
        ...

    def related(self, text: str) -> Sequence[Story]:
        """Give, as the gate, the stories that a text may belong to, by names alone, in well under a millisecond."""
        ...

    async def candidates(self, stories: Sequence[Story], passages: Sequence[Passage]) -> Sequence[Candidate]:
        """Pair the passages with the claims of these stories that they may be about, closest first."""
        ...


class StanceModel(Protocol):
    """Judges claims against passages."""

    @property
    def version(self) -> str:
        """Name the weights, for the record."""
        ...

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Graded]:
        """Judge each pair, in order, without blocking the loop."""
        ...


class LanguageDetector(Protocol):
    """Tells the language of a text."""

    def __call__(self, text: str, declared: str | None) -> str:
        """Give the ISO 639-1 code; `declared` is what the feed says, which may be wrong."""
        ...


class Messenger(Protocol):
    """Sends messages to chats."""

    async def send(self, message: Message, *, chat: str, thread: int) -> SendOutcome:
        """Send one message once; whatever the peer does comes back as a value."""
        ...


class Queue(Protocol):
    """The rows of one stage that wait to be worked on."""

    async def due(self, now: datetime, limit: int) -> Sequence[int]:
        """Give the ids of rows that are due, the longest due first."""
        ...

    async def claim(self, row_id: int, now: datetime, lease: timedelta) -> Lease | None:
        """Take the right to work on a row until `now + lease`; None if someone else has it."""
        ...

    async def fail(self, lease: Lease, due_at: datetime | None, error: str) -> bool:
        """Record an unexpected failure: due again at `due_at`, or parked if None. False if the lease is lost."""
        ...


class PollStore(Protocol):
    """What polling reads and writes."""

    @property
    def feeds(self) -> Queue:
        """The feeds to poll."""
        ...

    async def read_feed(self, lease: Lease) -> Feed:
        """Read the feed under a lease."""
        ...

    async def seen(self, feed: Feed, keys: Collection[str]) -> Mapping[str, str]:
        """Give the content hashes of the feed's stored entries among `keys`."""
        ...

    async def record_poll(self, lease: Lease, plan: PollPlan) -> bool:
        """Write a poll's plan in one transaction; False, and nothing written, if the lease is lost."""
        ...


class AssessStore(Protocol):
    """What assessing reads and writes."""

    @property
    def entries(self) -> Queue:
        """The entries to assess."""
        ...

    async def stories(self) -> Sequence[Story]:
        """Give all stories with their claims that are not retired."""
        ...

    async def read_entry(self, lease: Lease) -> Entry:
        """Read the entry under a lease."""
        ...

    async def background(self, entry: Entry, stories: Collection[str]) -> Background:
        """Read what deciding needs: these stories' recent reports, their alerts, their claims' voices and standings."""
        ...

    async def record_assessment(self, lease: Lease, assessment: Assessment) -> bool:
        """Write report, evidence, standings, alerts and deliveries in one transaction; False if the lease is lost."""
        ...


class DeliverStore(Protocol):
    """What delivering reads and writes."""

    @property
    def deliveries(self) -> Queue:
        """The outbox."""
        ...

    async def read_delivery(self, lease: Lease) -> Delivery:
        """Read the delivery under a lease, with the alert it carries."""
        ...

    async def record_begin(self, lease: Lease, delivery: Delivery) -> bool:
        """Note, before the call, that a send begins; False if the lease is lost."""
        ...

    async def record_delivery(self, lease: Lease, plan: DeliveryPlan, now: datetime) -> bool:
        """Write what a send came to; False if the lease is lost."""
        ...


class Library(Protocol):
    """What a person adds and removes: stories, claims, feeds."""

    async def put_story(self, story: Story) -> bool:
        """Store a story and its claims, or bring a stored one up to date; True if anything changed."""
        ...

    async def retire_claim(self, ref: ClaimRef, now: datetime) -> bool:
        """Stop watching a claim, keeping its evidence; False if it is not stored."""
        ...

    async def put_feeds(self, feeds: Sequence[FeedDraft], now: datetime) -> int:
        """Store feeds that are not stored yet, due now, and give their number."""
        ...

    async def remove_feed(self, url: str, now: datetime) -> bool:
        """Stop polling a feed, keeping its entries; False if it is not stored."""
        ...


class Outbox(Protocol):
    """What a person may do about deliveries that were given up."""

    async def retry_parked(self, now: datetime) -> int:
        """Make every parked delivery due now, and give their number."""
        ...


class Reads(Protocol):
    """What a person may ask."""

    async def stories(self) -> Sequence[Story]:
        """Give the stored stories with all their claims."""
        ...

    async def feeds(self) -> Sequence[FeedView]:
        """Give every feed, in the order in which they were added."""
        ...

    async def claims(self, story: str | None = None) -> Sequence[ClaimView]:
        """Give the claims of one story, or all, in the stories' order."""
        ...

    async def alerts(self, *, limit: int, claim: ClaimRef | None = None) -> Sequence[AlertView]:
        """Give the newest alerts, the newest first."""
        ...

    async def deliveries(self, *, limit: int) -> Sequence[OutboxView]:
        """Give the newest deliveries that are not sent yet, the newest first."""
        ...

    async def status(self, now: datetime, *, version: str, model: str) -> StatusView:
        """Give the state of all work."""
        ...
