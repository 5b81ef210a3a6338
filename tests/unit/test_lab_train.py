"""The trainer on a tiny network: it learns, stops in time, goes on from a checkpoint, and its export judges alike."""

# ruff: noqa: E402 - what these modules need is asked for first
from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the lab needs torch: pip install claim-monitor[lab]")
pytest.importorskip("onnx", reason="the lab needs onnx: pip install claim-monitor[lab]")

from tokenizers import Tokenizer, models, pre_tokenizers, processors

from monitor.adapters.models.card import Card
from monitor.adapters.models.stance_model import OnnxJudge
from monitor.domain.stance import Pair, Stance
from monitor.lab import train as trainer
from monitor.lab.export import ExportSettings, export_judge
from monitor.lab.network import Encoder, Judge, Shape, judge_from_base, open_judge, relative_buckets, write_network
from monitor.lab.train import TrainSettings, train

WORDS = ("<s>", "<pad>", "</s>", "<unk>", "the", "dam", "holds", "breaks", "rain", "trains", ":", ".", "late", "water")
PLAIN = Shape(
    vocabulary=len(WORDS), width=16, depth=2, heads=2, inner=32, positions=40, relative_buckets=0, epsilon=1e-5, pad=1
)
SHAPES = {"plain": PLAIN, "relative": replace(PLAIN, relative_buckets=8)}


def tiny_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def write_base(folder: Path, shape: Shape) -> None:
    torch.manual_seed(3)
    write_network(folder, shape, Encoder(shape).state_dict())
    tiny_tokenizer().save(str(folder / "tokenizer.json"))


def write_texts(folder: Path) -> None:
    report = {"text": "", "date": "2024-05-02", "lang": "en"}
    story = {
        "slug": "dam",
        "claims": [{"id": "a", "statement": "the dam holds", "said_by": "", "said_on": "", "kind": "status quo"}],
        "reports": [
            report | {"title": "the dam holds", "labels": "S"},
            report | {"title": "the dam breaks", "labels": "C"},
            report | {"title": "late trains", "labels": "N"},
        ],
    }
    for part in ("claims", "nli", "bench"):
        (folder / part).mkdir()
    for name in ("train_one", "gold_dev"):
        (folder / "claims" / f"{name}.jsonl").write_text(json.dumps(story) + "\n", encoding="utf-8")
    item = {"premise": "rain", "hypothesis": "water", "label": "neutral", "source": "x", "binary": False, "kind": "nli"}
    for name in ("nli/mix.train.jsonl.gz", "bench/terra-ru.bin.train.jsonl.gz"):
        with gzip.open(folder / name, "wt", encoding="utf-8") as lines:
            lines.write(json.dumps(item) + "\n")


@pytest.fixture
def settings(tmp_path: Path) -> TrainSettings:
    write_base(tmp_path / "base-e5", PLAIN)
    write_texts(tmp_path)
    return TrainSettings(
        base="e5",
        out=tmp_path / "out",
        data=tmp_path,
        work=tmp_path,
        rate=1e-2,
        minutes=0.05,
        nli_first=0.2,
        nli_last=0.0,
        block_rows=32,
        max_tokens=32,
        checkpoint_minutes=0.01,
        evaluations=1,
    )


def test_a_run_learns_ends_in_time_and_can_go_on(settings: TrainSettings) -> None:
    said: list[str] = []
    train(settings, report=said.append)
    judge = open_judge(settings.out)
    rows = trainer.read_gold(settings)
    guess = trainer.predict(judge, trainer.open_tokenizer(settings.out, 32), rows).argmax(1)
    assert guess.tolist() == [0]
    assert any("gold_dev" in line for line in said)
    again: list[str] = []
    train(replace(settings, minutes=0.051), report=again.append)
    assert int(again[-1].split()[1]) >= int(said[-1].split()[1])


