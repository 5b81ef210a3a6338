"""The bot: answers questions in chats. It changes nothing, so anyone may ask."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from telegram import LinkPreviewOptions, Update
from telegram.constants import ParseMode
from telegram.error import Conflict, InvalidToken, TelegramError
from telegram.ext import Application, CallbackContext, CommandHandler, Defaults, filters

from monitor.domain.messages import (
    Message,
    Part,
    Style,
    clean,
    render_claim,
    render_claims,
    render_latest,
    render_status,
)
from monitor.domain.views import AlertView, ClaimView, StatusView

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines show addresses, which hold the token
os.environ.setdefault("PTB_TIMEDELTA", "true")  # else python-telegram-bot warns whenever Telegram asks for a pause

API_URL = "https://api.telegram.org"
LATEST_LENGTH = 5
ARGUMENT_LENGTH = 100
LONGEST_PAUSE = 60.0
POLL_SECONDS = 25
SORRY = "Sorry, that did not work. Please try again in a minute."

Bot: TypeAlias = Application[Any, Any, Any, Any, Any, Any]
Context: TypeAlias = CallbackContext[Any, Any, Any, Any]
Answer: TypeAlias = Callable[["BotQuestions", str], Awaitable[Message]]


class BotQuestions(Protocol):
    """What the bot asks the rest of the program."""

    async def claims(self) -> Sequence[ClaimView]:
        """Give all claims that are tracked."""
        ...

    async def claim(self, name: str) -> tuple[ClaimView, Sequence[AlertView]] | None:
        """Give a claim by its id, `c1` or `story/c1`, with its newest alerts; None if there is none."""
        ...

    async def latest(self, limit: int) -> Sequence[AlertView]:
        """Give the newest alerts, newest first."""
        ...

    async def status(self) -> StatusView:
        """Give the program's state."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, what the menu says of it, and what answers it."""

    name: str
    description: str
    answer: Answer


async def _help(_: BotQuestions, __: str) -> Message:
    lines = "".join(f"/{command.name} — {command.description}\n" for command in COMMANDS)
    about = (
        "I watch news feeds for reports that support, contradict or update stored claims. "
        "I quote what was reported; I do not decide what is true.\n\n"
    )
    return Message((Part("Claim monitor\n", Style.BOLD), Part(about), Part(lines)))


async def _claims(questions: BotQuestions, _: str) -> Message:
    return render_claims(await questions.claims())


async def _claim(questions: BotQuestions, name: str) -> Message:
    found = await questions.claim(name) if name else None
    if found:
        return render_claim(*found)
    claims = await questions.claims()
    if not claims:
        return render_claims(claims)
    lead = f"There is no claim “{clean(name, ARGUMENT_LENGTH)}”." if name else "Which claim?"
    return Message((Part(f"{lead} Send for example /claim {claims[0].ref.claim}\n\n"), *render_claims(claims).parts))


async def _latest(questions: BotQuestions, _: str) -> Message:
    return render_latest(await questions.latest(LATEST_LENGTH))


async def _status(questions: BotQuestions, _: str) -> Message:
    return render_status(await questions.status())


COMMANDS = (
    Command("claims", "the tracked claims and how each stands", _claims),
    Command("claim", "one claim with its newest alerts: /claim c1", _claim),
    Command("latest", "the newest alerts", _latest),
    Command("status", "whether I am alive, and what I am doing", _status),
    Command("help", "what I do, and my commands", _help),
    Command("start", "what I do, and my commands", _help),
)


def build_bot(token: str, *, api_url: str = API_URL, questions: BotQuestions) -> Bot:
    """Build the bot without asking the server anything; `serving_bot` runs it."""
    defaults = Defaults(
        parse_mode=ParseMode.HTML,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
        allow_sending_without_reply=True,
    )
    address = api_url.rstrip("/")
    builder = Application.builder().token(token).base_url(f"{address}/bot").base_file_url(f"{address}/file/bot")
    bot = builder.defaults(defaults).job_queue(None).build()
    for command in COMMANDS:
        answering = _answering(command, questions)
        bot.add_handler(CommandHandler(command.name, answering, filters=filters.UpdateType.MESSAGE))
    bot.add_error_handler(_apologise)
    return bot


@asynccontextmanager
async def serving_bot(
    bot: Bot, *, first_pause: float = 1.0, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncIterator[None]:
    """Serve while the block runs. The block starts at once; the bot joins in when Telegram can be reached.

    A refused token is logged and ends the bot, never the block.
    """
    arrival = asyncio.create_task(_come_up(bot, first_pause, sleep), name="bot")
    try:
        yield
    finally:
        arrival.cancel()
        await asyncio.wait([arrival])
        await _go_down(bot)
        if not arrival.cancelled():
            arrival.result()


async def _come_up(bot: Bot, pause: float, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Sign in, however long Telegram cannot be reached, then start to poll."""
    try:
        while not await _signed_in(bot):
            await sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        await _publish_menu(bot)
        await bot.start()
        assert bot.updater is not None
        await bot.updater.start_polling(
            timeout=POLL_SECONDS,
            bootstrap_retries=-1,
            allowed_updates=[Update.MESSAGE],
            drop_pending_updates=False,
            error_callback=_polling_failed,
        )
    except InvalidToken:
        log.error("the bot stays off: Telegram refuses the token; check MONITOR_TELEGRAM_TOKEN")  # noqa: TRY400
    else:
        log.info("the bot @%s answers", bot.bot.username)


async def _signed_in(bot: Bot) -> bool:
    """Sign in; False, and a line in the log, if that must be tried again."""
    try:
        await bot.initialize()
    except InvalidToken:
        raise
    except TelegramError as error:
        log.warning("the bot waits for Telegram: %s", error.message.replace(bot.bot.token, "<token>"))
        return False
    return True


async def _publish_menu(bot: Bot) -> None:
    """Show the commands in the clients' menus; the bot works without."""
    try:
        await bot.bot.set_my_commands([(command.name, command.description) for command in COMMANDS])
    except InvalidToken:
        raise
    except TelegramError as error:
        log.warning("the menu of commands stays as it was: %s", error.message)


async def _go_down(bot: Bot) -> None:
    """Stop in the order that loses nothing: fetch no more, answer what was fetched, close."""
    if bot.updater is not None and bot.updater.running:
        with suppress(TelegramError):
            await bot.updater.stop()
    if bot.running:
        await bot.stop()
    await bot.shutdown()
    await bot.bot.shutdown()


def _polling_failed(error: TelegramError) -> None:
    """Note in one line that news could not be fetched; the library tries again by itself."""
    if isinstance(error, Conflict):
        log.error("another program answers with the same bot token; stop it, or use another token")
    else:
        log.warning("the bot cannot fetch messages: %s", error.message)


def _answering(command: Command, questions: BotQuestions) -> Callable[[Update, Context], Coroutine[Any, Any, None]]:
    """Wrap a command's answer as a handler."""

    async def respond(update: Update, context: Context) -> None:
        message = update.effective_message
        if message is not None:
            argument = " ".join(context.args or ())[:ARGUMENT_LENGTH]
            answer = await command.answer(questions, argument)
            await message.reply_text(answer.html)

    return respond


async def _apologise(update: object, context: Context) -> None:
    """Note where an answer failed, without what anyone wrote, and say that it did."""
    error = context.error
    assert error is not None
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("the bot could not answer: %s\n%s", type(error).__name__, where)
    if isinstance(update, Update) and update.effective_message is not None:
        with suppress(TelegramError):
            await update.effective_message.reply_text(SORRY)
