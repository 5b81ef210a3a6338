"""The messenger that posts to Telegram."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import TracebackType
from typing import Self

from telegram import Bot, ChatFullInfo, ChatMember, LinkPreviewOptions
from telegram.constants import ChatMemberStatus, ChatType, ParseMode
from telegram.error import BadRequest, TelegramError

from monitor.adapters.telegram.outcomes import outcome_of
from monitor.adapters.telegram.pace import Pace
from monitor.adapters.telegram.request import StatusRequest
from monitor.domain.delivery import SendOutcome, Sent, TryLater, Uncertain, Undeliverable
from monitor.domain.messages import MESSAGE_LENGTH, Message
from monitor.errors import MessengerError

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines show addresses, which hold the token

API_URL = "https://api.telegram.org"


class TelegramMessenger:
    """Posts messages through the Bot API; keeps the `Messenger` contract.

    Use it as an async context manager. Nothing is asked of the server before the first message, so
    it opens while Telegram is unreachable. One message takes at most about `4 * timeout` seconds and
    the pace's patience. Between two messages to a chat it keeps the distance that `pace` says.
    """

    def __init__(self, token: str, *, api_url: str = API_URL, timeout: float = 15.0, pace: Pace | None = None) -> None:
        self._token = token
        self._api_url = api_url.rstrip("/")
        self._pace = pace or Pace()
        self._request = StatusRequest(
            connection_pool_size=8,
            connect_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
            pool_timeout=timeout,
        )
        self._bot = Bot(
            token,
            base_url=f"{self._api_url}/bot",
            base_file_url=f"{self._api_url}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )

    async def __aenter__(self) -> Self:
        await self._request.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.shutdown()

    async def send(self, message: Message, *, chat: str, thread: int) -> SendOutcome:
        """Post one message once, when the chat's turn has come; a refused markup is posted as plain text."""
        wait = await self._pace.turn(chat)
        if wait is not None:
            return TryLater("many messages wait for this chat", retry_after=wait)
        try:
            return await self._post(message, chat=chat, thread=thread)
        except TelegramError as error:
            outcome = outcome_of(error)
            return replace(outcome, reason=self._redacted(outcome.reason))
        except (AttributeError, LookupError, TypeError):
            # Raised by the library when a JSON document is not what the Bot API documents.
            return Uncertain("Telegram's answer cannot be read")
        finally:
            self._pace.ended(chat)

    async def check(self, chat: str) -> tuple[str, ...]:
        """Ask Telegram about the token, the chat and the bot's rights there; give a line on each.

        Raises MessengerError, with what to do, when a message could not be posted.
        """
        try:
            me = await self._bot.get_me()
            place = await self._bot.get_chat(_address(chat))
            lines = (f"bot @{me.username}", f"{place.type} “{place.effective_name or chat}” ({place.id})")
            if place.type == ChatType.PRIVATE:
                return lines
            member = await self._bot.get_chat_member(place.id, me.id)
        except TelegramError as error:
            outcome = outcome_of(error)
            where = "" if isinstance(outcome, Undeliverable) else f" ({self._api_url})"
            raise MessengerError(self._redacted(outcome.reason + where)) from error
        problem = _missing_right(place, member)
        if problem:
            raise MessengerError(f"@{me.username} cannot post to {chat}: {problem}")
        return (*lines, f"@{me.username} may post there")

    async def _post(self, message: Message, *, chat: str, thread: int) -> Sent:
        try:
            return await self._post_text(message.html, ParseMode.HTML, message, chat=chat, thread=thread)
        except BadRequest as error:
            if "parse entities" not in error.message.lower():
                raise
            log.warning("a message goes out as plain text: %s", self._redacted(error.message))
        return await self._post_text(_cut(message.text), None, message, chat=chat, thread=thread)

    async def _post_text(self, text: str, mode: ParseMode | None, message: Message, *, chat: str, thread: int) -> Sent:
        posted = await self._bot.send_message(
            _address(chat),
            text,
            parse_mode=mode,
            message_thread_id=thread or None,
            disable_notification=message.silent,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )
        return Sent(posted.message_id)

    def _redacted(self, text: str) -> str:
        return text.replace(self._token, "<token>")


def _address(chat: str) -> int | str:
    """Give a chat as the Bot API takes it: a number, or `@name`."""
    return int(chat) if chat.removeprefix("-").isdecimal() else chat


def _cut(text: str) -> str:
    """Cut a plain text to Telegram's limit, counted as it counts: in UTF-16 units."""
    return text.encode("utf-16-le")[: 2 * MESSAGE_LENGTH].decode("utf-16-le", "ignore")


def _missing_right(place: ChatFullInfo, member: ChatMember) -> str:
    """Say what keeps the bot from posting in a group or channel; empty if nothing does."""
    if member.status in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED):
        return "it is not a member; add it, in a channel as an administrator"
    if place.type == ChatType.CHANNEL:
        if member.status not in (ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.OWNER):
            return "it is not an administrator; make it one, with the right to post messages"
        if not getattr(member, "can_post_messages", True):
            return "give this administrator the right to post messages"
    elif not getattr(member, "can_send_messages", True):
        return "it is restricted; give it the right to send messages"
    return ""