@pytest.mark.parametrize("kind", SHAPES)
def test_the_exported_judge_judges_like_the_trained_one(tmp_path: Path, kind: str) -> None:
    shape = SHAPES[kind]
    write_base(tmp_path / "base", shape)
    judge = judge_from_base(tmp_path / "base").eval()
    with torch.no_grad():
        for parameter in judge.parameters():
            parameter.mul_(3)
    write_network(tmp_path / "trained", judge.encoder.shape, judge.state_dict())
    tiny_tokenizer().save(str(tmp_path / "trained" / "tokenizer.json"))
    pair = Pair("rain : the dam breaks . late trains", "the dam holds")
    ids = torch.tensor([tiny_tokenizer().encode(pair.premise, pair.hypothesis).ids])
    with torch.no_grad():
        expected = judge(ids, torch.ones_like(ids)).numpy()
    for precise, tolerance in ((True, 1e-4), (False, 0.15)):
        target = tmp_path / f"export-{precise}"
        card = export_judge(
            ExportSettings(tmp_path / "trained", target, Card("tiny", "", "random", "none", 32, ""), precise=precise),
            report=lambda _: None,
        )
        assert card.version.startswith("tiny-")
        logits = OnnxJudge.open(target).logits([pair])
        assert np.abs(logits - expected).max() <= tolerance * max(1.0, float(np.abs(expected).max()))


def test_padding_changes_nothing() -> None:
    torch.manual_seed(1)
    for shape in SHAPES.values():
        judge = Judge(shape).eval()
        ids = torch.tensor([[0, 4, 5, 6, 2, 2, 4, 5, 7, 2]])
        padded = torch.cat([ids, torch.ones(1, 4, dtype=torch.long)], 1)
        with torch.no_grad():
            short = judge(ids, torch.ones_like(ids))
            long = judge(padded, (padded != shape.pad).long())
        assert torch.allclose(short, long, atol=1e-5)


def test_relative_buckets_follow_distance_and_direction() -> None:
    buckets = relative_buckets(40, 32)
    assert buckets[5, 5] == 0
    assert buckets[5, 4] != buckets[4, 5]
    assert buckets[0, 1] == buckets[20, 21]
    assert 0 <= int(buckets.min()) <= int(buckets.max()) < 32


def test_the_loss_asks_for_any_admissible_stance() -> None:
    logits = torch.tensor([[4.0, 0.0, 0.0, 0.0]])
    sure = trainer.set_loss(logits, [frozenset({Stance.SUPPORTS})])
    either = trainer.set_loss(logits, [frozenset({Stance.SUPPORTS, Stance.UPDATES})])
    wrong = trainer.set_loss(logits, [frozenset({Stance.UPDATES})])
    assert either < sure < wrong
    assert trainer.set_loss(logits, [frozenset(Stance)]) == pytest.approx(0, abs=1e-6)


def test_batches_hold_rows_of_like_length_within_the_limits() -> None:
    encoded = [([0] * length, frozenset({Stance.SUPPORTS})) for length in (3, 50, 4, 60, 5, 55)]
    batches = trainer.batch_by_length(encoded, rows=2, tokens=100)
    assert sorted(index for batch in batches for index in batch) == list(range(6))
    for batch in batches:
        longest = max(len(encoded[index][0]) for index in batch)
        assert len(batch) <= 2
        assert len(batch) == 1 or longest * len(batch) <= 100


def test_the_command_line_has_an_option_for_each_setting() -> None:
    settings = trainer.read_arguments(["--base", "e5", "--out", "x", "--english", "--rate", "0.1", "--layers", "3"])
    assert settings == TrainSettings(base="e5", out=Path("x"), english=True, rate=0.1, layers=3)


def test_frozen_parts_stay(tmp_path: Path) -> None:
    write_base(tmp_path, PLAIN)
    judge = judge_from_base(tmp_path, layers=2)
    trainer.freeze(judge, 1)
    trained = {name for name, parameter in judge.named_parameters() if parameter.requires_grad}
    assert not any(name.startswith(("encoder.word", "encoder.layers.0")) for name in trained)
    assert any(name.startswith("encoder.layers.1") for name in trained)
