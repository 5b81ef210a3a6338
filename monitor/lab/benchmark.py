"""What one unit of each step costs on this machine: compare the ratios, not the times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from monitor.adapters.models.claim_index import NameGate
from monitor.adapters.models.encoder import OnnxEncoder
from monitor.adapters.models.stance_model import JudgeByLanguage
from monitor.bootstrap import read_story
from monitor.domain.stance import Pair

STORY = Path("seeds/belarus-war-entry.toml")
SENTENCE = "The ministry said on Friday that the bridge over the river would be closed for repairs until the autumn. "
ROUNDS = 9


def _milliseconds(work: Callable[[], object], *, repeat: int) -> float:
    """Give the median CPU time of one call over ROUNDS rounds of `repeat` calls, after a warm-up."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(repeat):
            work()
        rounds.append((time.process_time() - started) / repeat * 1000)
    return statistics.median(rounds)


def benchmark() -> list[dict[str, str]]:
    """Time the gate, the encoder and both judges, one thread each; a row each, the English judgement as unit."""
    gate = NameGate([read_story(STORY)])
    encoder, judges = OnnxEncoder.open(), JudgeByLanguage.open()
    text = SENTENCE * 4
    english = Pair(SENTENCE * 2, "The bridge stays open.", "en")
    other = Pair(SENTENCE * 2, "The bridge stays open.", "pl")
    unit = _milliseconds(lambda: judges.judge_sync([english]), repeat=3)
    costs = [
        ("gate", "entry", _milliseconds(lambda: gate.related(text), repeat=200)),
        ("encoder", "passage", _milliseconds(lambda: encoder.encode([text]), repeat=5)),
        ("judge, English", "claim and passage", unit),
        ("judge, other languages", "claim and passage", _milliseconds(lambda: judges.judge_sync([other]), repeat=3)),
    ]
    return [
        {"what": what, "per": per, "milliseconds": f"{cost:.3f}", "in_judgements": f"{cost / unit:.4f}"}
        for what, per, cost in costs
    ]
