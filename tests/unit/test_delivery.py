"""The outbox's decisions: no plan in the past, no unknown outcome repeated twice, whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal, assert_never

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain.alerts import AlertKind
from monitor.domain.delivery import (
    UNCERTAIN_PAUSE,
    Delivery,
    DeliveryPlan,
    DeliveryStatus,
    SendOutcome,
    Sent,
    TryLater,
    Uncertain,
    Undeliverable,
    begin_send,
    give_up,
    plan_delivery,
)
from monitor.domain.ids import AlertId, ClaimRef, DeliveryId
from monitor.domain.ledger import Standing
from monitor.domain.stance import Stance
from monitor.domain.views import AlertView, ReportView
from monitor.domain.work import RetryPolicy

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
POLICY = RetryPolicy(first=timedelta(seconds=5), cap=timedelta(minutes=10))
ALERT = AlertView(
    id=AlertId(1),
    raised_at=NOW,
    kind=AlertKind.SUPPORT,
    claim=ClaimRef("dam", "c1"),
    story_title="The dam",
    statement="The dam holds.",
    said_by="",
    said_on="",
    stance=Stance.SUPPORTS,
    confidence=0.9,
    quote="It holds.",
    before=Standing.HOLDS,
    after=Standing.SUPPORTED,
    report=ReportView("Dam", "https://example.org/", "The Example", NOW, "en", 1),
)
NEW = Delivery(DeliveryId(1), chat="@claims", thread=0, status=DeliveryStatus.PENDING, repeats=0, alert=ALERT)

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
Crash = Literal["crash"]
Attempt = tuple[Delivery, SendOutcome | Crash]
WAITS = st.timedeltas(timedelta(0), timedelta(days=1))
OUTCOMES: st.SearchStrategy[SendOutcome] = st.one_of(
    st.builds(Sent, st.none() | st.integers(1, 9)),
    st.builds(
        TryLater,
        st.just("later"),
        retry_after=st.none() | WAITS,
        whole_chat=st.booleans(),
        moved_to=st.none() | st.just("-1001"),
    ),
    st.just(Uncertain("dropped")),
    st.just(Undeliverable("blocked")),
)
EVENTS = st.lists(OUTCOMES | st.just("crash"), max_size=12)


def plan(outcome: SendOutcome, delivery: Delivery = NEW, *, attempts: int = 1) -> DeliveryPlan:
    return plan_delivery(outcome, delivery=delivery, attempts=attempts, now=NOW, policy=POLICY)


def perhaps_arrived(event: SendOutcome | Crash) -> bool:
    """Whether the chat may have a message more after this."""
    match event:
        case Sent() | Uncertain() | "crash":
            return True
        case TryLater() | Undeliverable():
            return False
        case _:
            assert_never(event)


def stored(delivery: Delivery, plan: DeliveryPlan) -> Delivery:
    return replace(delivery, status=plan.status, repeats=plan.repeats, chat=plan.chat or delivery.chat)


def life(events: Sequence[SendOutcome | Crash]) -> tuple[list[Attempt], DeliveryPlan | None]:
    """Run a delivery through events, as the stage does, until it rests; give the attempts and the last plan."""
    delivery = NEW
    attempts: list[Attempt] = []
    for event in events:
        begun = begin_send(delivery)
        if begun is None:
            return attempts, give_up(delivery)
        attempts.append((begun, event))
        if event == "crash":
            delivery = begun
            continue
        decided = plan(event, begun, attempts=len(attempts))
        if decided.due_at is None:
            return attempts, decided
        delivery = stored(begun, decided)
    return attempts, None


@CALM
@given(EVENTS)
def test_at_most_two_messages_can_arrive_whatever_happens(events: list[SendOutcome | Crash]) -> None:
    attempts, _ = life(events)
    assert sum(perhaps_arrived(event) for _, event in attempts) <= 2


@CALM
@given(EVENTS)
def test_a_message_is_marked_if_and_only_if_an_earlier_one_may_have_arrived(events: list[SendOutcome | Crash]) -> None:
    attempts, _ = life(events)
    earlier = False
    for begun, event in attempts:
        assert begun.status is DeliveryStatus.SENDING
        assert bool(begun.repeats) is earlier
        earlier = earlier or perhaps_arrived(event)


@CALM
@given(EVENTS)
def test_nothing_is_sent_after_a_message_was_sent_or_refused(events: list[SendOutcome | Crash]) -> None:
    attempts, _ = life(events)
    assert not any(isinstance(event, Sent | Undeliverable) for _, event in attempts[:-1])


@CALM
@given(EVENTS)
def test_a_delivery_rests_only_for_a_reason_that_is_shown(events: list[SendOutcome | Crash]) -> None:
    _, last = life(events)
    if last is not None:
        assert last.due_at is None
        assert last.status in (DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN, DeliveryStatus.PARKED)
        assert bool(last.error) is (last.status is not DeliveryStatus.SENT)


@CALM
@given(OUTCOMES, st.sampled_from(DeliveryStatus), st.integers(0, 1), st.integers(0, 10_000))
def test_no_plan_lies_in_the_past(outcome: SendOutcome, status: DeliveryStatus, repeats: int, attempts: int) -> None:
    decided = plan(outcome, replace(NEW, status=status, repeats=repeats), attempts=attempts)
    assert decided.due_at is None or decided.due_at >= NOW
    assert decided.hold_chat_until is None or decided.hold_chat_until == decided.due_at


def test_a_sent_message_is_final() -> None:
    assert plan(Sent(17)) == DeliveryPlan(DeliveryStatus.SENT, None, 0, message_id=17)


def test_a_wish_to_wait_is_granted_and_binds_the_chat() -> None:
    decided = plan(TryLater("slow down", retry_after=timedelta(seconds=37), whole_chat=True), attempts=9)
    assert decided.due_at == decided.hold_chat_until == NOW + timedelta(seconds=37)
    assert (decided.status, decided.error) == (DeliveryStatus.PENDING, "slow down")


def test_without_a_wish_the_pauses_grow_up_to_a_cap() -> None:
    dues = [plan(TryLater("down"), attempts=attempts).due_at for attempts in (1, 2, 3, 50)]
    assert dues == [NOW + timedelta(seconds=seconds) for seconds in (5, 10, 20, 600)]


def test_a_moved_group_is_followed_at_once() -> None:
    decided = plan(TryLater("moved", retry_after=timedelta(0), moved_to="-1001"))
    assert (decided.chat, decided.due_at) == ("-1001", NOW)


def test_an_unknown_outcome_is_tried_once_more_after_a_pause() -> None:
    first = plan(Uncertain("dropped"))
    assert (first.status, first.due_at) == (DeliveryStatus.UNCERTAIN, NOW + UNCERTAIN_PAUSE)
    again = begin_send(stored(NEW, first))
    assert again is not None
    assert again.repeats == 1
    second = plan(Uncertain("dropped"), again)
    assert (second.status, second.due_at) == (DeliveryStatus.UNCERTAIN, None)


def test_a_repeat_that_was_never_sent_may_be_repeated() -> None:
    repeat = replace(NEW, status=DeliveryStatus.SENDING, repeats=1)
    deferred = plan(TryLater("down"), repeat)
    assert deferred.status is DeliveryStatus.UNCERTAIN
    assert begin_send(stored(repeat, deferred)) == repeat


@pytest.mark.parametrize("status", [DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN])
def test_no_attempt_is_left_after_two_unknown_outcomes(status: DeliveryStatus) -> None:
    tried = replace(NEW, status=status, repeats=1)
    assert begin_send(tried) is None
    assert give_up(tried).status is DeliveryStatus.UNCERTAIN
    assert "look in the chat" in give_up(tried).error


def test_a_refusal_parks_the_delivery() -> None:
    assert plan(Undeliverable("blocked")) == DeliveryPlan(DeliveryStatus.PARKED, None, 0, error="blocked")
