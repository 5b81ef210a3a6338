"""The judges: what a passage says of a claim, by ONNX Runtime, one judge for English and one for other languages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from monitor.adapters.models.card import WEIGHTS, Card, open_session, open_tokenizer, read_card
from monitor.adapters.models.language import detect
from monitor.domain.stance import BandPolicy, Graded, Judgement, Pair

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class OnnxJudge:
    """One trained judge with its calibration."""

    card: Card
    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer

    @classmethod
    def open(cls, folder: Path, *, threads: int = 1) -> OnnxJudge:
        """Open the judge in `folder`; raises `ModelError` naming the file that is missing or damaged."""
        card = read_card(folder)
        return cls(card, open_session(folder, card, threads=threads), open_tokenizer(folder, card))

    @property
    def version(self) -> str:
        """The name of the weights."""
        return self.card.version

    @property
    def bands(self) -> BandPolicy:
        """What this judge's confidence is good for."""
        return self.card.bands

    def logits(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Give the network's raw scores (number of pairs, 4), in the order of `Stance`.

        Pairs go through the network one by one: on a CPU a batch gains nothing, and with dynamic
        quantisation a pair's judgement would depend on its neighbours.
        """
        encodings = self.tokenizer.encode_batch([(pair.premise, pair.hypothesis) for pair in pairs])
        scores = [self._scores(encoding.ids) for encoding in encodings]
        return np.concatenate(scores) if scores else np.zeros((0, 4), np.float32)

    def judge_sync(self, pairs: Sequence[Pair]) -> list[Judgement]:
        """Judge each pair, in order; the calling thread does the work."""
        return [Judgement(*map(float, row)) for row in softmax(self.logits(pairs) / self.card.temperature)]

    def grade(self, pairs: Sequence[Pair]) -> list[Graded]:
        """Judge each pair, in order, and say what the judgement is good for."""
        bands = self.bands
        return [Graded(judgement, bands.band(judgement), self.version) for judgement in self.judge_sync(pairs)]

    def _scores(self, ids: Sequence[int]) -> NDArray[np.float32]:
        row = np.array([ids], np.int64)
        return np.asarray(self.session.run(None, {"ids": row, "mask": np.ones_like(row)})[0], np.float32)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn scores into probabilities along the last axis."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class JudgeByLanguage:
    """Keeps the port `StanceModel`: an English pair goes to one judge, any other to the other."""

    english: OnnxJudge
    multilingual: OnnxJudge

    @classmethod
    def open(cls, weights: Path = WEIGHTS, *, threads: int = 1) -> JudgeByLanguage:
        """Open both judges under `weights`; raises `ModelError` naming the file that is missing or damaged."""
        return cls(
            english=OnnxJudge.open(weights / "judge-english", threads=threads),
            multilingual=OnnxJudge.open(weights / "judge-multilingual", threads=threads),
        )

    @property
    def version(self) -> str:
        """The names of both judges' weights."""
        return f"{self.english.version} + {self.multilingual.version}"

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Graded]:
        """Judge each pair, in order, in a thread of its own."""
        return await asyncio.to_thread(self.judge_sync, pairs)

    def judge_sync(self, pairs: Sequence[Pair]) -> list[Graded]:
        """Judge each pair, in order; the calling thread does the work."""
        graded: dict[int, Graded] = {}
        for judge in (self.english, self.multilingual):
            mine = [number for number, pair in enumerate(pairs) if self.judge_for(pair) is judge]
            graded |= zip(mine, judge.grade([pairs[number] for number in mine]), strict=True)
        return [graded[number] for number in range(len(pairs))]

    def judge_for(self, pair: Pair) -> OnnxJudge:
        """Choose the judge: the English one reads only pairs that are English on both sides."""
        language = pair.language or _language(pair.premise)
        both = language == ENGLISH and _language(pair.hypothesis) == ENGLISH
        return self.english if both else self.multilingual


@lru_cache(maxsize=4096)
def _language(text: str) -> str:
    return detect(text, ENGLISH)
