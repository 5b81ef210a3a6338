"""The straight path over a real database in a fake world: poll, assess, deliver, and what goes wrong on the way."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from monitor.adapters.storage.database import Database, upgrade
from monitor.adapters.storage.tables import alerts, deliveries, entries, evidence, feeds, reports
from monitor.domain.assessment import Finding
from monitor.domain.delivery import SendOutcome, Sent, TryLater, Uncertain, Undeliverable
from monitor.domain.feeds import Failure, FetchFailed, NotModified, Validators
from monitor.domain.ledger import Standing
from monitor.domain.stance import Band, Pair, Stance
from monitor.domain.texts import content_hash
from monitor.domain.work import Lease
from monitor.errors import StorageError
from monitor.pipeline import ASSESS, DELIVER, POLL, STAGES, Progress, Stage, run_due, run_until_idle
from monitor.pipeline.assess import find
from monitor.pipeline.stage import run_one
from tests.conftest import MovableClock
from tests.examples import C1, C2, DAM, draft, entry, feed_draft
from tests.world import CHAT, Crash, CrashPoint, World, with_trap

AGAIN = "sent again"
OPENED = draft()
DROWNED = draft("guid:2", "Two drowned below the Orlov dam", "The flood came at night, rescuers say.")
WEATHER = draft("guid:3", "Sunny weekend ahead", "The meteorologists promise a dry and warm week for the coast.")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the current schema, to be copied: migrations take longer than these tests."""
    file = tmp_path_factory.mktemp("pipeline") / "empty.db"
    await upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
async def world(empty_database: Path, tmp_path: Path, clock: MovableClock) -> AsyncIterator[World]:
    """A furnished world over an SQLite file."""
    file = shutil.copy(empty_database, tmp_path / "monitor.db")
    async with Database.open(f"sqlite:///{file}") as database:
        yield await World(database, clock).furnish()


@pytest.fixture
async def each_world(database: Database, clock: MovableClock) -> World:
    """A furnished world over a database of each kind."""
    return await World(database, clock).furnish()


async def claimed(stage: Stage, world: World, row_id: int = 1) -> Lease:
    lease = await stage.queue(world.services).claim(row_id, world.clock.now(), stage.lease)
    assert lease is not None
    return lease


async def sent_statuses(world: World) -> list[tuple[str, str, bool]]:
    """Status, error and whether it is still due, of every row of the outbox."""
    rows = await world.rows(deliveries)
    return [(row["status"], row["last_error"], row["due_at"] is not None) for row in rows]


async def set_confidence(world: World, confidence: float) -> None:
    async with world.database.writing() as connection:
        await connection.execute(sa.update(alerts).values(confidence=confidence))


# Straight through


async def test_an_entry_becomes_an_alert_and_is_delivered(each_world: World) -> None:
    world = each_world
    world.fetcher.serve(OPENED)
    await run_until_idle(world.services)
    ((chat, message),) = world.messenger.received
    assert chat == CHAT
    assert "Reported to contradict: The Orlov dam stays closed" in message.text
    assert "“It opened on Friday.”" in message.text
    assert "⚪ holds → 🟡 disputed" in message.text
    (alert,) = await world.reads.alerts(limit=10)
    assert (alert.claim, alert.stance) == (C1, Stance.CONTRADICTS)
    assert [(sent.status, sent.message_id) for sent in alert.deliveries] == [("sent", 1)]
    assert [claim.standing for claim in await world.reads.claims()] == [Standing.DISPUTED, Standing.HOLDS]


async def test_running_again_over_the_same_documents_changes_nothing(each_world: World) -> None:
    world = each_world
    world.fetcher.serve(OPENED, DROWNED, WEATHER)
    await run_until_idle(world.services)
    asked = len(world.judge.asked)
    for _ in range(3):
        world.clock.move(minutes=6)
        await run_until_idle(world.services)
    assert len(world.messenger.received) == 2
    assert len(world.judge.asked) == asked
    assert await world.count(entries) == 3


