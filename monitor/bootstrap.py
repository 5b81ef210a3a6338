"""Puts the program together: the only module that knows both settings and adapters.

Adapters are imported by the function that opens them: a command waits only for the libraries it uses.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor import __version__
from monitor.adapters.clock import SystemClock
from monitor.adapters.console import ConsoleMessenger
from monitor.adapters.feeds.opml import read_opml, write_opml
from monitor.domain.alerts import Subscription
from monitor.domain.delivery import SendOutcome, TryLater
from monitor.domain.feeds import Feed, FeedDraft, FetchOutcome, PollPolicy
from monitor.domain.ids import FeedId
from monitor.domain.messages import Message
from monitor.domain.stories import Story, parse_story
from monitor.errors import UsageError
from monitor.ports import Clock, Messenger
from monitor.queries import Questions
from monitor.services import Matching, Services
from monitor.settings import Settings

if TYPE_CHECKING:
    from monitor.adapters.feeds.http import HttpFetcher
    from monitor.adapters.storage.deliver import SqlDeliverStore
    from monitor.adapters.storage.library import SqlLibrary

CONSOLE = "console"
USER_AGENT = f"claim-monitor/{__version__} (news feed reader; see the README for whom to contact)"
JUDGES = ("judge-english", "judge-multilingual")


@dataclass(frozen=True, slots=True)
class _ByChat:
    """Sends to whoever serves a chat; a chat that nobody serves now waits until someone does."""

    messengers: Mapping[str, Messenger]
    otherwise: Messenger | None

    async def send(self, message: Message, *, chat: str, thread: int) -> SendOutcome:
        """Send by the chat's messenger."""
        messenger = self.messengers.get(chat, self.otherwise)
        if messenger is None:
            return TryLater("MONITOR_TELEGRAM_TOKEN is not set, so nothing can be posted to this chat")
        return await messenger.send(message, chat=chat, thread=thread)


async def prepare_database(settings: Settings) -> None:
    """Create the database's schema, or bring it up to date."""
    from monitor.adapters.storage.database import upgrade

    await upgrade(settings.database_url)


def open_matching(settings: Settings) -> Matching:
    """Load the models. Raises ModelError."""
    from monitor.adapters.models.card import WEIGHTS
    from monitor.adapters.models.claim_index import EmbeddingIndex
    from monitor.adapters.models.encoder import OnnxEncoder
    from monitor.adapters.models.language import detect
    from monitor.adapters.models.stance_model import JudgeByLanguage

    judge = JudgeByLanguage.open(WEIGHTS, threads=settings.model_threads)
    encoder = OnnxEncoder.open(WEIGHTS / "encoder", threads=settings.model_threads)
    return Matching(index=EmbeddingIndex(encoder), judge=judge, language=detect)


def judge_version() -> str:
    """Name the judges without loading them. Raises ModelError."""
    from monitor.adapters.models.card import WEIGHTS, read_card

    return " + ".join(read_card(WEIGHTS / name).version for name in JUDGES)


@asynccontextmanager
async def open_questions(settings: Settings, *, model: str = "") -> AsyncIterator[tuple[Questions, SqlLibrary]]:
    """Open the database for asking and changing, without network or models; an SQLite file is made ready.

    `model` names the judge for an answer that tells it.
    """
    from monitor.adapters.storage.database import Database
    from monitor.adapters.storage.library import SqlLibrary
    from monitor.adapters.storage.reads import SqlReads

    if settings.database_url.startswith("sqlite"):
        await prepare_database(settings)
    async with Database.open(settings.database_url) as database:
        reads = SqlReads(database, interval=settings.poll_interval)
        yield Questions(reads, SystemClock(), model), SqlLibrary(database)


