"""Train a judge on a CPU within a given time: `train(TrainSettings(...))`."""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tokenizers import Tokenizer

from monitor.domain.stance import Stance
from monitor.lab import rows as corpus
from monitor.lab.bases import fetch_base
from monitor.lab.evaluate import true_stances
from monitor.lab.measures import f1_scores
from monitor.lab.network import TOKENIZER_FILE, Judge, judge_from_base, open_judge, write_network
from monitor.lab.rows import Deck, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

Encoded = tuple[list[int], frozenset[Stance]]
CHECKPOINT_FILE = "checkpoint.pt"
GOLD_STRIDE = 3


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything that a training run depends on, besides the machine's speed.

    `base` is "mpnet" or "e5", kept under `work`; `out` becomes the trained network's folder. `english` takes only
    pairs that are English on both sides; otherwise every other pair comes `foreign_copies` times. `layers` counts from
    the bottom (0: all); of these the word embeddings and the lowest `frozen` layers stay as they are.

    `minutes` of wall clock end the run. The learning rate rises to `rate` in the first 4 % of them and falls to
    almost 0 at the end, whatever the speed; the head's is `head_scale` times that. The share of inference rows falls
    evenly from `nli_first` to `nli_last`; `nli_sources` names the public sets they come from, separated by commas
    (empty: all).
    """

    base: str
    out: Path
    data: Path = Path("../shared/data")
    work: Path = Path(".lab")
    english: bool = False
    foreign_copies: int = 2
    layers: int = 0
    frozen: int = 0
    rate: float = 5e-5
    head_scale: float = 4.0
    minutes: float = 95.0
    nli_first: float = 0.5
    nli_last: float = 0.05
    nli_sources: str = ""
    batch_rows: int = 16
    batch_tokens: int = 2048
    block_rows: int = 384
    max_tokens: int = 160
    threads: int = 1
    checkpoint_minutes: float = 10.0
    evaluations: int = 5
    seed: int = 11


@dataclass(slots=True)
class Progress:
    """Where a run stands: seconds of training, rows and steps seen, and the smoothed loss."""

    seconds: float = 0.0
    seen: int = 0
    steps: int = 0
    loss: float = 0.0

    def note(self, loss: float, rows: int, seconds: float) -> None:
        """Add one step."""
        self.loss = loss if self.steps == 0 else 0.98 * self.loss + 0.02 * loss
        self.seconds += seconds
        self.seen += rows
        self.steps += 1


def train(settings: TrainSettings, *, report: Callable[[str], None] = print) -> Path:
    """Train a judge, write it into `settings.out`, and give that folder.

    Goes on from a checkpoint in the same folder if there is one. `report` receives a line now and then.
    """
    torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(settings.seed)
    base = fetch_base(settings.base, work=settings.work, texts=settings.data, report=report)
    settings.out.mkdir(parents=True, exist_ok=True)
    (settings.out / TOKENIZER_FILE).write_bytes((base / TOKENIZER_FILE).read_bytes())
    return _Run(settings, base, report).finish()


class _Run:
    """One training run: network, optimiser, the two decks of rows and the progress."""

    def __init__(self, settings: TrainSettings, base: Path, report: Callable[[str], None]) -> None:
        self.settings, self.report = settings, report
        self.judge = judge_from_base(base, layers=settings.layers)
        freeze(self.judge, settings.frozen)
        self.optimiser = make_optimiser(self.judge, settings.rate, head_scale=settings.head_scale)
        self.tokenizer = open_tokenizer(base, settings.max_tokens)
        own = corpus.read_corpus(settings.data / "claims")
        own = (
            corpus.english_only(own)
            if settings.english
            else corpus.weigh_languages(own, foreign=settings.foreign_copies)
        )
        self.own = Deck(own, f"own-{settings.seed}")
        self.inference = Deck(_inference_rows(settings), f"inference-{settings.seed}")
        self.gold = read_gold(settings)
        self.progress = Progress()
        self._resume()

    def finish(self) -> Path:
        """Train to the end of the time and write the result."""
        settings, progress = self.settings, self.progress
        self.report(f"{len(self.own.rows)} corpus rows and {len(self.inference.rows)} inference rows; {settings}")
        saved, next_evaluation = progress.seconds, self._evaluations_done() + 1
        while self._part() < 1:
            self._train_block()
            if progress.seconds - saved >= 60 * settings.checkpoint_minutes:
                self._save()
                saved = progress.seconds
            if self._part() >= next_evaluation / settings.evaluations:
                self._evaluate()
                next_evaluation = self._evaluations_done() + 1
        self._save()
        self.report(f"done: {progress.seen} rows, {progress.steps} steps, {progress.seconds:.0f} s")
        return settings.out

    def _part(self) -> float:
        return self.progress.seconds / (60 * self.settings.minutes)

    def _evaluations_done(self) -> int:
        return int(self._part() * self.settings.evaluations)

    def _train_block(self) -> None:
        settings = self.settings
        share = settings.nli_first + (settings.nli_last - settings.nli_first) * self._part()
        foreign = round(settings.block_rows * share)
        dealt = self.inference.deal(foreign) + self.own.deal(settings.block_rows - foreign)
        started = time.monotonic()
        encoded = encode(self.tokenizer, [(row.varied_texts(chance), row.stances) for row, chance in dealt])
        batches = batch_by_length(encoded, rows=settings.batch_rows, tokens=settings.batch_tokens)
        random.Random(f"{settings.seed}/{self.progress.steps}").shuffle(batches)  # noqa: S311 - no secret
        for batch in batches:
            if self._part() >= 1:
                break
            loss = self._step([encoded[index] for index in batch])
            now = time.monotonic()
            self.progress.note(loss, len(batch), now - started)
            started = now
            if self.progress.steps % 20 == 0:
                self._report_progress()

    def _step(self, batch: Sequence[Encoded]) -> float:
        part = self._part()
        for group in self.optimiser.param_groups:
            group["lr"] = group["scale"] * self.settings.rate * min(part / 0.04, 1.0) * max(1 - part, 0.01)
        ids, mask = pad_batch(batch, pad=self.judge.encoder.shape.pad)
        loss = set_loss(self.judge(ids, mask), [stances for _, stances in batch])
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_([p for p in self.judge.parameters() if p.requires_grad], 1.0)
        self.optimiser.step()
        return float(loss.detach())

    def _report_progress(self) -> None:
        p = self.progress
        self.report(
            f"{100 * self._part():5.1f} %  step {p.steps}  rows {p.seen}  "
            f"own epochs {self.own.dealt / len(self.own.rows):.2f}  loss {p.loss:.3f}  {p.seen / p.seconds:.1f} rows/s"
        )

    def _evaluate(self) -> None:
        probabilities = predict(self.judge, self.tokenizer, self.gold)
        scores = f1_scores(probabilities.argmax(1), true_stances(self.gold))
        by_stance = "  ".join(f"{stance} {score:.3f}" for stance, score in zip(Stance, scores, strict=True))
        self.report(f"{100 * self._part():5.1f} %  gold_dev macro-F1 {np.mean(scores):.3f}  {by_stance}")

    def _save(self) -> None:
        write_network(self.settings.out, self.judge.encoder.shape, self.judge.state_dict())
        state = {"optimiser": self.optimiser.state_dict(), "progress": asdict(self.progress)}
        state |= {"own": self.own.dealt, "inference": self.inference.dealt}
        torch.save(state, self.settings.out / CHECKPOINT_FILE)
        self.report(f"saved at {self.progress.seconds:.0f} s")

    def _resume(self) -> None:
        path = self.settings.out / CHECKPOINT_FILE
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.judge.load_state_dict(open_judge(self.settings.out).state_dict())
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])
        self.own.dealt, self.inference.dealt = state["own"], state["inference"]


def _inference_rows(settings: TrainSettings) -> list[Row]:
    rows = corpus.read_inference(settings.data / "nli" / "mix.train.jsonl.gz")
    if not settings.english:
        rows += corpus.read_inference(settings.data / "bench" / "terra-ru.bin.train.jsonl.gz")
    wanted = {name for name in settings.nli_sources.split(",") if name}
    rows = [row for row in rows if not wanted or row.story in wanted]
    return corpus.balance_sources(rows, corpus.SOURCE_LIMITS, seed=settings.seed)


def read_gold(settings: TrainSettings) -> list[Row]:
    """Read the evaluation pairs that a run watches: every third of gold_dev, so that watching costs little."""
    rows = corpus.read_story_file(settings.data / "claims" / "gold_dev.jsonl")
    return (corpus.english_only(rows) if settings.english else rows)[::GOLD_STRIDE]


def open_tokenizer(folder: Path, max_tokens: int) -> Tokenizer:
    """Open a tokenizer that cuts the longer of the two texts first."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, strategy="longest_first")
    return tokenizer


