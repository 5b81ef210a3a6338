"""The bot, as python-telegram-bot runs it, against a server that behaves like Telegram's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.domain.alerts import AlertKind
from monitor.domain.ids import AlertId, ClaimRef
from monitor.domain.ledger import Standing
from monitor.domain.stance import Stance
from monitor.domain.views import AlertView, ClaimView, QueueView, ReportView, StatusView
from monitor.entrypoints.bot import COMMANDS, SORRY, build_bot, serving_bot
from tests.contract.bot_api import TOKEN, BotApi, Chat, Fault, trust_one_authority
from tests.contract.telegram_markup import utf16_length

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
REF = ClaimRef("dam", "c1")
CLAIM = ClaimView(
    ref=REF,
    statement="The dam holds <for now> & longer.",
    said_by="A. Engineer",
    said_on="2026-11-01",
    standing=Standing.DISPUTED,
    supports=1,
    contradicts=2,
    updates=3,
    changed_at=NOON,
)
ALERT = AlertView(
    id=AlertId(1),
    raised_at=NOON,
    kind=AlertKind.CONTRADICTION,
    claim=REF,
    story_title="The dam",
    statement=CLAIM.statement,
    said_by=CLAIM.said_by,
    said_on=CLAIM.said_on,
    stance=Stance.CONTRADICTS,
    confidence=0.93,
    quote="Water <pours> through the dam, officials said.",
    before=Standing.HOLDS,
    after=Standing.DISPUTED,
    report=ReportView("Dam & town", "https://example.org/?a=1&b=2", "The Example", NOON, "uk", 2),
)
QUEUE = QueueView(total=4, due=1, failing=0, parked=0)
STATUS = StatusView(
    feeds=QUEUE,
    entries=QUEUE,
    deliveries=QUEUE,
    stories=1,
    claims=1,
    reports=3,
    alerts=1,
    in_review=2,
    last_poll_at=NOON,
    oldest_due_age_seconds=None,
    version="0.1.0",
    model="test",
)


class Answers:
    """What the program knows in these tests; `broken` makes every question fail."""

    def __init__(self) -> None:
        self.known: Sequence[ClaimView] = [CLAIM]
        self.broken = False
        self.asked: list[str] = []

    async def claims(self) -> Sequence[ClaimView]:
        self._fail("claims")
        return self.known

    async def claim(self, name: str) -> tuple[ClaimView, Sequence[AlertView]] | None:
        self.asked.append(name)
        self._fail(name)
        return (CLAIM, [ALERT] * 3) if name in ("c1", "dam/c1") else None

    async def latest(self, limit: int) -> Sequence[AlertView]:
        self._fail("latest")
        return [ALERT] * limit

    async def status(self) -> StatusView:
        self._fail("status")
        return STATUS

    def _fail(self, question: str) -> None:
        if self.broken:
            raise RuntimeError(f"no answer to {question}")


class Alarm(logging.Handler):
    """Rings when the bot logs an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.rang = asyncio.Event()

    def emit(self, _: logging.LogRecord) -> None:
        self.rang.set()


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    bell = Alarm()
    logger = logging.getLogger("monitor.entrypoints.bot")
    logger.addHandler(bell)
    yield bell
    logger.removeHandler(bell)


@pytest.fixture(autouse=True)
def _one_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trust_one_authority(monkeypatch, tmp_path)


@pytest.fixture
def ann() -> Chat:
    return Chat(4242, type="private", title="Ann")


@pytest.fixture
async def api(ann: Chat) -> AsyncIterator[BotApi]:
    async with BotApi(chats=[ann]) as server:
        yield server
        assert server.problems == []


@pytest.fixture
def answers() -> Answers:
    return Answers()


@asynccontextmanager
async def serving(api: BotApi, answers: Answers, **options: Any) -> AsyncIterator[None]:
    async with serving_bot(build_bot(TOKEN, api_url=api.url, questions=answers), **options):
        yield


@pytest.fixture
async def bot(api: BotApi, answers: Answers) -> AsyncIterator[None]:
    await api.start()
    async with serving(api, answers):
        yield


# Questions and answers


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("/start", "I watch news feeds"),
        ("/help", "/latest — the newest alerts"),
        ("/claims", "🟡 c1 The dam holds <for now> & longer."),
        ("/claim", "Which claim? Send for example /claim c1"),
        ("/claim c1", "Water <pours> through the dam"),
        ("/claim dam/c1", "disputed · 1 for · 2 against · 3 developments"),
        ("/claim <b>&", "There is no claim “<b>&”."),
        ("/latest", "🔴 Reported to contradict c1"),
        ("/status", "Alive.\nLast poll: 24 Nov 2026, 12:00:00 UTC"),
    ],
)
@pytest.mark.usefixtures("bot")
async def test_each_command_answers(api: BotApi, ann: Chat, words: str, expected: str) -> None:
    await api.say(words, chat=ann)
    reply = await api.reply()
    assert expected in reply["text"]
    assert reply["chat"]["id"] == ann.id


@pytest.mark.usefixtures("bot")
async def test_the_menu_and_the_help_list_every_command(api: BotApi, ann: Chat) -> None:
    await api.say("/help", chat=ann)
    listed = (await api.reply())["text"]
    assert [command["command"] for command in api.commands] == [command.name for command in COMMANDS]
    assert all(f"/{command.name} — {command.description}\n" in listed + "\n" for command in COMMANDS)