async def test_progress_is_heard_stage_by_stage(world: World) -> None:
    world.fetcher.serve(OPENED, WEATHER)
    heard: list[tuple[str, int]] = []

    class Listening(Progress):
        def worked(self, stage: Stage, rows: int) -> None:
            heard.append((stage.name, rows))

    await run_until_idle(world.services, Listening())
    assert heard == [("poll", 3), ("assess", 2), ("deliver", 1), ("assess", 0), ("deliver", 0)]


async def test_unrelated_entries_cost_no_judgement_at_all(world: World) -> None:
    world.fetcher.serve(*(draft(f"guid:{n}", f"Sunny weekend {n}", "The road was opened.") for n in range(30)))
    await run_until_idle(world.services)
    assert world.judge.asked == []
    assert await world.count(entries) == 30
    assert await world.count(reports) == 0
    assert await ASSESS.queue(world.services).due(world.clock.now() + timedelta(days=99), 99) == []


async def test_an_entry_on_a_story_without_claims_to_watch_costs_no_judgement(world: World) -> None:
    for ref in (C1, C2):
        await world.services.library.retire_claim(ref, world.clock.now())
    world.fetcher.serve(OPENED)
    await run_until_idle(world.services)
    assert world.judge.asked == []
    assert world.messenger.received == []


async def test_syndicated_copies_are_one_alert(world: World) -> None:
    for number in (1, 2, 3):
        world.fetcher.serve(replace(OPENED, key=f"guid:{number}", url=f"https://paper{number}.example/"), feed=number)
    await run_until_idle(world.services)
    assert len(world.messenger.received) == 1
    (alert,) = await world.reads.alerts(limit=10)
    assert alert.report.origins == 3
    assert (await world.reads.claims())[0].standing is Standing.DISPUTED


async def test_a_second_publisher_with_a_report_of_its_own_turns_the_claim(world: World) -> None:
    world.fetcher.serve(OPENED)
    text = "Water ran through the Orlov dam again this morning after engineers had opened two of its five gates."
    world.fetcher.serve(draft("guid:9", "Gates lifted in the valley", text), feed=2)
    await run_until_idle(world.services)
    assert len(world.messenger.received) == 2
    assert "🟡 disputed → 🔴 contradicted" in world.messenger.texts[1]


async def test_an_edited_entry_is_assessed_again(each_world: World) -> None:
    world = each_world
    world.fetcher.serve(OPENED)
    await run_until_idle(world.services)
    world.clock.move(minutes=6)
    title, text = "Orlov dam is shut", "Correction: it was shut all the time."
    world.fetcher.serve(replace(OPENED, title=title, text=text, content_hash=content_hash(title, text)))
    await run_until_idle(world.services)
    assert [alert.stance for alert in await world.reads.alerts(limit=9)] == [Stance.SUPPORTS, Stance.CONTRADICTS]
    assert (await world.reads.claims())[0].standing is Standing.SUPPORTED
    assert (await world.count(entries), await world.count(reports)) == (1, 1)


async def test_a_report_older_than_the_claim_never_alerts(world: World) -> None:
    world.fetcher.serve(replace(OPENED, published=OPENED.published and OPENED.published - timedelta(days=3)))
    await run_until_idle(world.services)
    assert world.messenger.received == []
    assert [row["band"] for row in await world.rows(evidence) if row["stance"] == "contradicts"] == ["review"]
    assert (await world.reads.claims())[0].standing is Standing.HOLDS


async def test_every_chat_that_subscribed_is_told_once(world: World) -> None:
    world.fetcher.serve(OPENED)
    chats = (CHAT, replace(CHAT, thread=7), replace(CHAT, chat="@other"))
    await run_until_idle(replace(world.services, subscriptions=chats))
    assert [chat for chat, _ in world.messenger.received] == list(chats)


