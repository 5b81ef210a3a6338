"""The messengers keep their contract: whatever the peer does comes back as a value."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.adapters.console import ConsoleMessenger
from monitor.adapters.telegram.messenger import TelegramMessenger
from monitor.adapters.telegram.pace import Pace
from monitor.domain.delivery import SendOutcome, Sent, TryLater, Uncertain, Undeliverable
from monitor.domain.messages import Message, Part, Style
from monitor.errors import MessengerError
from monitor.ports import Messenger
from tests.contract.bot_api import TOKEN, BotApi, Chat, Fault, trust_one_authority

CHANNEL = "-1001234567890"
HELLO = Message((Part("Fire & <smoke> ", Style.BOLD), Part("🔴 quoted", Style.QUOTE), Part("text")))
LOUD_PAGE = "<html><body>502 Bad Gateway</body></html>"


class Stopwatch:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


def quick_pace() -> Pace:
    return Pace(group_gap=0, private_gap=0)


@asynccontextmanager
async def opened(
    api: BotApi, *, token: str = TOKEN, patience: float = 2.0, pace: Pace | None = None
) -> AsyncIterator[TelegramMessenger]:
    async with TelegramMessenger(token, api_url=api.url, timeout=patience, pace=pace or quick_pace()) as messenger:
        yield messenger


@pytest.fixture(autouse=True)
def _one_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trust_one_authority(monkeypatch, tmp_path)


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi(chats=[Chat(int(CHANNEL), username="claims")]) as server:
        yield await server.start()
        assert server.problems == []


@pytest.fixture
async def messenger(api: BotApi) -> AsyncIterator[TelegramMessenger]:
    async with opened(api) as one:
        yield one


def reason(outcome: SendOutcome) -> str:
    assert not isinstance(outcome, Sent)
    return outcome.reason


async def send(messenger: Messenger, message: Message = HELLO, *, chat: str = CHANNEL, thread: int = 0) -> SendOutcome:
    return await messenger.send(message, chat=chat, thread=thread)


# What arrives


async def test_a_message_arrives_as_it_was_written(api: BotApi, messenger: TelegramMessenger) -> None:
    assert await send(messenger) == Sent(1)
    [posted] = api.messages
    assert posted["text"] == "Fire & <smoke> 🔴 quotedtext"
    assert [entity["type"] for entity in posted["entities"]] == ["bold", "blockquote"]


async def test_each_message_has_its_own_id(messenger: TelegramMessenger) -> None:
    assert [await send(messenger) for _ in range(3)] == [Sent(1), Sent(2), Sent(3)]


@pytest.mark.parametrize("silent", [True, False])
async def test_silence_and_no_previews_are_asked_for(api: BotApi, messenger: TelegramMessenger, silent: bool) -> None:  # noqa: FBT001
    await send(messenger, Message(HELLO.parts, silent=silent))
    [call] = api.called("sendMessage")
    assert call.params["disable_notification"] is silent
    assert call.params["link_preview_options"] == {"is_disabled": True}
    assert "message_thread_id" not in call.params


async def test_a_channel_is_found_by_its_name(api: BotApi, messenger: TelegramMessenger) -> None:
    assert await send(messenger, chat="@claims") == Sent(1)
    assert api.messages[0]["chat"]["id"] == int(CHANNEL)


async def test_a_topic_of_a_forum_is_addressed(api: BotApi, messenger: TelegramMessenger) -> None:
    api.chats.append(Chat(-100555, type="supergroup", threads=frozenset({7})))
    assert await send(messenger, chat="-100555", thread=7) == Sent(1)
    assert api.messages[0]["message_thread_id"] == 7
    assert "topic is gone" in reason(await send(messenger, chat="-100555", thread=8))


async def test_refused_markup_goes_out_once_more_as_plain_text(api: BotApi, messenger: TelegramMessenger) -> None:
    body = {"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities: at byte offset 3"}
    api.faults.append(Fault(status=400, body=body))
    long = Message((Part("🔴" * 3000), Part("a link", Style.LINK, "https://example.org")))
    assert await send(messenger, long) == Sent(1)
    assert api.messages[0]["text"] == "🔴" * 2048
    assert [call.params.get("parse_mode") for call in api.calls] == ["HTML", None]


# The error table


@pytest.mark.parametrize("chat", [CHANNEL, "@claims", "4242"])
async def test_a_server_that_refuses_connections_was_never_asked(chat: str) -> None:
    async with BotApi() as silent_api, opened(silent_api) as messenger:
        outcome = await send(messenger, chat=chat)
    assert isinstance(outcome, TryLater)
    assert "ConnectError" in outcome.reason
    assert outcome.retry_after is None
    assert not outcome.whole_chat


@pytest.mark.parametrize("applied", [True, False])
async def test_a_dropped_connection_leaves_the_outcome_unknown(api: BotApi, applied: bool) -> None:  # noqa: FBT001
    api.faults.append(Fault(drop=True, applied=applied))
    async with opened(api) as messenger:
        outcome = await send(messenger)
    assert isinstance(outcome, Uncertain)
    assert "connection failed" in outcome.reason
    assert len(api.messages) == applied


@pytest.mark.parametrize("applied", [True, False])
async def test_a_late_answer_leaves_the_outcome_unknown(api: BotApi, applied: bool) -> None:  # noqa: FBT001
    api.faults.append(Fault(hang=True, applied=applied))
    async with opened(api, patience=0.15) as messenger:
        outcome = await send(messenger)
    assert isinstance(outcome, Uncertain)
    assert "ReadTimeout" in outcome.reason
    assert len(api.messages) == applied


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
@pytest.mark.parametrize("body", [LOUD_PAGE, "", {"ok": False, "description": "Internal"}])
async def test_a_failing_server_leaves_the_outcome_unknown(
    api: BotApi, messenger: TelegramMessenger, status: int, body: str | dict[str, object]
) -> None:
    api.faults.append(Fault(status=status, body=body))
    outcome = await send(messenger)
    assert isinstance(outcome, Uncertain)
    assert str(status) in outcome.reason


async def test_a_pause_that_telegram_asks_for_binds_the_chat(api: BotApi, messenger: TelegramMessenger) -> None:
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 37}}
    api.faults.append(Fault(status=429, body=body))
    outcome = await send(messenger)
    assert isinstance(outcome, TryLater)
    assert outcome.retry_after == timedelta(seconds=37)
    assert outcome.whole_chat
    assert await send(messenger) == Sent(1)


@pytest.mark.parametrize("body", [LOUD_PAGE, {"ok": False, "error_code": 429}, {"parameters": {"retry_after": None}}])
async def test_a_pause_without_a_length_binds_the_chat_too(
    api: BotApi, messenger: TelegramMessenger, body: str | dict[str, object]
) -> None:
    api.faults.append(Fault(status=429, body=body))
    outcome = await send(messenger)
    assert isinstance(outcome, TryLater)
    assert outcome.retry_after is None
    assert outcome.whole_chat


async def test_a_group_that_became_a_supergroup_is_followed(api: BotApi, messenger: TelegramMessenger) -> None:
    api.chats += [Chat(-77, type="group", moved_to=-10077), Chat(-10077, type="supergroup")]
    outcome = await send(messenger, chat="-77")
    assert isinstance(outcome, TryLater)
    assert (outcome.moved_to, outcome.retry_after) == ("-10077", timedelta(0))
    assert await send(messenger, chat="-10077") == Sent(1)


REFUSED_PLACES = {
    "chat not found": (Chat(1, type="private"), "check MONITOR_TELEGRAM_CHANNEL"),
    "blocked": (Chat(5, type="private", bot="blocked"), "unblock the bot"),
    "kicked": (Chat(5, type="supergroup", bot="kicked"), "add the bot again"),
    "left": (Chat(5, bot="left"), "make the bot an administrator of the channel"),
    "member": (Chat(5, bot="member"), "make the bot an administrator of the channel"),
    "may not post": (Chat(5, can_post=False), "give the bot the right to post"),
}


@pytest.mark.parametrize("case", REFUSED_PLACES)
async def test_a_refusing_chat_is_undeliverable_with_a_remedy(
    api: BotApi, messenger: TelegramMessenger, case: str
) -> None:
    place, remedy = REFUSED_PLACES[case]
    api.chats.append(place)
    outcome = await send(messenger, chat="5")
    assert isinstance(outcome, Undeliverable)
    assert remedy in outcome.reason


@pytest.mark.parametrize(("text", "words"), [("", "text is empty"), ("x" * 4097, "too long")])
async def test_an_impossible_text_is_undeliverable(
    api: BotApi, messenger: TelegramMessenger, text: str, words: str
) -> None:
    outcome = await send(messenger, Message((Part(text),)))
    assert isinstance(outcome, Undeliverable)
    assert words in outcome.reason


@pytest.mark.parametrize("status", [401, 404])
async def test_a_refused_token_is_undeliverable(api: BotApi, status: int) -> None:
    api.faults.append(Fault(status=status, body={"ok": False, "error_code": status, "description": f"Refused {TOKEN}"}))
    async with opened(api) as messenger:
        outcome = await send(messenger)
    assert isinstance(outcome, Undeliverable)
    assert "MONITOR_TELEGRAM_TOKEN" in outcome.reason


async def test_a_second_program_with_the_token_is_waited_for(api: BotApi, messenger: TelegramMessenger) -> None:
    api.faults.append(Fault(status=409, body={"ok": False, "error_code": 409, "description": "Conflict"}))
    outcome = await send(messenger)
    assert isinstance(outcome, TryLater)
    assert "same token" in outcome.reason


@pytest.mark.parametrize("body", [LOUD_PAGE, "[]", '{"ok": true}', '{"ok": true, "result": {}}', '{"result": "none"}'])
async def test_a_success_that_cannot_be_read_is_unknown(api: BotApi, messenger: TelegramMessenger, body: str) -> None:
    api.faults.append(Fault(status=200, body=body, applied=True))
    assert isinstance(await send(messenger), Uncertain)


async def test_an_answer_that_is_not_telegrams_is_tried_later(api: BotApi, messenger: TelegramMessenger) -> None:
    api.faults.append(Fault(status=302, body={"description": f"{TOKEN} " + "x" * 1000}))
    outcome = await send(messenger)
    assert isinstance(outcome, TryLater)
    assert len(outcome.reason) < 400


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 429, 500])
async def test_the_token_is_never_told(api: BotApi, caplog: pytest.LogCaptureFixture, status: int) -> None:
    api.faults.append(Fault(status=status, body={"ok": False, "description": f"can't parse entities of bot{TOKEN}"}))
    api.faults.append(Fault(status=status, body={"ok": False, "description": f"bot{TOKEN} again"}))
    caplog.set_level(logging.INFO)
    async with opened(api) as messenger:
        outcome = await send(messenger)
    assert TOKEN not in reason(outcome)
    assert TOKEN not in caplog.text


# Pacing


async def test_posts_to_one_chat_keep_their_distance(api: BotApi) -> None:
    watch = Stopwatch()
    api.chats.append(Chat(4242, type="private"))
    async with opened(api, pace=Pace(clock=watch, sleep=watch.sleep)) as messenger:
        for chat in (CHANNEL, CHANNEL, "4242", "4242", CHANNEL):
            assert isinstance(await send(messenger, chat=chat), Sent)
    assert watch.naps == [3.0, 1.0, 2.0]


async def test_a_turn_too_far_off_is_left_to_the_outbox() -> None:
    watch = Stopwatch()

    async def no_time_passes(seconds: float) -> None:
        watch.naps.append(seconds)

    pace = Pace(clock=watch, sleep=no_time_passes, patience=7)
    waits = [await pace.turn("@claims") for _ in range(4)]
    assert waits == [None, None, None, timedelta(seconds=9)]
    assert await pace.turn("4242") is None
    async with BotApi() as api, opened(api, pace=pace) as messenger:
        assert await send(messenger, chat="@claims") == TryLater(
            "many messages wait for this chat", retry_after=timedelta(seconds=9)
        )


# monitor doctor


async def test_check_says_what_it_found(api: BotApi, messenger: TelegramMessenger) -> None:
    assert await messenger.check("@claims") == (
        "bot @claim_monitor_bot",
        f"channel “Test” ({CHANNEL})",
        "@claim_monitor_bot may post there",
    )
    api.chats.append(Chat(4242, type="private", title="Ann"))
    assert await messenger.check("4242") == ("bot @claim_monitor_bot", "private “Ann” (4242)")
    api.chats.append(Chat(-9, type="group", bot="member"))
    assert "may post" in (await messenger.check("-9"))[-1]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Chat(1), "Chat not found; check MONITOR_TELEGRAM_CHANNEL"),
        (Chat(5, bot="left"), "not a member"),
        (Chat(5, bot="kicked"), "not a member"),
        (Chat(5, bot="member"), "not an administrator"),
        (Chat(5, can_post=False), "right to post"),
    ],
)
async def test_check_refuses_a_chat_that_cannot_be_posted_to(
    api: BotApi, messenger: TelegramMessenger, place: Chat, words: str
) -> None:
    api.chats.append(place)
    with pytest.raises(MessengerError, match=words):
        await messenger.check("5")
    assert api.messages == []


async def test_check_refuses_a_wrong_token(api: BotApi) -> None:
    async with opened(api, token="1:wrong") as messenger:
        with pytest.raises(MessengerError, match="check MONITOR_TELEGRAM_TOKEN") as caught:
            await messenger.check(CHANNEL)
    assert "1:wrong" not in str(caught.value)


async def test_check_names_a_server_that_does_not_answer() -> None:
    async with BotApi() as api, opened(api) as messenger:
        with pytest.raises(MessengerError, match=f"cannot be reached.*{api.url}"):
            await messenger.check(CHANNEL)


# The console


async def test_the_console_prints_a_message() -> None:
    printed: list[str] = []
    messenger: Messenger = ConsoleMessenger(printed.append)
    assert await send(messenger) == Sent(None)
    assert "".join(printed).startswith("Fire & <smoke>     “🔴 quoted”\ntext\n──")


async def test_a_poor_terminal_gets_escapes() -> None:
    printed: list[str] = []

    def write(text: str) -> None:
        printed.append(text.encode("ascii").decode())

    assert await send(ConsoleMessenger(write)) == Sent(None)
    assert "\\U0001f534 quoted" in printed[0]


def failing(error: Exception) -> Callable[[str], None]:
    def write(_: str) -> None:
        raise error

    return write


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BrokenPipeError(), TryLater),
        (OSError(errno.ENOSPC, "No space left on device"), TryLater),
        (ValueError("I/O operation on closed file."), Undeliverable),
    ],
)
async def test_a_console_that_fails_says_so(error: Exception, kind: type[SendOutcome]) -> None:
    outcome = await send(ConsoleMessenger(failing(error)))
    assert isinstance(outcome, kind)
    assert reason(outcome)
