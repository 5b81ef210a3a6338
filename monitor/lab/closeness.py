"""How well closeness of meaning keeps what bears on a claim: the figures behind `LEAST_CLOSENESS`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from monitor.adapters.models.claim_index import LEAST_CLOSENESS
from monitor.adapters.models.encoder import OnnxEncoder
from monitor.domain.texts import split_passages
from monitor.errors import UsageError

STORIES = 60
SEED = 1


def closeness_figures(data: Path) -> dict[str, Any]:
    """Give the share of related and of unrelated pairs that `LEAST_CLOSENESS` keeps, on training stories.

    Related means supports, contradicts or updates. STORIES stories are drawn with SEED. Raises
    UsageError when the corpus is not in `data`.
    """
    files = sorted((data / "claims").glob("train_*.jsonl"))
    if not files:
        raise UsageError(f"{data}/claims: no training stories there; name the folder with --data")
    stories = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    encoder = OnnxEncoder.open()
    related: list[float] = []
    unrelated: list[float] = []
    for story in random.Random(SEED).sample(stories, STORIES):  # noqa: S311 - a sample, no secret
        claims = encoder.encode([claim["statement"] for claim in story["claims"]])
        for report in story["reports"]:
            passages = [passage.text for passage in split_passages(report["title"], report["text"])]
            nearest = (encoder.encode(passages) @ claims.T).max(axis=0)
            for value, label in zip(nearest.tolist(), report["labels"], strict=True):
                (unrelated if label == "N" else related).append(value)
    return {
        "least_closeness": LEAST_CLOSENESS,
        "related_pairs": len(related),
        "related_kept": round(float(np.mean(np.array(related) >= LEAST_CLOSENESS)), 4),
        "unrelated_pairs": len(unrelated),
        "unrelated_kept": round(float(np.mean(np.array(unrelated) >= LEAST_CLOSENESS)), 4),
    }