def freeze(judge: Judge, layers: int) -> None:
    """Keep the word embeddings as they are; with `layers` also as many layers and the biases by position."""
    encoder = judge.encoder
    frozen = [*encoder.word.parameters()]
    if layers:
        frozen += [*encoder.norm.parameters(), encoder.position]
        frozen += [parameter for layer in encoder.layers[:layers] for parameter in layer.parameters()]
        frozen += [encoder.relative] if encoder.shape.relative_buckets else []
    for parameter in frozen:
        parameter.requires_grad_(requires_grad=False)


def make_optimiser(judge: Judge, rate: float, *, head_scale: float) -> torch.optim.AdamW:
    """Make AdamW with weight decay on matrices only; the head starts from nothing and learns faster."""
    head = [*judge.dense.parameters(), *judge.out.parameters()]
    trained = [parameter for parameter in judge.encoder.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.ndim > 1]
    others = [parameter for parameter in trained if parameter.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": 0.01, "scale": 1.0},
        {"params": others, "weight_decay": 0.0, "scale": 1.0},
        {"params": head, "weight_decay": 0.01, "scale": head_scale},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)


def encode(tokenizer: Tokenizer, pairs: Sequence[tuple[tuple[str, str], frozenset[Stance]]]) -> list[Encoded]:
    """Turn pairs of texts into token ids."""
    encodings = tokenizer.encode_batch([texts for texts, _ in pairs])
    return [(encoding.ids, stances) for encoding, (_, stances) in zip(encodings, pairs, strict=True)]


