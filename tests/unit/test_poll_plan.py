"""What a poll changes: new and revised entries once, and a next poll that never lies in the past."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.feeds import (
    LONGEST_INTERVAL,
    Failure,
    Fetched,
    FetchFailed,
    FetchOutcome,
    NotModified,
    PollPlan,
    PollPolicy,
    Validators,
    plan_poll,
)
from tests.examples import NOON, draft
from tests.world import BRISK

POLICY = PollPolicy(timedelta(minutes=5))
KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
DRAFTS = st.builds(draft, KEYS, st.sampled_from(["Dam opens", "Dam closes", "DAM OPENS!"]))
DOCUMENTS = st.lists(DRAFTS, max_size=8).map(lambda drafts: Fetched(tuple(drafts)))
FAILURES = st.builds(
    FetchFailed, st.sampled_from(Failure), st.just("it failed"), st.none() | st.timedeltas(-timedelta(1), timedelta(99))
)
OUTCOMES: st.SearchStrategy[FetchOutcome] = DOCUMENTS | FAILURES | st.just(NotModified(Validators('"v2"')))
POLICIES = st.timedeltas(timedelta(seconds=1), timedelta(days=1)).map(PollPolicy)


def plan(outcome: FetchOutcome, seen: dict[str, str] | None = None, *, attempts: int = 1) -> PollPlan:
    return plan_poll(outcome, seen=seen or {}, attempts=attempts, now=NOON, policy=POLICY)


def stored(seen: dict[str, str], plan: PollPlan) -> dict[str, str]:
    return seen | {entry.key: entry.content_hash for entry in (*plan.added, *plan.revised)}


@BRISK
@given(DOCUMENTS, DOCUMENTS)
def test_polling_the_same_document_twice_adds_nothing(earlier: Fetched, document: Fetched) -> None:
    seen = stored({}, plan(earlier))
    seen = stored(seen, plan(document, seen))
    again = plan(document, seen)
    assert (again.added, again.revised) == ((), ())


@BRISK
@given(DOCUMENTS, DOCUMENTS)
def test_each_entry_is_either_new_revised_or_known(earlier: Fetched, document: Fetched) -> None:
    seen = stored({}, plan(earlier))
    found = plan(document, seen)
    changed = [entry.key for entry in (*found.added, *found.revised)]
    assert len(changed) == len(set(changed))
    assert all(entry.key not in seen for entry in found.added)
    assert all(seen[entry.key] != entry.content_hash for entry in found.revised)
    assert {entry.key for entry in document.entries} <= {*seen, *changed}


@BRISK
@given(OUTCOMES, st.integers(0, 10_000), POLICIES)
def test_no_plan_lies_in_the_past_or_further_than_a_day_ahead(
    outcome: FetchOutcome, attempts: int, policy: PollPolicy
) -> None:
    found = plan_poll(outcome, seen={}, attempts=attempts, now=NOON, policy=policy)
    assert found.polled_at == NOON
    assert found.succeeded is not isinstance(outcome, FetchFailed)
    if found.due_at is None:
        assert isinstance(outcome, FetchFailed)
        assert outcome.failure is Failure.GONE
    else:
        assert NOON + policy.interval <= found.due_at <= NOON + LONGEST_INTERVAL


def test_an_edited_entry_is_a_revision_and_another_spelling_is_not() -> None:
    seen = {"a": draft("a", "Dam opens").content_hash}
    assert plan(Fetched((draft("a", "DAM  OPENS!"),)), seen).revised == ()
    edited = draft("a", "Dam closes")
    assert plan(Fetched((edited,)), seen) == PollPlan(
        due_at=NOON + POLICY.interval, polled_at=NOON, revised=(edited,), validators=Validators()
    )


def test_of_several_items_with_one_key_the_first_counts() -> None:
    first, second = draft("a", "Dam opens"), draft("a", "Dam closes")
    assert plan(Fetched((first, second))).added == (first,)


def test_a_document_brings_its_title_language_and_validators() -> None:
    found = plan(Fetched((), title="The Paper", language="en", validators=Validators('"v1"')))
    assert (found.title, found.language, found.validators) == ("The Paper", "en", Validators('"v1"'))


def test_an_unchanged_document_renews_its_validators_only() -> None:
    found = plan(NotModified(Validators('"v2"')))
    assert found == PollPlan(due_at=NOON + POLICY.interval, polled_at=NOON, validators=Validators('"v2"'))


def test_a_failing_feed_is_polled_less_and_less_often_but_daily_at_least() -> None:
    failed = FetchFailed(Failure.TIMEOUT, "after 30 s")
    dues = [plan(failed, attempts=attempts).due_at for attempts in (1, 2, 3, 20)]
    assert dues == [NOON + timedelta(minutes=minutes) for minutes in (10, 20, 40, 24 * 60)]
    assert plan(failed).error == "timeout: after 30 s"
    assert plan(failed).validators is None


def test_a_servers_wish_to_wait_is_granted_for_a_day_at_most() -> None:
    dues = [
        plan(FetchFailed(Failure.RATE_LIMITED, "429", retry_after)).due_at
        for retry_after in (timedelta(seconds=1), timedelta(hours=2), timedelta(days=9))
    ]
    assert dues == [NOON + timedelta(minutes=10), NOON + timedelta(hours=2), NOON + timedelta(days=1)]


def test_a_feed_that_is_gone_is_parked() -> None:
    assert plan(FetchFailed(Failure.GONE, "410")) == PollPlan(due_at=None, polled_at=NOON, error="gone: 410")
