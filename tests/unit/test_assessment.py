"""From findings to everything that is written at once: standings, alerts, the report an entry belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.alerts import Subscription
from monitor.domain.assessment import (
    Assessment,
    Background,
    Finding,
    as_evidence,
    assess,
    changes_for,
    follows,
)
from monitor.domain.ids import ClaimRef, ReportId
from monitor.domain.ledger import Standing, StandingChange, Voice
from monitor.domain.reports import Entry, Report, report_sketch
from monitor.domain.stance import Band, Evidence, Graded, Stance
from monitor.domain.stories import Claim
from tests.examples import C1, C2, DAM, NOON, entry, evidence, judgement
from tests.world import BRISK

CHATS = (Subscription("@channel"), Subscription("@group", 7))
COPIED = Report(ReportId(5), "https://paper9.example/9", "Orlov dam opens", "Paper 9", NOON, report_sketch(entry()))


def decided(*found: Evidence, background: Background = Background(), of: Entry | None = None) -> Assessment:  # noqa: B008 - frozen
    return assess(of or entry(), Finding(("dam",), "en", found), background=background, subscriptions=CHATS, now=NOON)


def against(*origins: str) -> tuple[Voice, ...]:
    return tuple(Voice(origin, Stance.CONTRADICTS, Band.ALERT) for origin in origins)


def test_a_new_report_is_told_with_the_change_it_makes() -> None:
    made = decided(evidence())
    assert (made.report, made.sketch, made.at) == (None, report_sketch(entry()), NOON)
    assert made.changes == (StandingChange(C1, Standing.HOLDS, Standing.DISPUTED),)
    ((alert, chats),) = made.alerts
    assert (alert.before, alert.after, chats) == (Standing.HOLDS, Standing.DISPUTED, CHATS)


def test_a_second_origin_turns_the_claim() -> None:
    background = Background(voices={C1: against("Paper 9")}, standings={C1: Standing.DISPUTED})
    assert decided(evidence(), background=background).changes == (
        StandingChange(C1, Standing.DISPUTED, Standing.CONTRADICTED),
    )


def test_a_copy_speaks_with_the_voice_of_its_origin_and_tells_nothing_again() -> None:
    background = Background(
        recent=(COPIED,),
        voices={C1: against("Paper 9")},
        standings={C1: Standing.DISPUTED},
        raised={COPIED.id: frozenset({(C1, Stance.CONTRADICTS)})},
    )
    made = decided(evidence(), background=background)
    assert (made.report, made.changes, made.alerts) == (COPIED.id, (), ())


def test_a_copy_tells_what_its_report_has_not_told_yet() -> None:
    background = Background(recent=(COPIED,), raised={COPIED.id: frozenset({(C1, Stance.CONTRADICTS)})})
    made = decided(evidence(claim=C1), evidence(claim=C2), background=background)
    assert [alert.evidence.claim for alert, _ in made.alerts] == [C2]


@BRISK
@given(st.lists(st.sampled_from([f"Paper {n}" for n in range(2, 40)]), max_size=40))
def test_copies_of_one_report_never_turn_a_claim(publishers: list[str]) -> None:
    standing, voices = Standing.HOLDS, list[Voice]()
    for publisher in publishers:
        background = Background((COPIED,), {C1: tuple(voices)}, {C1: standing})
        made = decided(evidence(), background=background, of=entry(publisher=publisher))
        voices += against(COPIED.publisher)
        standing = made.changes[0].after if made.changes else standing
        assert standing is Standing.DISPUTED


def test_a_revised_entry_that_takes_its_word_back_restores_the_claim() -> None:
    background = Background(standings={C1: Standing.DISPUTED})
    assert decided(evidence(Stance.UNRELATED, band=Band.NONE), background=background).changes == (
        StandingChange(C1, Standing.DISPUTED, Standing.HOLDS),
    )


def test_evidence_that_is_not_sure_changes_and_tells_nothing() -> None:
    made = decided(evidence(band=Band.REVIEW), evidence(Stance.UPDATES, claim=C2, band=Band.NONE))
    assert (made.changes, made.alerts) == ((), ())
    assert len(made.finding.evidence) == 2


def test_a_retired_claim_is_not_changed() -> None:
    background = Background(standings={C1: Standing.RETIRED})
    assert changes_for([evidence()], origin="Paper 1", background=background) == ()


def test_an_entry_of_no_story_has_nothing_to_write() -> None:
    made = Assessment(entry(), NOON)
    assert (made.finding, made.report, made.changes, made.alerts) == (Finding(), None, (), ())


@pytest.mark.parametrize(
    ("said_on", "speaks"),
    [
        ("", True),
        ("2022", True),
        ("2023", True),
        ("2024", False),
        ("2023-02", True),
        ("2023-03", False),
        ("2023-02-17", True),
        ("2023-02-18", False),
    ],
)
def test_a_report_is_no_news_of_a_claim_that_was_made_later(said_on: str, speaks: bool) -> None:  # noqa: FBT001
    claim = Claim(ClaimRef("dam", "c1"), "It stays closed.", said_on=said_on)
    assert follows(entry(published=NOON), claim, published="") is speaks


@pytest.mark.parametrize(("published", "speaks"), [("2023-02-16", True), ("2023-02-17", False), ("2023-02-18", False)])
def test_a_report_of_the_storys_own_day_or_before_is_no_follow_up(published: str, speaks: bool) -> None:  # noqa: FBT001
    assert follows(entry(published=NOON), DAM.claims[1], published=published) is speaks


@pytest.mark.parametrize(
    ("is_follow_up", "band", "kept"),
    [
        (True, Band.ALERT, Band.ALERT),
        (False, Band.ALERT, Band.REVIEW),
        (False, Band.REVIEW, Band.REVIEW),
        (False, Band.NONE, Band.NONE),
    ],
)
def test_what_is_no_follow_up_goes_no_further_than_review(is_follow_up: bool, band: Band, kept: Band) -> None:  # noqa: FBT001
    graded = Graded(judgement(Stance.CONTRADICTS), band, "judge-1")
    found = as_evidence(DAM.claims[0], graded, quote="It opened.", is_follow_up=is_follow_up)
    assert found == Evidence(C1, graded.judgement, kept, "It opened.", "judge-1")
