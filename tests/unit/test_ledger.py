"""The standing of a claim: origins are counted, not copies, in whatever order they speak."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.ledger import Standing, Voice, standing_of
from monitor.domain.stance import Band, Stance
from tests.world import BRISK

FOR, AGAINST, NEWS = Stance.SUPPORTS, Stance.CONTRADICTS, Stance.UPDATES
VOICES = st.lists(
    st.builds(Voice, st.sampled_from(["Paper A", "Paper B", "Paper C"]), st.sampled_from(Stance), st.sampled_from(Band))
)
STANDINGS = st.sampled_from([standing for standing in Standing if standing is not Standing.RETIRED])


def voices(*said: tuple[str, Stance]) -> list[Voice]:
    return [Voice(origin, stance, Band.ALERT) for origin, stance in said]


@BRISK
@given(STANDINGS, VOICES.flatmap(lambda heard: st.tuples(st.just(heard), st.permutations(heard))))
def test_a_standing_does_not_depend_on_the_order_of_its_voices(
    current: Standing, orders: tuple[list[Voice], list[Voice]]
) -> None:
    one, other = orders
    assert standing_of(current, one) is standing_of(current, other)


@BRISK
@given(VOICES, st.integers(1, 50))
def test_repeating_what_was_said_changes_nothing(heard: list[Voice], times: int) -> None:
    assert standing_of(Standing.HOLDS, heard) is standing_of(Standing.HOLDS, heard * times)


@BRISK
@given(VOICES)
def test_a_claim_is_contradicted_only_by_several_origins_that_outnumber_its_supporters(heard: list[Voice]) -> None:
    sure = {(voice.origin, voice.stance) for voice in heard if voice.band is Band.ALERT}
    against, for_ = (sum(stance is wanted for _, stance in sure) for wanted in (AGAINST, FOR))
    turned = standing_of(Standing.HOLDS, heard) is Standing.CONTRADICTED
    assert turned is (against >= 2 and against > for_)


@BRISK
@given(STANDINGS, STANDINGS, VOICES)
def test_a_standing_follows_from_the_evidence_alone(one: Standing, other: Standing, heard: list[Voice]) -> None:
    assert standing_of(one, heard) is standing_of(other, heard)


@BRISK
@given(VOICES)
def test_a_retired_claim_stays_retired(heard: list[Voice]) -> None:
    assert standing_of(Standing.RETIRED, heard) is Standing.RETIRED


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        ([], Standing.HOLDS),
        ([("A", NEWS)], Standing.HOLDS),
        ([("A", FOR)], Standing.SUPPORTED),
        ([("A", AGAINST)], Standing.DISPUTED),
        ([("A", AGAINST), ("A", AGAINST)], Standing.DISPUTED),
        ([("A", AGAINST), ("B", FOR)], Standing.DISPUTED),
        ([("A", AGAINST), ("B", AGAINST)], Standing.CONTRADICTED),
        ([("A", AGAINST), ("B", AGAINST), ("C", FOR)], Standing.CONTRADICTED),
        ([("A", AGAINST), ("B", AGAINST), ("C", FOR), ("D", FOR)], Standing.DISPUTED),
    ],
)
def test_the_standing_after_these_voices(said: list[tuple[str, Stance]], standing: Standing) -> None:
    assert standing_of(Standing.HOLDS, voices(*said)) is standing


@pytest.mark.parametrize("band", [Band.REVIEW, Band.NONE])
def test_voices_that_are_not_sure_do_not_count(band: Band) -> None:
    heard = [Voice(origin, AGAINST, band) for origin in "ABC"]
    assert standing_of(Standing.HOLDS, heard) is Standing.HOLDS