@pytest.mark.usefixtures("bot")
async def test_nothing_stored_is_said_so(api: BotApi, ann: Chat, answers: Answers) -> None:
    answers.known = []
    for words in ("/claims", "/claim", "/claim c1x"):
        await api.say(words, chat=ann)
        assert (await api.reply())["text"] == "No claims are tracked yet."


@pytest.mark.usefixtures("bot")
async def test_many_claims_fit_into_one_message(api: BotApi, ann: Chat, answers: Answers) -> None:
    answers.known = [CLAIM] * 500
    await api.say("/claim nowhere", chat=ann)
    text = (await api.reply())["text"]
    assert utf16_length(text) <= 4096
    assert text.endswith("500 claims in all")


@pytest.mark.usefixtures("bot")
async def test_a_long_argument_is_cut(api: BotApi, ann: Chat, answers: Answers) -> None:
    await api.say(f"/claim {'<' * 3000}", chat=ann)
    assert "There is no claim" in (await api.reply())["text"]
    assert [len(name) for name in answers.asked] == [100]


@pytest.mark.usefixtures("bot")
async def test_in_a_group_commands_for_other_bots_are_theirs(api: BotApi) -> None:
    group = Chat(-100777, type="supergroup", bot="member", threads=frozenset({9}))
    api.chats.append(group)
    await api.say("/status@other_bot", chat=group)
    await api.say("what is the status?", chat=group)
    await api.say("/claims@claim_monitor_bot", chat=group, thread=9)
    reply = await api.reply()
    assert reply["text"].startswith("🟡 c1")
    assert reply["message_thread_id"] == 9
    assert api.called("sendMessage")[0].params["link_preview_options"] == {"is_disabled": True}


@pytest.mark.usefixtures("bot")
async def test_a_failing_answer_is_apologised_for(
    api: BotApi, ann: Chat, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    answers.broken = True
    await api.say("/claim my-secret", chat=ann)
    assert (await api.reply())["text"] == SORRY
    assert "the bot could not answer: RuntimeError" in caplog.text
    assert "my-secret" not in caplog.text
    answers.broken = False
    await api.say("/status", chat=ann)
    assert "Alive" in (await api.reply())["text"]


@pytest.mark.usefixtures("bot")
async def test_a_reply_that_telegram_defers_does_not_stop_the_bot(api: BotApi, ann: Chat) -> None:
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 3}}
    api.faults.append(Fault(status=429, body=body, count=2))
    await api.say("/status", chat=ann)
    await api.say("/claims", chat=ann)
    assert (await api.reply())["text"].startswith("🟡 c1")


# Coming and going


async def test_what_was_asked_while_the_bot_was_away_is_answered_once(api: BotApi, ann: Chat, answers: Answers) -> None:
    await api.start()
    await api.say("/status", chat=ann)
    for _ in range(2):
        async with serving(api, answers):
            await api.until(lambda: len(api.called("getUpdates")) > 1)
    assert len(api.messages) == 1
    assert api.called("getUpdates")[1].params["offset"] == 2


async def test_an_unreachable_telegram_is_waited_for(
    api: BotApi, ann: Chat, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            await api.start()

    await api.say("/status", chat=ann)
    async with serving(api, answers, first_pause=0.5, sleep=sleep):
        assert "Alive" in (await api.reply())["text"]
    assert naps == [0.5, 1.0, 2.0]
    assert caplog.text.count("the bot waits for Telegram") == 3
    assert "Traceback" not in caplog.text


async def test_a_program_ends_while_its_bot_still_waits(api: BotApi, answers: Answers) -> None:
    waiting = asyncio.Event()

    async def sleep(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(3), serving(api, answers, sleep=sleep):
        await waiting.wait()


async def test_a_program_ends_while_telegram_refuses_to_let_its_bot_poll(api: BotApi, answers: Answers) -> None:
    api.faults.append(Fault("deleteWebhook", status=502, count=99))
    await api.start()
    async with asyncio.timeout(3), serving(api, answers):
        await api.until(lambda: bool(api.called("deleteWebhook")))


async def test_a_refused_token_is_logged_once_and_the_program_runs_on(
    api: BotApi, answers: Answers, alarm: Alarm, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    api.token = "987654321:AAAnother"
    await api.start()
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    async with asyncio.timeout(3), serving(api, answers, sleep=sleep):
        await alarm.rang.wait()
    assert naps == []
    assert caplog.text.count("check MONITOR_TELEGRAM_TOKEN") == 1
    assert TOKEN not in caplog.text


async def test_a_menu_that_cannot_be_set_is_done_without(
    api: BotApi, ann: Chat, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 3000}}
    api.faults.append(Fault("setMyCommands", status=429, body=body))
    await api.start()
    await api.say("/status", chat=ann)
    async with serving(api, answers):
        assert "Alive" in (await api.reply())["text"]
    assert "the menu of commands stays as it was" in caplog.text


async def test_a_failed_poll_is_one_line_in_the_log_and_is_made_up_for(
    api: BotApi, ann: Chat, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"ok": False, "error_code": 409, "description": "Conflict: terminated by other getUpdates request"}
    api.faults.append(Fault("getUpdates", status=409, body=body))
    await api.start()
    await api.say("/status", chat=ann)
    async with serving(api, answers):
        assert "Alive" in (await api.reply())["text"]
    assert caplog.text.count("another program answers with the same bot token") == 1
    assert "Traceback" not in caplog.text