async def test_feeds_that_changed_nothing_or_failed_are_polled_again_later(world: World) -> None:
    world.fetcher.served[feed_draft(1).url] = NotModified(Validators('"v2"'))
    world.fetcher.served[feed_draft(2).url] = FetchFailed(Failure.UNREACHABLE, "connection refused")
    world.fetcher.served[feed_draft(3).url] = FetchFailed(Failure.GONE, "410")
    await run_due(POLL, world.services)
    rows = await world.rows(feeds)
    now = world.clock.now()
    assert [row["due_at"] for row in rows] == [now + timedelta(minutes=5), now + timedelta(minutes=10), None]
    assert [row["last_error"] for row in rows] == ["", "unreachable: connection refused", "gone: 410"]
    assert rows[0]["etag"] == '"v2"'


# Reading an entry


async def reading(world: World, title: str, text: str) -> Finding:
    await world.index.load([DAM])
    return await find(world.matching, entry(title, text))


def long_text(*decisive: str) -> str:
    """Sentences that say nothing, long enough that each decisive one stands in a passage of its own."""
    filler = " ".join(f"Water number {n} was measured in the valley and found to be clean." for n in range(9))
    return " ".join(f"{filler} {sentence}" for sentence in decisive)


async def test_the_quote_is_the_sentence_that_decided(world: World) -> None:
    text = long_text("Nothing was seen.", "Then the gates were opened at noon.", "People went home.")
    finding = await reading(world, "News from the Orlov dam", text)
    verdict, other = finding.evidence
    assert (verdict.claim, verdict.stance, verdict.band) == (C1, Stance.CONTRADICTS, Band.ALERT)
    assert verdict.quote == "Then the gates were opened at noon."
    assert verdict.model == "judge-1"
    assert (other.claim, other.stance, other.quote) == (C2, Stance.UNRELATED, "")
    assert (finding.stories, finding.language) == (("dam",), "en")


async def test_a_headline_alone_is_its_own_quote(world: World) -> None:
    finding = await reading(world, "Orlov dam opened", "")
    assert finding.evidence[0].quote == "Orlov dam opened"


async def test_only_what_would_alert_is_read_a_second_time_without_dates_and_speaker(world: World) -> None:
    await reading(world, "Orlov dam opened", "")
    *first, second = world.judge.asked
    assert len(first) == len(DAM.claims)
    assert second == Pair("Orlov dam opened.", DAM.claims[0].statement, "en")


async def test_the_judge_reads_dates_and_speakers(world: World) -> None:
    await reading(world, "Orlov dam opened", "")
    await find(world.matching, entry("Orlov dam opened", "", published=None))
    assert world.judge.asked[0].premise == "2023-02-17: Orlov dam opened."
    assert world.judge.asked[0].hypothesis.startswith("Mayor Hale, 2023-02-16: The Orlov dam stays closed")
    assert world.judge.asked[0].language == "en"
    assert world.judge.asked[2].premise == "Orlov dam opened."


async def test_a_report_that_supports_here_and_contradicts_there_goes_to_review(world: World) -> None:
    text = long_text("The gates are shut, says the mayor.", "They were opened at noon, says a witness.")
    finding = await reading(world, "News from the Orlov dam", text)
    assert (finding.evidence[0].stance, finding.evidence[0].band) == (Stance.CONTRADICTS, Band.REVIEW)
    assert finding.evidence[0].quote == "They were opened at noon, says a witness."
    world.fetcher.serve(draft(title="News from the Orlov dam", text=text))
    await run_until_idle(world.services)
    assert world.messenger.received == []


async def test_an_unsure_judgement_goes_to_review_with_its_quote(world: World) -> None:
    finding = await reading(world, "Orlov dam", "Perhaps the gates move. Nobody knows.")
    assert finding.evidence[0].band is Band.REVIEW
    assert finding.evidence[0].quote == "Perhaps the gates move."


async def test_an_entry_of_no_story_has_no_finding(world: World) -> None:
    assert await reading(world, "Sunny weekend", "It opened.") == Finding()


# Surprises


