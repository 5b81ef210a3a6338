"""What is worth telling: only what is sure, never again what was told, contradictions first, to whom it was asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.alerts import AlertDraft, AlertKind, Subscription, alerts_for, route_alerts
from monitor.domain.ids import ClaimRef
from monitor.domain.ledger import Standing, StandingChange
from monitor.domain.stance import Band, Evidence, Stance
from tests.examples import C1, C2, evidence
from tests.world import BRISK

CLAIMS = [ClaimRef("dam", f"c{n}") for n in range(1, 6)]
FOUND = st.lists(
    st.builds(
        lambda claim, stance, band, confidence: evidence(stance, claim=claim, band=band, confidence=confidence),
        st.sampled_from(CLAIMS),
        st.sampled_from(Stance),
        st.sampled_from(Band),
        st.floats(0.4, 1),
    ),
    unique_by=lambda item: item.claim,
)
RAISED = st.sets(st.tuples(st.sampled_from(CLAIMS), st.sampled_from(Stance)))


def alerts(*found: Evidence, raised: set[tuple[ClaimRef, Stance]] | None = None) -> tuple[AlertDraft, ...]:
    return alerts_for(found, raised=raised or set(), standings={}, changes=[])


@BRISK
@given(FOUND, RAISED)
def test_alerts_never_repeat_what_was_raised(found: list[Evidence], raised: set[tuple[ClaimRef, Stance]]) -> None:
    told = [(draft.evidence.claim, draft.evidence.stance) for draft in alerts(*found, raised=raised)]
    assert len(told) == len(set(told))
    assert not raised & set(told)
    assert alerts(*found, raised=raised | set(told)) == ()


@BRISK
@given(FOUND)
def test_all_that_is_sure_is_told_and_nothing_else(found: list[Evidence]) -> None:
    told = [draft.evidence for draft in alerts(*found)]
    sure = [item for item in found if item.band is Band.ALERT and item.stance is not Stance.UNRELATED]
    assert sorted(told, key=lambda item: item.claim) == sorted(sure, key=lambda item: item.claim)


@BRISK
@given(FOUND)
def test_contradictions_come_first_then_what_is_surest(found: list[Evidence]) -> None:
    order = [(draft.kind is AlertKind.CONTRADICTION, draft.evidence.judgement.confidence) for draft in alerts(*found)]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize(
    ("stance", "kind"),
    [
        (Stance.CONTRADICTS, AlertKind.CONTRADICTION),
        (Stance.SUPPORTS, AlertKind.SUPPORT),
        (Stance.UPDATES, AlertKind.UPDATE),
    ],
)
def test_each_stance_has_its_kind_of_alert(stance: Stance, kind: AlertKind) -> None:
    (alert,) = alerts(evidence(stance))
    assert alert.kind is kind


def test_an_alert_says_how_the_claim_stood_and_stands() -> None:
    first, second = alerts_for(
        [evidence(claim=C1), evidence(Stance.SUPPORTS, claim=C2)],
        raised=[],
        standings={C1: Standing.SUPPORTED, C2: Standing.SUPPORTED},
        changes=[StandingChange(C1, Standing.SUPPORTED, Standing.DISPUTED)],
    )
    assert (first.before, first.after) == (Standing.SUPPORTED, Standing.DISPUTED)
    assert (second.before, second.after) == (Standing.SUPPORTED, Standing.SUPPORTED)


def test_a_claim_nobody_spoke_of_yet_held() -> None:
    (alert,) = alerts(evidence())
    assert (alert.before, alert.after) == (Standing.HOLDS, Standing.HOLDS)


def test_another_stance_of_the_same_report_is_told() -> None:
    assert len(alerts(evidence(Stance.CONTRADICTS), raised={(C1, Stance.SUPPORTS)})) == 1


def test_every_alert_goes_to_every_chat_that_wants_it() -> None:
    chats = (Subscription("@channel"), Subscription("@group", thread=7))
    drafts = alerts(evidence(claim=C1), evidence(claim=C2))
    assert route_alerts(drafts, chats) == tuple((draft, chats) for draft in drafts)
    assert route_alerts(drafts, ()) == tuple((draft, ()) for draft in drafts)
