"""Training rows: sets of admissible stances, prefixes, and that nothing of the evaluation sets is among them."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from monitor.domain.stance import Stance
from monitor.lab import rows
from monitor.lab.rows import Deck, Row

S, C, U, N = Stance
STORY = {
    "slug": "dam",
    "claims": [
        {"id": "a", "statement": "The dam holds.", "said_by": "Mayor", "said_on": "2024-05-01", "kind": "status quo"},
        {"id": "b", "statement": "Ten people left.", "said_by": "", "said_on": "", "kind": "number"},
    ],
    "reports": [
        {"title": "Dam gives way", "text": "Water pours out.", "date": "2024-05-02", "lang": "en", "labels": "CN"},
        {"title": "Плотина", "text": "Ушли десять.", "date": "2024-05-03", "lang": "ru", "labels": "US"},
    ],
}


def write_stories(folder: Path, name: str = "train_one.jsonl") -> Path:
    path = folder / name
    path.write_text(json.dumps(STORY, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def test_each_claim_report_pair_is_a_row(tmp_path: Path) -> None:
    read = rows.read_story_file(write_stories(tmp_path))
    assert [row.stances for row in read] == [{C}, {N}, {U}, {S}]
    assert read[0].texts() == ("2024-05-02: Dam gives way. Water pours out.", "Mayor, 2024-05-01: The dam holds.")
    assert read[1].texts()[1] == "Ten people left."
    assert [row.language for row in rows.english_only(read)] == ["en", "en"]
    assert len(rows.weigh_languages(read, foreign=3)) == 2 + 2 * 3


def test_the_corpus_holds_training_stories_only(tmp_path: Path) -> None:
    write_stories(tmp_path)
    write_stories(tmp_path, "gold_dev.jsonl")
    assert len(rows.read_corpus(tmp_path)) == 4


def test_a_folder_without_stories_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"train_\*\.jsonl"):
        rows.read_corpus(tmp_path)


def test_a_malformed_story_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "train_bad.jsonl"
    path.write_text(json.dumps({"slug": "dam", "claims": None, "reports": []}) + "\n", encoding="utf-8")
    with pytest.raises(TypeError, match="dam"):
        rows.read_story_file(path)


def test_real_pairs_take_their_claims_from_the_first_story(tmp_path: Path) -> None:
    stories = write_stories(tmp_path, "gold_dev.jsonl")
    pairs = tmp_path / "gold_real_dev.jsonl"
    item = {
        "item_id": "x1",
        "claim": "c2",
        "label": "updates",
        "title": "T",
        "text": "x",
        "lang": "en",
        "published": "2024-05-02 10:00:00",
    }
    pairs.write_text(json.dumps(item) + "\n", encoding="utf-8")
    (row,) = rows.read_real_pairs(pairs, stories)
    assert row.claim == "Ten people left."
    assert row.stances == {U}
    assert row.texts()[0] == "2024-05-02: T. x"


@pytest.mark.parametrize(
    ("label", "kind", "binary", "expected"),
    [
        ("entailment", "binary", True, {S}),
        ("neutral", "binary", True, {C, U, N}),
        ("contradiction", "binary", True, {C, U, N}),
        ("contradiction", "nli", False, {C}),
        ("neutral", "nli", False, {U, N}),
        ("neutral", "stance", False, {U}),
        ("neutral", "stance-unrelated", False, {N}),
    ],
)
def test_public_labels_admit_sets_of_stances(label: str, kind: str, expected: set[Stance], *, binary: bool) -> None:
    assert rows.inference_stances(label, kind=kind, binary=binary) == expected


def test_inference_rows_have_no_prefix_and_keep_to_their_limits(tmp_path: Path) -> None:
    path = tmp_path / "mix.jsonl.gz"
    item = {"premise": "p", "hypothesis": "h", "label": "neutral", "source": "arc", "binary": False, "kind": "nli"}
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(item) + "\n" for _ in range(10))
    read = rows.read_inference(path)
    assert read[0].texts() == ("p", "h")
    assert len(rows.read_inference(path, limit=4)) == 4
    assert len(rows.balance_sources(read, {"arc": 3}, seed=1)) == 3


def test_each_prefix_is_dropped_in_three_of_ten_draws() -> None:
    row = Row("r", "c", frozenset({S}), "s", published="2024-01-01", said_by="A")
    chance = random.Random(5)
    drawn = [row.varied_texts(chance) for _ in range(4000)]
    assert 0.27 < sum(premise == "r" for premise, _ in drawn) / len(drawn) < 0.33
    assert 0.27 < sum(hypothesis == "c" for _, hypothesis in drawn) / len(drawn) < 0.33
    assert 0.07 < sum(texts == ("r", "c") for texts in drawn) / len(drawn) < 0.11


def test_a_deck_deals_every_row_once_an_epoch_and_goes_on_where_it_stopped() -> None:
    deck = Deck([Row(str(n), "c", frozenset({S}), "s") for n in range(7)], "seed")
    dealt = [row.report for row, _ in deck.deal(14)]
    assert sorted(dealt[:7]) == sorted(dealt[7:]) == [str(n) for n in range(7)]
    assert dealt[:7] != dealt[7:]
    resumed = Deck(deck.rows, "seed", dealt=5)
    assert [row.report for row, _ in resumed.deal(9)] == dealt[5:]