async def test_a_surprise_stays_on_its_row_and_the_other_rows_go_on(world: World) -> None:
    world.fetcher.served[feed_draft(3).url] = RuntimeError("no such codec")
    world.fetcher.serve(draft("guid:0", "Orlov dam riddle", "Nobody knows."), OPENED, DROWNED)
    world.judge.stumbles["riddle"] = ValueError("too puzzling")
    await run_until_idle(world.services)
    assert len(world.messenger.received) == 2
    feed = (await world.rows(feeds))[2]
    assert (feed["last_error"], feed["attempts"]) == ("RuntimeError: no such codec", 1)
    assert feed["due_at"] == world.clock.now() + timedelta(minutes=10)
    stuck = (await world.rows(entries))[0]
    assert (stuck["last_error"], stuck["attempts"]) == ("ValueError: too puzzling", 1)
    assert stuck["due_at"] == world.clock.now() + timedelta(minutes=1)


async def test_a_surprise_is_retried_with_back_off_and_parked_at_the_end(world: World) -> None:
    world.fetcher.serve(OPENED)
    world.judge.stumbles["opened"] = ValueError("too puzzling")
    await run_due(POLL, world.services)
    waits: list[float] = []
    while not waits or waits[-1]:
        assert await run_due(ASSESS, world.services) == 1
        assert await run_due(ASSESS, world.services) == 0
        due_at = (await world.rows(entries))[0]["due_at"]
        waits.append((due_at - world.clock.now()).total_seconds() / 60 if due_at else 0)
        world.clock.move(minutes=waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 0]
    status = await world.reads.status(world.clock.now(), version="1", model="judge-1")
    assert (status.entries.total, status.entries.parked) == (1, 1)
    assert (await world.rows(entries))[0]["last_error"] == "ValueError: too puzzling"


async def test_a_surprise_that_passes_leaves_no_trace(world: World) -> None:
    world.fetcher.serve(OPENED)
    world.judge.stumbles["opened"] = ValueError("too puzzling")
    await run_until_idle(world.services)
    world.judge.stumbles.clear()
    world.clock.move(minutes=1)
    await run_until_idle(world.services)
    assert len(world.messenger.received) == 1
    row = (await world.rows(entries))[0]
    assert (row["due_at"], row["attempts"], row["last_error"]) == (None, 0, "")


async def test_a_surprise_while_sending_counts_as_an_unknown_outcome(world: World) -> None:
    world.fetcher.serve(OPENED)
    world.messenger.script = [RuntimeError("what?"), RuntimeError("what again?")]
    for _ in range(4):
        await run_until_idle(world.services)
        world.clock.move(hours=1)
    assert world.messenger.received == []
    ((status, error, due),) = await sent_statuses(world)
    assert (status, due) == ("uncertain", False)
    assert "look in the chat" in error


async def test_a_message_that_cannot_be_written_is_not_taken_for_sent(world: World) -> None:
    world.fetcher.serve(OPENED)
    await run_due(POLL, world.services)
    await run_due(ASSESS, world.services)
    await set_confidence(world, -1)  # for which there are no words
    await run_due(DELIVER, world.services)
    assert [(status, due) for status, _, due in await sent_statuses(world)] == [("pending", True)]
    await set_confidence(world, 0.97)
    world.clock.move(seconds=5)
    await run_due(DELIVER, world.services)
    assert [AGAIN in text for text in world.messenger.texts] == [False]


async def test_an_error_of_the_database_is_not_swallowed(world: World) -> None:
    world.fetcher.serve(OPENED, WEATHER)
    world.judge.stumbles["opened"] = StorageError("disk is full")
    with pytest.raises(StorageError, match="disk is full"):
        await run_until_idle(world.services)
    assert (await world.rows(entries))[0]["last_error"] == ""
    world.clock.move(minutes=6)
    world.judge.stumbles.clear()
    await run_until_idle(world.services)
    assert len(world.messenger.received) == 1


# Taking turns


