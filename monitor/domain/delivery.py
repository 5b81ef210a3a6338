"""Deliveries: one alert for one chat, what sending it came to, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from monitor.domain.ids import DeliveryId
from monitor.domain.views import AlertView
from monitor.domain.work import RetryPolicy

UNCERTAIN_PAUSE = timedelta(seconds=60)


class DeliveryStatus(StrEnum):
    """Where a delivery stands. `SENDING` in a row that is due means a crash: the outcome is unknown."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the outbox, with the alert that it carries.

    `repeats` counts resends after an unknown outcome: 0 or 1.
    """

    id: DeliveryId
    chat: str
    thread: int
    status: DeliveryStatus
    repeats: int
    alert: AlertView

    @property
    def outcome_unknown(self) -> bool:
        """Whether an earlier attempt may have reached the chat."""
        return self.status in (DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Sent:
    """The chat has the message. `chat` is where it went, if that changed (group → supergroup)."""

    message_id: int | None
    chat: str | None = None


@dataclass(frozen=True, slots=True)
class TryLater:
    """The message was not sent. `retry_after` is the peer's wish; `whole_chat` says it binds the chat."""

    reason: str
    retry_after: timedelta | None = None
    whole_chat: bool = False
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The message may or may not have arrived."""

    reason: str


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """The peer refuses for good; a person must act before it can be sent."""

    reason: str


SendOutcome = Sent | TryLater | Uncertain | Undeliverable


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """A delivery's next state. `hold_chat_until` keeps the chat's other rows back as well."""

    status: DeliveryStatus
    due_at: datetime | None
    repeats: int
    message_id: int | None = None
    chat: str | None = None
    error: str = ""
    hold_chat_until: datetime | None = None


def begin_send(delivery: Delivery) -> Delivery | None:
    """Give the delivery as it is stored just before a send, or None when no attempt is left.

    After an unknown outcome exactly one more attempt is made, counted in `repeats` before it starts,
    so that crash after crash cannot repeat a message for ever.
    """
    if not delivery.outcome_unknown:
        return replace(delivery, status=DeliveryStatus.SENDING)
    return None if delivery.repeats else replace(delivery, status=DeliveryStatus.SENDING, repeats=1)


def plan_delivery(
    outcome: SendOutcome, *, delivery: Delivery, attempts: int, now: datetime, policy: RetryPolicy
) -> DeliveryPlan:
    """Decide what follows from a send begun by `begin_send`.

    A deferral waits at least as long as the peer asked. An unknown outcome is tried once more after
    UNCERTAIN_PAUSE, marked; a second unknown outcome stays `uncertain`, visible and at rest.
    """
    repeat = delivery.repeats
    match outcome:
        case Sent(message_id=message_id, chat=chat):
            return DeliveryPlan(DeliveryStatus.SENT, None, repeat, message_id=message_id, chat=chat)
        case TryLater(reason=reason, retry_after=wait, whole_chat=whole_chat, moved_to=moved_to):
            due_at = now + (policy.delay(attempts) if wait is None else wait)
            status = DeliveryStatus.UNCERTAIN if repeat else DeliveryStatus.PENDING
            hold = due_at if whole_chat else None
            return DeliveryPlan(status, due_at, 0, chat=moved_to, error=reason, hold_chat_until=hold)
        case Uncertain(reason=reason):
            due_again = None if repeat else now + UNCERTAIN_PAUSE
            return DeliveryPlan(DeliveryStatus.UNCERTAIN, due_again, repeat, error=reason)
        case Undeliverable(reason=reason):
            return DeliveryPlan(DeliveryStatus.PARKED, None, repeat, error=reason)
        case _:
            assert_never(outcome)


def give_up(delivery: Delivery) -> DeliveryPlan:
    """Leave a delivery `uncertain`: it was tried twice and no one knows whether it arrived."""
    error = "sent twice without an answer; look in the chat whether it arrived"
    return DeliveryPlan(DeliveryStatus.UNCERTAIN, None, delivery.repeats, error=error)
