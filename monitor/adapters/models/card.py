"""A model's folder: its card, its checked weights, its tokenizer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime
from tokenizers import Tokenizer

from monitor.domain.stance import BandPolicy, Stance
from monitor.errors import ModelError

WEIGHTS = Path(__file__).with_name("weights")
CARD_FILE = "card.json"
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
REMEDY = "restore it from the release (pip install --force-reinstall claim-monitor, or git checkout)"


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a model: `card.json` in its folder.

    `sha256` is the model file's; `prefix` is put before every text; `temperature` divides the logits;
    `alert` and `review` hold the lowest confidence of a stance for each band.
    """

    name: str
    version: str
    base: str
    licence: str
    max_tokens: int
    sha256: str
    prefix: str = ""
    temperature: float = 1.0
    alert: Mapping[Stance, float] = field(default_factory=dict)
    review: Mapping[Stance, float] = field(default_factory=dict)

    @property
    def bands(self) -> BandPolicy:
        """The thresholds as the domain reads them."""
        return BandPolicy(alert=self.alert, review=self.review)


def read_card(folder: Path) -> Card:
    """Read a model's card; raises `ModelError` when it is missing or malformed."""
    path = folder / CARD_FILE
    try:
        written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for band, limits in written.pop("bands", {}).items():
            written[band] = {Stance(name): float(confidence) for name, confidence in limits.items()}
        return Card(**written)
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing: {REMEDY}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is not a model's card ({error}): {REMEDY}") from error


def write_card(folder: Path, card: Card) -> None:
    """Write a model's card, the one way in which a card is written."""
    plain = {name: getattr(card, name) for name in Card.__dataclass_fields__ if name not in ("alert", "review")}
    plain["bands"] = {"alert": dict(card.alert), "review": dict(card.review)}
    (folder / CARD_FILE).write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """Give a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_session(folder: Path, card: Card, *, threads: int) -> onnxruntime.InferenceSession:
    """Open a model's weights for `threads` threads, after checking that they are the ones on the card.

    Raises `ModelError` when the file is missing or is another file.
    """
    path = folder / MODEL_FILE
    if not path.is_file():
        raise ModelError(f"{path} is missing: {REMEDY}")
    found = digest(path)
    if found != card.sha256:
        size = path.stat().st_size
        said = f"{path} ({size} bytes, sha256 {found[:12]}…) is not {card.sha256[:12]}…, as its card says"
        raise ModelError(f"{said}: {REMEDY}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def open_tokenizer(folder: Path, card: Card) -> Tokenizer:
    """Open a model's tokenizer, which cuts the longer of two texts first.

    Raises `ModelError` when the file is missing or malformed.
    """
    path = folder / TOKENIZER_FILE
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing: {REMEDY}") from error
    except Exception as error:  # the library raises bare Exception for any malformed file
        raise ModelError(f"{path} is not a tokenizer ({error}): {REMEDY}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(card.max_tokens, strategy="longest_first")
    return tokenizer