@pytest.mark.parametrize("rows", [0, 1, 3])
async def test_no_further_row_is_begun_once_told_to_stop(world: World, rows: int) -> None:
    world.fetcher.serve(*(draft(f"guid:{n}", f"Sunny weekend {n}") for n in range(9)))
    await run_due(POLL, world.services)
    answers = itertools.chain([False] * rows, itertools.repeat(True))
    assert await run_due(ASSESS, world.services, stopping=lambda: next(answers)) == rows
    assert len(await ASSESS.queue(world.services).due(world.clock.now(), 99)) == 9 - rows


async def test_no_more_rows_than_the_limit_are_taken(world: World) -> None:
    assert await run_due(POLL, world.services, limit=2) == 2
    assert await run_due(POLL, world.services) == 1
    assert await run_due(POLL, world.services) == 0


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
async def test_a_row_that_someone_else_has_is_left_alone(world: World, stage: Stage) -> None:
    world.fetcher.serve(OPENED)
    for earlier in itertools.takewhile(lambda other: other is not stage, STAGES):
        await run_due(earlier, world.services)
    await claimed(stage, world)
    assert not await run_one(stage, world.services, 1)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
async def test_a_worker_that_lost_its_lease_changes_nothing_and_sends_nothing(world: World, stage: Stage) -> None:
    world.fetcher.serve(OPENED)
    for earlier in itertools.takewhile(lambda other: other is not stage, STAGES):
        await run_due(earlier, world.services)
    stale = await claimed(stage, world)
    world.clock.move(minutes=6)
    await claimed(stage, world)
    before = [await world.rows(table) for table in (feeds, entries, alerts, deliveries)]
    await stage.run(world.services, stale)
    assert [await world.rows(table) for table in (feeds, entries, alerts, deliveries)] == before
    assert world.messenger.received == []


# What sending comes to


async def after_one_round(world: World, *script: SendOutcome) -> None:
    """Two alerts stand in the outbox of one chat; run the path once with this script."""
    world.fetcher.serve(OPENED, DROWNED)
    world.messenger.script = list(script)
    await run_until_idle(world.services)


async def test_a_sent_message_is_never_due_again(world: World) -> None:
    await after_one_round(world, Sent(7_000_000_000), Sent(None))
    assert await sent_statuses(world) == [("sent", "", False)] * 2
    assert [row["message_id"] for row in await world.rows(deliveries)] == [7_000_000_000, None]


async def test_a_chat_that_asks_for_patience_gets_it_for_all_its_rows(world: World) -> None:
    await after_one_round(world, TryLater("too many", retry_after=timedelta(seconds=30), whole_chat=True))
    assert world.messenger.received == []
    due = [row["due_at"] for row in await world.rows(deliveries)]
    assert due == [world.clock.now() + timedelta(seconds=30)] * 2
    world.clock.move(seconds=30)
    await run_until_idle(world.services)
    assert len(world.messenger.received) == 2
    assert not any(AGAIN in text for text in world.messenger.texts)


async def test_a_deferred_message_holds_nothing_else_back(world: World) -> None:
    await after_one_round(world, TryLater("no route"))
    assert len(world.messenger.received) == 1
    assert await sent_statuses(world) == [("pending", "no route", True), ("sent", "", False)]
    world.clock.move(seconds=5)
    await run_until_idle(world.services)
    assert len(world.messenger.received) == 2


async def test_a_message_follows_its_group_to_its_new_place(world: World) -> None:
    await after_one_round(world, TryLater("moved", retry_after=timedelta(0), moved_to="-100123"))
    assert [chat.chat for chat, _ in world.messenger.received] == ["-100123", "-100123"]


async def test_an_unknown_outcome_is_repeated_once_and_marked(world: World) -> None:
    await after_one_round(world, Uncertain("dropped"))
    assert await sent_statuses(world) == [("uncertain", "dropped", True), ("sent", "", False)]
    world.clock.move(seconds=60)
    await run_until_idle(world.services)
    assert [AGAIN in text for text in world.messenger.texts] == [False, True]
    assert await sent_statuses(world) == [("sent", "", False)] * 2