@asynccontextmanager
async def open_services(
    settings: Settings, *, write: Callable[[str], object] = sys.stdout.write, clock: Clock | None = None
) -> AsyncIterator[Services]:
    """Open everything a running program needs; alerts for the console go to `write`; the time is `clock`'s.

    Raises MonitorError when the database, a model or the settings cannot be used.
    """
    from monitor.adapters.storage.assess import SqlAssessStore
    from monitor.adapters.storage.database import Database
    from monitor.adapters.storage.deliver import SqlDeliverStore
    from monitor.adapters.storage.library import SqlLibrary
    from monitor.adapters.storage.poll import SqlPollStore
    from monitor.adapters.storage.reads import SqlReads

    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        if settings.database_url.startswith("sqlite"):
            await prepare_database(settings)
        database = await stack.enter_async_context(Database.open(settings.database_url))
        fetcher = await stack.enter_async_context(open_fetcher(settings, clock))
        telegram = None
        if settings.telegram_token is not None:
            from monitor.adapters.telegram.messenger import TelegramMessenger

            token = settings.telegram_token.get_secret_value()
            telegram = await stack.enter_async_context(TelegramMessenger(token, api_url=settings.telegram_api_url))
        yield Services(
            clock=clock,
            fetcher=fetcher,
            matching=open_matching(settings),
            messenger=_ByChat({CONSOLE: ConsoleMessenger(write)}, telegram),
            poll_store=SqlPollStore(database),
            assess_store=SqlAssessStore(database),
            deliver_store=SqlDeliverStore(database),
            library=SqlLibrary(database),
            reads=SqlReads(database, interval=settings.poll_interval),
            polling=PollPolicy(interval=settings.poll_interval),
            subscriptions=(Subscription(settings.telegram_channel or CONSOLE),),
        )


@asynccontextmanager
async def open_fetcher(settings: Settings, clock: Clock) -> AsyncIterator[HttpFetcher]:
    """Open the feed fetcher alone."""
    from monitor.adapters.feeds.http import FetchLimits, HttpFetcher

    async with HttpFetcher.open(
        FetchLimits(), allow_private=settings.allow_private_addresses, user_agent=USER_AGENT, clock=clock
    ) as fetcher:
        yield fetcher


@asynccontextmanager
async def open_outbox(settings: Settings) -> AsyncIterator[SqlDeliverStore]:
    """Open the outbox alone, for a person to set right."""
    from monitor.adapters.storage.database import Database
    from monitor.adapters.storage.deliver import SqlDeliverStore

    async with Database.open(settings.database_url) as database:
        yield SqlDeliverStore(database)


async def fetch_once(settings: Settings, url: str) -> FetchOutcome:
    """Fetch one feed without storing anything."""
    async with open_fetcher(settings, SystemClock()) as fetcher:
        return await fetcher.fetch(Feed(FeedId(0), url))


async def check_telegram(settings: Settings) -> tuple[str, ...]:
    """Ask Telegram about token, channel and rights; a line on each. Raises MessengerError, SettingsError."""
    from monitor.adapters.telegram.messenger import TelegramMessenger

    assert settings.telegram_token is not None
    token = settings.telegram_token.get_secret_value()
    async with TelegramMessenger(token, api_url=settings.telegram_api_url) as messenger:
        return await messenger.check(settings.telegram_channel)


async def sow(settings: Settings, services: Services) -> list[UsageError]:
    """Fill an empty database from the seeds: stories if it has none, feeds if it has none.

    Gives the errors of the files that could not be used; the others are used all the same.
    """
    errors: list[UsageError] = []
    if not await services.reads.stories():
        for file in sorted(settings.seeds.glob("*.toml")):
            try:
                await services.library.put_story(read_story(file))
            except UsageError as error:
                errors.append(error)
    outlines = settings.seeds / "feeds.opml"
    if outlines.is_file() and not await services.reads.feeds():
        try:
            feeds = read_opml(outlines.read_bytes(), file=str(outlines))
            await services.library.put_feeds(feeds, services.clock.now())
        except UsageError as error:
            errors.append(error)
    return errors


def read_story(file: Path) -> Story:
    """Read a story file. Raises UsageError (StoryError for its content)."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return parse_story(text, file=str(file))


def parse_feed_list(document: bytes, *, file: str) -> list[FeedDraft]:
    """Read an OPML file. Raises UsageError."""
    return read_opml(document, file=file)


def format_feed_list(feeds: list[FeedDraft]) -> str:
    """Write an OPML file."""
    return write_opml(feeds)