def batch_by_length(encoded: Sequence[Encoded], *, rows: int, tokens: int) -> list[list[int]]:
    """Group indices into batches of similar length, at most `rows` rows and `tokens` padded tokens each."""
    batches: list[list[int]] = []
    for index in sorted(range(len(encoded)), key=lambda i: len(encoded[i][0])):
        length = len(encoded[index][0])
        if batches and len(batches[-1]) < rows and (len(batches[-1]) + 1) * length <= tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def pad_batch(batch: Sequence[Encoded], *, pad: int) -> tuple[Tensor, Tensor]:
    """Give ids and mask of shape (batch, longest)."""
    longest = max(len(ids) for ids, _ in batch)
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row, _ in batch])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row, _ in batch])
    return ids, mask


def set_loss(logits: Tensor, admissible: Sequence[frozenset[Stance]]) -> Tensor:
    """Mean of -log P(the stance is one of the admissible ones)."""
    allowed = torch.tensor([[stance in stances for stance in Stance] for stances in admissible])
    log_probabilities = torch.log_softmax(logits, -1)
    return -torch.logsumexp(log_probabilities.masked_fill(~allowed, -1e9), -1).mean()


def predict(judge: Judge, tokenizer: Tokenizer, rows: Sequence[Row]) -> NDArray[np.float32]:
    """Give probabilities (rows, 4) with all prefixes in place."""
    encoded = encode(tokenizer, [(row.texts(), row.stances) for row in rows])
    result = np.zeros((len(rows), len(Stance)), np.float32)
    for batch in batch_by_length(encoded, rows=32, tokens=4096):
        ids, mask = pad_batch([encoded[index] for index in batch], pad=judge.encoder.shape.pad)
        with torch.no_grad():
            result[batch] = torch.softmax(judge(ids, mask), -1).numpy()
    return result


def read_arguments(arguments: Sequence[str]) -> TrainSettings:
    """Read settings from a command line, one option a field."""
    parser = argparse.ArgumentParser(prog="monitor lab train fit", description=train.__doc__)
    parser.epilog = TrainSettings.__doc__
    kinds = {"Path": Path, "int": int, "float": float, "str": str}
    for item in fields(TrainSettings):
        flag = f"--{item.name.replace('_', '-')}"
        if item.type == "bool":
            parser.add_argument(flag, action="store_true")
        else:
            needed = item.name in ("base", "out")
            parser.add_argument(flag, type=kinds[str(item.type)], default=argparse.SUPPRESS, required=needed)
    return TrainSettings(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str]) -> None:
    """Train as a command line says."""
    train(read_arguments(arguments), report=lambda line: print(line, flush=True))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