async def test_a_second_unknown_outcome_stays_visible_and_at_rest(world: World) -> None:
    await after_one_round(world, Uncertain("dropped"), Sent(1), Uncertain("dropped again"))
    for _ in range(3):
        world.clock.move(hours=1)
        await run_until_idle(world.services)
    assert await sent_statuses(world) == [("uncertain", "dropped again", False), ("sent", "", False)]


async def test_a_refused_message_is_parked_with_the_reason(world: World) -> None:
    await after_one_round(world, Undeliverable("bot was kicked"))
    world.clock.move(days=1)
    await run_until_idle(world.services)
    assert await sent_statuses(world) == [("parked", "bot was kicked", False), ("sent", "", False)]
    assert len(world.messenger.received) == 1


# Crashes: the process dies at a call, and a new one goes on once the leases have run out

COMMITS = (
    ("poll_store", "feeds.claim"),
    ("poll_store", "record_poll"),
    ("assess_store", "entries.claim"),
    ("assess_store", "record_assessment"),
    ("deliver_store", "deliveries.claim"),
    ("deliver_store", "record_begin"),
    ("messenger", "send"),
    ("deliver_store", "record_delivery"),
)
POINTS = [CrashPoint(port, call, after, nth) for port, call in COMMITS for after in (False, True) for nth in (1, 2)]
# Dying here, the program cannot know whether the chat has the message; how many copies of it the chat has in the end:
UNKNOWN = {
    ("record_begin", True): 1,
    ("send", False): 1,
    ("send", True): 2,
    ("record_delivery", False): 2,
}


@asynccontextmanager
async def revived(world: World, folder: Path) -> AsyncIterator[World]:
    """Open what a kill leaves on the disk, and go on with the same world around it."""
    with (
        closing(sqlite3.connect(folder / "monitor.db")) as left,
        closing(sqlite3.connect(folder / "revived.db")) as disk,
    ):
        left.backup(disk)
    async with Database.open(f"sqlite:///{folder / 'revived.db'}") as database:
        again = World(database, world.clock)
        again.fetcher.served, again.messenger.received = world.fetcher.served, world.messenger.received
        yield again


@pytest.mark.parametrize("point", POINTS, ids=str)
async def test_after_a_crash_every_entry_is_stored_once_and_every_alert_delivered_once(
    world: World, tmp_path: Path, point: CrashPoint
) -> None:
    world.fetcher.serve(OPENED, WEATHER)
    world.fetcher.serve(replace(OPENED, key="guid:8"), DROWNED, feed=2)
    with pytest.raises(Crash):
        await run_until_idle(with_trap(world.services, point))

    async with revived(world, tmp_path) as again:
        for _ in range(2):
            again.clock.move(minutes=6)
            await run_until_idle(again.services)
        stored, outbox = await again.rows(entries), await sent_statuses(again)
        told = (await again.count(alerts), await again.count(reports))

    assert sorted(row["key"] for row in stored) == ["guid:1", "guid:2", "guid:3", "guid:8"]
    assert {row["due_at"] for row in stored} == {None}
    assert told == (2, 2)
    assert outbox == [("sent", "", False)] * 2
    copies = UNKNOWN.get((point.call, point.after))
    texts = world.messenger.texts
    assert len(texts) == (2 if copies is None else copies + 1)
    assert sum(AGAIN in text for text in texts) == (0 if copies is None else 1)
    assert len({text.partition(")\n")[2] if AGAIN in text else text for text in texts}) == 2


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_while_repeating_is_the_last_attempt(world: World, after: bool) -> None:  # noqa: FBT001
    world.fetcher.serve(OPENED)
    for _ in range(2):
        with pytest.raises(Crash):
            await run_until_idle(with_trap(world.services, CrashPoint("messenger", "send", after)))
        world.clock.move(minutes=6)
    for _ in range(3):
        await run_until_idle(world.services)
        world.clock.move(minutes=6)
    assert len(world.messenger.received) == (2 if after else 0)
    ((status, error, due),) = await sent_statuses(world)
    assert (status, due) == ("uncertain", False)
    assert "look in the chat" in error
