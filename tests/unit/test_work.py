"""When to try again: later each time, never later than the cap, and in the end not at all."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.work import RetryPolicy
from tests.examples import NOON
from tests.world import BRISK

POLICIES = st.builds(
    RetryPolicy,
    first=st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    cap=st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
    give_up_after=st.none() | st.integers(1, 99),
)
ATTEMPTS = st.integers(0, 100_000)


@BRISK
@given(POLICIES, ATTEMPTS, ATTEMPTS)
def test_waits_grow_with_the_attempts_up_to_the_cap(policy: RetryPolicy, one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    assert timedelta() < policy.delay(fewer) <= policy.delay(more) <= policy.cap


@BRISK
@given(POLICIES, ATTEMPTS)
def test_a_row_is_due_in_the_future_or_parked_for_good(policy: RetryPolicy, attempts: int) -> None:
    due_at = policy.next_due(attempts, NOON)
    assert (due_at is None) is (policy.give_up_after is not None and attempts >= policy.give_up_after)
    assert due_at is None or due_at == NOON + policy.delay(attempts) > NOON


def test_each_failure_doubles_the_wait() -> None:
    policy = RetryPolicy(first=timedelta(minutes=1), cap=timedelta(minutes=5), give_up_after=5)
    waits = [policy.delay(attempts) for attempts in range(1, 6)]
    assert waits == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 5, 5)]
    assert policy.next_due(4, NOON) == NOON + timedelta(minutes=5)
    assert policy.next_due(5, NOON) is None


def test_a_first_wait_above_the_cap_is_the_cap() -> None:
    assert RetryPolicy(first=timedelta(days=2), cap=timedelta(days=1)).delay(1) == timedelta(days=1)
