"""Sentence vectors in many languages: multilingual-e5-small by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from monitor.adapters.models.card import WEIGHTS, Card, open_session, open_tokenizer, read_card


@dataclass(frozen=True, slots=True)
class OnnxEncoder:
    """Turns texts into vectors of length 1 whose dot product says how close two texts are in meaning."""

    card: Card
    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer

    @classmethod
    def open(cls, folder: Path = WEIGHTS / "encoder", *, threads: int = 1) -> OnnxEncoder:
        """Open the encoder in `folder`; raises `ModelError` naming the file that is missing or damaged."""
        card = read_card(folder)
        return cls(card, open_session(folder, card, threads=threads), open_tokenizer(folder, card))

    @property
    def version(self) -> str:
        """The name of the weights."""
        return self.card.version

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give the texts' vectors, in order: (number of texts, 384), each of length 1.

        Texts go through the network one by one: on a CPU a batch gains nothing, and with dynamic
        quantisation a text's vector would depend on its neighbours.
        """
        encodings = self.tokenizer.encode_batch([self.card.prefix + text for text in texts])
        vectors = [self._vector(encoding.ids) for encoding in encodings]
        return np.concatenate(vectors) if vectors else np.zeros((0, self._width()), np.float32)

    def _vector(self, ids: Sequence[int]) -> NDArray[np.float32]:
        row = np.array([ids], np.int64)
        return np.asarray(self.session.run(None, {"ids": row, "mask": np.ones_like(row)})[0], np.float32)

    def _width(self) -> int:
        return int(self.session.get_outputs()[0].shape[-1])
