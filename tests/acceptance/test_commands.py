"""Every command as scripts use it: exit codes, JSON lines on stdout, messages on stderr.

Starting the program takes a second, so one walk through a program's life is made once and looked at by many tests.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from monitor import __version__
from tests.acceptance.conftest import CHANNEL
from tests.acceptance.outbox import TITLES, raise_alerts
from tests.acceptance.program import Outcome, Program, opml, rss, story_file
from tests.contract.feed_server import Reply, open_feed_server
from tests.examples import DAM

REPORTS = (
    '{"id": "r1", "title": "Orlov dam opens", "text": "Water ran on Friday.", "published": "2023-02-17T09:00:00Z"}',
    '{"id": "r2", "title": "Rain",',
    '{"id": "r3", "title": "Плотина Orlov dam остаётся закрытой", "text": "", "published": null, "lang": null}',
    '["r4"]',
    "",
    '{"id": "r5", "title": "Rain again", "text": "It rained.", "published": "yesterday"}',
    '{"id": "r6", "title": 6}',
    '{"title": "no id"}',
    '{"id": "r7", "title": "Cricket scores", "text": "Nothing else happened."}',
)


@dataclass(frozen=True, slots=True)
class Walk:
    """What each command of the walk came to, by its words; `urls` are the two feeds."""

    outcomes: Mapping[str, Outcome]
    urls: tuple[str, str]

    def __getitem__(self, words: str) -> Outcome:
        return self.outcomes[words]

    def rows(self, words: str) -> list[dict[str, Any]]:
        outcome = self.outcomes[words]
        assert outcome.code == 0, outcome.err
        return outcome.rows


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    program, other = (Program(tmp_path_factory.mktemp(name)) for name in ("walk", "other"))
    program.write("dam.toml", story_file(DAM))
    program.write("reports.jsonl", "\n".join(REPORTS) + "\n")
    outcomes: dict[str, Outcome] = {}

    async def run(*commands: str, program: Program = program, form: bool = False, given: str = "") -> None:
        """Run commands that do not depend on each other, two at a time."""
        turns = asyncio.Semaphore(2)

        async def run_one(words: str) -> None:
            async with turns:
                extra = ("--format", "json") if form else ()
                outcomes[words] = await program.run(*words.split(), *extra, given=given)

        await asyncio.gather(*map(run_one, commands))

    async with open_feed_server() as server:
        urls = (server.at("/one", Reply(body=rss("Rain", "Sun"))), server.at("/two", Reply(body=rss("Snow"))))
        program.write("feeds.opml", opml(*urls))
        await run("--help", "--version", "", "story check dam.toml", "story add dam.toml")
        await run("match dam.toml reports.jsonl", form=True)
        await run("match dam.toml -", form=True, given=REPORTS[-1])
        await run(f"feed add {urls[0]} --publisher=One --language=en")
        await run("feed import feeds.opml", "run --until-idle")
        await raise_alerts(program, chat=CHANNEL, titles=TITLES[:2])
        await run("feed list", "claim list", "story list", "story show dam", "alert list", "status", form=True)
        await run("claim show dam/c1", f"feed check {urls[1]}", form=True)
        await run("claim retire c2", "claim retire c9", "feed export", "doctor")
        outcomes["run again"] = await program.run("run", "--until-idle")
        outcomes["status again"] = await program.run("status", "--format", "json")
        await run(f"feed remove {urls[0]}")
        outcomes["claims then"], outcomes["feeds then"] = await asyncio.gather(
            program.run("claim", "list", "--format", "json"), program.run("feed", "list", "--format", "json")
        )
        other.write("exported.opml", outcomes["feed export"].out)
        await run("db upgrade", program=other)
        await run("feed import exported.opml", program=other)
        outcomes["export again"] = await other.run("feed", "export")
    yield Walk(outcomes, urls)


# The program


def test_help_names_every_command_and_no_arguments_show_the_same_as_wrong_usage(walk: Walk) -> None:
    assert (walk["--help"].code, walk[""].code) == (0, 2)
    for name in ("run", "match", "demo", "status", "doctor", "db", "story", "claim", "feed", "alert", "lab"):
        assert f"\n  {name} " in walk["--help"].out
    assert "Usage: " in walk[""].out + walk[""].err


def test_the_version_is_told(walk: Walk) -> None:
    assert (walk["--version"].code, walk["--version"].out) == (0, f"monitor {__version__}\n")


def test_the_database_is_brought_up_to_date(walk: Walk) -> None:
    assert (walk["db upgrade"].code, walk["db upgrade"].err) == (0, "the database is up to date\n")


def test_the_doctor_finds_nothing_wrong(walk: Walk) -> None:
    assert walk["doctor"].code == 0
    assert [line.split(":")[0] for line in walk["doctor"].out.splitlines()] == [
        "good  database",
        "good  models",
        "good  seeds",
        "good  telegram",
    ]


def test_the_status_counts_all_work(walk: Walk) -> None:
    (status,) = walk.rows("status")
    assert status["feeds"] == {"total": 3, "due": 0, "failing": 0, "parked": 0}
    assert status["entries"] == {"total": 5, "due": 0, "failing": 0, "parked": 0}
    assert status["deliveries"] == {"total": 2, "due": 2, "failing": 0, "parked": 0}
    assert status["last_poll_at"] is not None
    assert status["oldest_due_age_seconds"] >= 0
    assert status["version"] == __version__
    assert status["model"]


# Stories and claims


def test_a_story_is_checked_added_listed_and_shown(walk: Walk) -> None:
    assert walk["story check dam.toml"].code == walk["story add dam.toml"].code == 0
    assert "2 claims are watched" in walk["story add dam.toml"].err
    assert walk.rows("story list") == [{"slug": "dam", "title": DAM.title, "published": DAM.published, "claims": 2}]
    (story,) = walk.rows("story show dam")
    assert [(claim["id"], claim["statement"]) for claim in story["claims"]] == [
        (claim.ref.claim, claim.statement) for claim in DAM.claims
    ]
    assert story["subjects"] == [{"name": "Orlov dam", "aliases": ["Orlov reservoir"]}]


def test_claims_are_listed_with_standing_and_evidence(walk: Walk) -> None:
    first, second = walk.rows("claim list")
    assert first["changed_at"] is not None
    assert {key: value for key, value in first.items() if key != "changed_at"} == {
        "story": "dam",
        "id": "c1",
        "statement": DAM.claims[0].statement,
        "said_by": "Mayor Hale",
        "standing": "disputed",
        "evidence": {"supports": 0, "contradicts": 2, "updates": 0},
    }
    assert (second["id"], second["standing"], second["changed_at"]) == ("c2", "holds", None)


def test_a_claim_is_shown_with_its_alerts(walk: Walk) -> None:
    (claim,) = walk.rows("claim show dam/c1")
    assert claim["id"] == "c1"
    assert [alert["report"]["title"] for alert in claim["alerts"]] == [*reversed(TITLES[:2])]


def test_a_retired_claim_is_no_longer_watched_and_an_unknown_one_is_wrong_usage(walk: Walk) -> None:
    assert (walk["claim retire c2"].code, walk["claim retire c2"].err) == (0, "dam/c2 is retired\n")
    assert [claim["standing"] for claim in walk.rows("claims then")] == ["disputed", "retired"]
    assert walk["claim retire c9"].code == 2
    assert "no claim 'c9' is stored" in walk["claim retire c9"].err


# Alerts


def test_alerts_are_listed_with_report_and_deliveries(walk: Walk) -> None:
    newest, oldest = walk.rows("alert list")
    assert newest["id"] > oldest["id"]
    assert newest["raised_at"]
    assert {key: newest[key] for key in newest if key not in ("id", "raised_at")} == {
        "kind": "contradiction",
        "story": "dam",
        "claim": "c1",
        "stance": "contradicts",
        "confidence": 0.97,
        "quote": "It opened on Friday.",
        "report": {
            "title": TITLES[1],
            "url": f"https://paper.example/guid:{TITLES[1]}",
            "publisher": "The Paper",
            "published": "2023-02-17T12:00:00+00:00",
        },
        "origins": 1,
        "deliveries": [{"chat": CHANNEL, "status": "pending", "message_id": None, "attempts": 0}],
    }


# Feeds


def test_feeds_are_added_imported_polled_and_listed(walk: Walk) -> None:
    assert walk[f"feed add {walk.urls[0]} --publisher=One --language=en"].code == 0
    assert walk["feed import feeds.opml"].err == "feeds.opml: 2 feeds, 1 of them new\n"
    first, second, _ = walk.rows("feed list")
    assert first["last_polled_at"] < first["due_at"]
    assert {key: first[key] for key in first if key not in ("due_at", "last_polled_at")} == {
        "url": walk.urls[0],
        "title": "The Paper",
        "publisher": "One",
        "language": "en",
        "interval": 300,
        "last_error": "",
        "attempts": 0,
        "parked": False,
        "entries": 2,
    }
    assert (second["url"], second["publisher"], second["entries"]) == (walk.urls[1], "Paper 2", 1)


def test_a_feed_is_checked_without_being_stored(walk: Walk) -> None:
    (checked,) = walk.rows(f"feed check {walk.urls[1]}")
    assert (checked["url"], checked["ok"], checked["entries"]) == (walk.urls[1], True, 1)


def test_a_removed_feed_is_no_longer_listed(walk: Walk) -> None:
    assert walk[f"feed remove {walk.urls[0]}"].code == 0
    assert walk.urls[0] not in [feed["url"] for feed in walk.rows("feeds then")]


def test_exported_feeds_are_imported_as_they_were(walk: Walk) -> None:
    assert "3 feeds, 3 of them new" in walk["feed import exported.opml"].err
    assert walk["feed export"].out == walk["export again"].out
    assert all(url in walk["feed export"].out for url in walk.urls)


# Running


def test_running_until_idle_polls_what_was_just_added_and_a_second_run_adds_nothing(walk: Walk) -> None:
    assert walk["run --until-idle"].code == walk["run again"].code == 0
    assert "2 new" in walk["run --until-idle"].err
    (before,), (after,) = walk.rows("status"), walk.rows("status again")
    assert after["entries"] == before["entries"]
    assert after["alerts"] == before["alerts"]
    assert after["last_poll_at"] == before["last_poll_at"]


# Matching


def test_match_gives_a_line_for_each_report_and_claim_in_input_order(walk: Walk) -> None:
    found = walk["match dam.toml reports.jsonl"]
    assert [(row["report"], row["claim"]) for row in found.rows] == [
        (report, claim) for report in ("r1", "r3", "r7") for claim in ("c1", "c2")
    ]
    for row in found.rows:
        assert list(row) == ["report", "claim", "stance", "confidence", "probabilities", "band", "quote"]
        assert set(row["probabilities"]) == {"supports", "contradicts", "updates", "unrelated"}
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=0.001)
        assert row["confidence"] == max(row["probabilities"].values()) == row["probabilities"][row["stance"]]
        assert row["band"] in ("alert", "review", "none")
        assert row["quote"] is None or row["quote"]


def test_match_names_each_malformed_line_and_ends_with_1(walk: Walk) -> None:
    found = walk["match dam.toml reports.jsonl"]
    assert found.code == 1
    lines = found.err.splitlines()
    for number, reason in (
        (2, "is no JSON"),
        (4, "must be a JSON object"),
        (6, "published: "),
        (7, "title: "),
        (8, "id: "),
    ):
        assert any(f"reports.jsonl, line {number}: {reason}" in line for line in lines), number
    assert len(lines) == 5


def test_match_reads_reports_from_stdin(walk: Walk) -> None:
    assert [json.dumps(row["report"]) for row in walk.rows("match dam.toml -")] == ['"r7"', '"r7"']
