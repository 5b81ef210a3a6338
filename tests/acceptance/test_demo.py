"""`monitor demo`: the first thing that anyone runs. It judges the whole replay, so this is the one slow test."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.acceptance.program import Program

SEED = Path(__file__).parents[2] / "seeds" / "belarus-war-entry.toml"
LIMIT_SECONDS = 240


async def test_the_demo_replays_the_story_offline_and_ends_with_standings_and_next_steps(tmp_path: Path) -> None:
    program = Program(tmp_path)
    outcome = await program.run("demo", patience=LIMIT_SECONDS)
    assert outcome.code == 0, outcome.err
    story = tomllib.loads(SEED.read_text(encoding="utf-8"))
    assert outcome.out.startswith(story["title"])
    standings, _, next_steps = outcome.out.partition("the claims now")[2].partition("What to do next")
    for claim in story["claims"]:
        assert re.search(rf"^{claim['id']} +\S+ +\w+.* {re.escape(claim['statement'][:20])}", standings, re.MULTILINE)
    assert "43 entries were read" in standings
    assert "@BotFather" in next_steps
    assert "monitor doctor" in next_steps
    assert "monitor run" in next_steps
    assert not program.database_file.exists()
