"""What judgements come to: bands by confidence, one verdict for a report, and doubt where passages disagree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.stance import (
    Band,
    BandPolicy,
    Graded,
    Judgement,
    Stance,
    confirmed,
    hypothesis,
    premise,
    settled,
    strongest,
)
from tests.examples import evidence, judgement
from tests.world import BRISK

FOR, AGAINST, NEWS, NOTHING = Stance
POLICY = BandPolicy(alert={AGAINST: 0.9, FOR: 0.95}, review={AGAINST: 0.6, FOR: 0.6, NEWS: 0.7})
JUDGEMENTS = st.tuples(*[st.floats(0.01, 1)] * 4).map(lambda shares: Judgement(*(s / sum(shares) for s in shares)))
GRADED = st.builds(Graded, JUDGEMENTS, st.sampled_from(Band), st.just("judge-1"))


def graded(stance: Stance, band: Band = Band.ALERT, confidence: float = 0.97) -> Graded:
    return Graded(judgement(stance, confidence), band, "judge-1")


@BRISK
@given(JUDGEMENTS)
def test_the_stance_is_the_likeliest(judged: Judgement) -> None:
    assert judged.confidence == max(judged.of(stance) for stance in Stance) == judged.of(judged.stance)


def test_a_tie_goes_to_the_more_careful_stance() -> None:
    assert Judgement(0.25, 0.25, 0.25, 0.25).stance is NOTHING
    assert Judgement(0.4, 0.4, 0.1, 0.1).stance is AGAINST


@pytest.mark.parametrize(
    ("stance", "confidence", "band"),
    [
        (AGAINST, 0.9, Band.ALERT),
        (AGAINST, 0.89, Band.REVIEW),
        (AGAINST, 0.59, Band.NONE),
        (FOR, 0.9, Band.REVIEW),
        (FOR, 0.95, Band.ALERT),
        (NEWS, 1.0, Band.REVIEW),
        (NEWS, 0.69, Band.NONE),
        (NOTHING, 1.0, Band.NONE),
    ],
)
def test_each_stance_has_its_own_thresholds(stance: Stance, confidence: float, band: Band) -> None:
    assert POLICY.band(judgement(stance, confidence)) is band


@BRISK
@given(JUDGEMENTS)
def test_a_stance_without_a_threshold_never_reaches_a_band(judged: Judgement) -> None:
    assert BandPolicy({}, {}).band(judged) is Band.NONE


def test_a_premise_is_dated_by_its_day_where_it_is_known() -> None:
    assert premise("It opened.", published="2023-02-19T12:00:00Z") == "2023-02-19: It opened."
    assert premise("It opened.") == "It opened."


@pytest.mark.parametrize(
    ("said_by", "said_on", "text"),
    [
        ("Hale", "2023-02", "Hale, 2023-02: It holds."),
        ("Hale", "", "Hale: It holds."),
        ("", "2023", "2023: It holds."),
        ("", "", "It holds."),
    ],
)
def test_a_hypothesis_names_speaker_and_date_where_they_are_known(said_by: str, said_on: str, text: str) -> None:
    assert hypothesis("It holds.", said_by=said_by, said_on=said_on) == text


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        (graded(NOTHING, Band.NONE, 0.99), graded(NEWS, Band.NONE, 0.3)),
        (graded(FOR, Band.REVIEW, 0.99), graded(FOR, Band.ALERT, 0.9)),
        (graded(FOR, confidence=0.99), graded(AGAINST, confidence=0.9)),
        (graded(AGAINST, Band.REVIEW), graded(FOR, Band.ALERT)),
        (graded(NEWS, confidence=0.91), graded(NEWS, confidence=0.92)),
    ],
)
def test_the_stronger_passage_stands_for_the_report(weaker: Graded, stronger: Graded) -> None:
    assert strongest([weaker, stronger]) == 1
    assert strongest([stronger, weaker]) == 0
    assert settled([weaker, stronger]).judgement == stronger.judgement


@BRISK
@given(st.lists(GRADED, min_size=1, max_size=8))
def test_a_report_is_never_surer_than_its_passages_agree(judged: list[Graded]) -> None:
    verdict, best = settled(judged), judged[strongest(judged)]
    alerting = {item.judgement.stance for item in judged if item.band is Band.ALERT}
    assert verdict.judgement == best.judgement
    assert (verdict.judgement.stance is NOTHING) is all(item.judgement.stance is NOTHING for item in judged)
    if {FOR, AGAINST} <= alerting:
        assert verdict.band is Band.REVIEW
        assert verdict.judgement.stance is AGAINST
    else:
        assert verdict == best


def test_nothing_judged_has_no_verdict() -> None:
    with pytest.raises(ValueError, match="empty"):
        strongest([])


def test_evidence_has_the_stance_of_its_judgement() -> None:
    assert evidence(NEWS).stance is NEWS


def _graded(stance: Stance, band: Band) -> Graded:
    return Graded(judgement(stance), band, "judge-1")


@pytest.mark.parametrize(
    ("second", "band"),
    [
        (_graded(Stance.CONTRADICTS, Band.ALERT), Band.ALERT),
        (_graded(Stance.CONTRADICTS, Band.REVIEW), Band.REVIEW),
        (_graded(Stance.SUPPORTS, Band.ALERT), Band.REVIEW),
        (_graded(Stance.UNRELATED, Band.NONE), Band.REVIEW),
    ],
)
def test_an_alert_must_survive_a_second_reading_without_dates_and_speaker(second: Graded, band: Band) -> None:
    assert confirmed(_graded(Stance.CONTRADICTS, Band.ALERT), second).band is band


@pytest.mark.parametrize("band", [Band.REVIEW, Band.NONE])
def test_a_second_reading_never_raises_a_band(band: Band) -> None:
    first = _graded(Stance.SUPPORTS, band)
    assert confirmed(first, _graded(Stance.SUPPORTS, Band.ALERT)) == first
