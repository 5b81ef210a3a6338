"""What a person is shown: the answers of `monitor/queries.py`, plain and complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.domain.alerts import AlertKind
from monitor.domain.ids import AlertId, ClaimRef, DeliveryId
from monitor.domain.ledger import Standing
from monitor.domain.stance import Stance


@dataclass(frozen=True, slots=True)
class FeedView:
    """A feed and its health."""

    url: str
    title: str
    publisher: str
    language: str
    due_at: datetime | None
    interval: int
    last_polled_at: datetime | None
    last_error: str
    attempts: int
    parked: bool
    entries: int


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim, its standing, and how many reports of each stance were sure enough to count."""

    ref: ClaimRef
    statement: str
    said_by: str
    said_on: str
    standing: Standing
    supports: int
    contradicts: int
    updates: int
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report as it is cited, and its independent origins: the publishers that carry it."""

    title: str
    url: str
    publisher: str
    published: datetime | None
    language: str
    origins: int


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """Where one alert's delivery to one chat stands."""

    chat: str
    status: str
    message_id: int | None
    attempts: int
    error: str


@dataclass(frozen=True, slots=True)
class OutboxView:
    """A delivery that has not ended well yet."""

    id: DeliveryId
    alert: AlertId
    chat: str
    status: str
    attempts: int
    due_at: datetime | None
    last_error: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert with all that its message says."""

    id: AlertId
    raised_at: datetime
    kind: AlertKind
    claim: ClaimRef
    story_title: str
    statement: str
    said_by: str
    said_on: str
    stance: Stance
    confidence: float
    quote: str
    before: Standing
    after: Standing
    report: ReportView
    deliveries: tuple[DeliveryView, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueView:
    """How much of one kind of work there is: rows, due now, failing, and given up."""

    total: int
    due: int
    failing: int
    parked: int


@dataclass(frozen=True, slots=True)
class StatusView:
    """The program's state at a glance. `in_review` counts evidence that was not sure enough for an alert."""

    feeds: QueueView
    entries: QueueView
    deliveries: QueueView
    stories: int
    claims: int
    reports: int
    alerts: int
    in_review: int
    last_poll_at: datetime | None
    oldest_due_age_seconds: float | None
    version: str
    model: str
