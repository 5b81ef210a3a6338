"""What an error of the Bot API means for the message that was to be sent.

The order of the questions matters: `BadRequest` and `TimedOut` are kinds of `NetworkError`, and
whether a request left this machine is told only by the error's `__cause__`.
"""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
)

from monitor.adapters.telegram.request import FloodError, ServerError
from monitor.domain.delivery import TryLater, Uncertain, Undeliverable

REASON_LENGTH = 300

_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_REMEDIES = (
    ("chat not found", "check MONITOR_TELEGRAM_CHANNEL, and that the bot was added to that chat"),
    ("need administrator rights", "make the bot an administrator of the channel"),
    ("not enough rights", "give the bot the right to post messages"),
    ("have no rights", "give the bot the right to post messages"),
    ("chat_write_forbidden", "give the bot the right to post messages"),
    ("not a member", "make the bot an administrator of the channel"),
    ("was kicked", "add the bot again, in a channel as an administrator"),
    ("blocked by the user", "unblock the bot in that chat and send it /start"),
    ("can't initiate conversation", "send the bot /start from that chat first"),
    ("deactivated", "that account is gone; choose another chat"),
    ("thread not found", "that topic is gone; choose another one or none"),
    ("topic_closed", "open the topic again"),
)


def outcome_of(error: TelegramError) -> TryLater | Uncertain | Undeliverable:
    """Say whether the message was not sent, perhaps sent, or refused for good."""
    match error:
        case FloodError(wait=wait):
            return TryLater("Telegram asks for a pause (429)", retry_after=wait, whole_chat=True)
        case ChatMigrated(new_chat_id=new):
            return TryLater(f"the group is now {new}", retry_after=timedelta(0), moved_to=str(new))
        case InvalidToken():
            return Undeliverable("Telegram refuses the token; check MONITOR_TELEGRAM_TOKEN")
        case BadRequest() | Forbidden():
            return Undeliverable(_with_remedy(error.message))
        case Conflict():
            return TryLater("another program uses the same token (409)")
        case _:
            return _from_exchange(error)


def _from_exchange(error: TelegramError) -> TryLater | Uncertain:
    """Judge an exchange without a proper answer by what failed in it."""
    cause = error.__cause__
    if isinstance(error, ServerError):
        return Uncertain(f"{error.message}, which may have sent the message or not")
    if isinstance(cause, _NEVER_LEFT):
        return TryLater(f"Telegram cannot be reached ({type(cause).__name__})")
    if isinstance(cause, httpx.HTTPError):
        return Uncertain(f"the connection failed before Telegram answered ({type(cause).__name__})")
    if isinstance(error, NetworkError):
        return TryLater(f"unexpected answer: {_cut(error.message)}")
    return Uncertain(f"Telegram's answer cannot be read: {_cut(error.message)}")


def _with_remedy(message: str) -> str:
    """Add to Telegram's words what a person can do about it."""
    lowered = message.lower()
    remedy = next((text for sign, text in _REMEDIES if sign in lowered), "look at the chat and the bot's rights in it")
    return f"Telegram refuses: {_cut(message)}; {remedy}"


def _cut(message: str) -> str:
    return message if len(message) <= REASON_LENGTH else message[:REASON_LENGTH] + "…"
