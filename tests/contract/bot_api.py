"""A Bot API server for tests: on loopback, as strict as Telegram's, and able to fail on demand.

State is plain objects that a test sets and reads. Markup is judged by tdjson, which is the parser
that Telegram's own Bot API server runs. A call that no test foresaw (an unknown method or parameter)
is refused and noted in `problems`; the fixture that opens the server asserts that there are none.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import certifi
import pytest
from aiohttp import web

from tests.contract.telegram_markup import bot_api_entity, parse_html, utf16_length

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFakeFake"
PATIENCE = 5.0
BOT = {"id": 123456789, "is_bot": True, "first_name": "Monitor", "username": "claim_monitor_bot"}
PARAMETERS: dict[str, dict[str, type]] = {
    "getMe": {},
    "deleteWebhook": {"drop_pending_updates": bool},
    "getUpdates": {"offset": int, "limit": int, "timeout": int, "allowed_updates": list},
    "setMyCommands": {"commands": list, "scope": dict, "language_code": str},
    "getChat": {"chat_id": str},
    "getChatMember": {"chat_id": str, "user_id": int},
    "sendMessage": {
        "chat_id": str,
        "text": str,
        "parse_mode": str,
        "link_preview_options": dict,
        "disable_notification": bool,
        "message_thread_id": int,
        "reply_parameters": dict,
    },
}
RIGHTS = (
    *("can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats"),
    *("can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users"),
    *("can_post_stories", "can_edit_stories", "can_delete_stories"),
)


def trust_one_authority(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Spare each HTTP client the 70 ms in which it reads all the world's certificates: these tests stay on loopback."""
    end = "-----END CERTIFICATE-----\n"
    bundle = folder / "one.pem"
    bundle.write_text(Path(certifi.where()).read_text(encoding="ascii", errors="ignore").partition(end)[0] + end)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))


class Refused(Exception):  # noqa: N818 - an answer, not an accident
    """A refusal in the Bot API's words."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"ok": False, "error_code": status, "description": description}
        if parameters:
            self.body["parameters"] = parameters


@dataclass
class Chat:
    """A chat and the bot's place in it: administrator, member, left, kicked or (private) blocked."""

    id: int
    type: str = "channel"
    title: str = "Test"
    username: str = ""
    bot: str = "administrator"
    can_post: bool = True
    threads: frozenset[int] = frozenset()
    moved_to: int | None = None
    last_message: int = 0

    @property
    def document(self) -> dict[str, Any]:
        name = "first_name" if self.type == "private" else "title"
        document: dict[str, Any] = {"id": self.id, "type": self.type, name: self.title}
        if self.username:
            document["username"] = self.username
        return document


@dataclass
class Fault:
    """What goes wrong with the next `count` calls of a method, after `skip` that go well.

    `applied` does the work first; then the call hangs, is dropped, or is answered with `status` and `body`.
    """

    method: str = "sendMessage"
    status: int = 500
    body: str | dict[str, Any] = ""
    chat: str | None = None
    count: int = 1
    skip: int = 0
    applied: bool = False
    drop: bool = False
    hang: bool = False


@dataclass(frozen=True)
class Call:
    """A call as it came in, before anything was done about it."""

    method: str
    params: dict[str, Any]
    at: float


@dataclass
class BotApi:
    """The server. Its port is taken at once, but connections are refused until `start`."""

    chats: list[Chat] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    token: str = TOKEN
    patience: float = PATIENCE  # seconds that `until` waits

    def __post_init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Condition()
        self._closing = asyncio.Event()
        self._updates: list[dict[str, Any]] = []
        self._update_count = 0
        self._pollers = 0
        self._read = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._runner:
            await self._runner.cleanup()
        self._socket.close()

    async def start(self) -> Self:
        """Accept connections from now on."""
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()
        return self

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on this server's state holds; it is looked at after every call."""
        async with asyncio.timeout(self.patience), self._changed:
            await self._changed.wait_for(condition)

    async def reply(self) -> dict[str, Any]:
        """Wait for the next message that this has not given yet."""
        self._read += 1
        await self.until(lambda: len(self.messages) >= self._read)
        return self.messages[self._read - 1]

    async def say(self, text: str, *, chat: Chat, thread: int | None = None) -> None:
        """Write a message in a chat as a user; a leading `/word` is a command, as in the clients."""
        chat.last_message += 1
        self._update_count += 1
        message = {
            "message_id": chat.last_message,
            "date": int(time.time()),
            "chat": chat.document,
            "from": {"id": 4242, "is_bot": False, "first_name": "Ann", "language_code": "en"},
            "text": text,
        }
        if text.startswith("/"):
            length = utf16_length(text.split(maxsplit=1)[0])
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        if thread is not None:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        self._updates.append({"update_id": self._update_count, "message": message})
        await self._notify()

    def called(self, method: str) -> list[Call]:
        """The calls of a method so far."""
        return [call for call in self.calls if call.method == method]

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _serve(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        try:
            params = await self._read_params(request, method)
            self.calls.append(Call(method, params, time.monotonic()))
            fault = self._fault(method, params)
            if fault is None or fault.applied:
                result = await self._methods()[method](params)
        except Refused as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        finally:
            await self._notify()
        if fault is not None:
            return await self._fail(fault, request)
        return web.json_response({"ok": True, "result": result})

    async def _fail(self, fault: Fault, request: web.Request) -> web.Response:
        if fault.hang:
            await self._closing.wait()
        if fault.drop and request.transport is not None:
            request.transport.abort()
        text = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
        kind = "text/html" if isinstance(fault.body, str) else "application/json"
        return web.Response(status=fault.status, text=text, content_type=kind)

    def _fault(self, method: str, params: dict[str, Any]) -> Fault | None:
        for fault in self.faults:
            if fault.method != method or fault.count == 0 or fault.chat not in (None, params.get("chat_id")):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.count -= 1
            return fault
        return None

    async def _read_params(self, request: web.Request, method: str) -> dict[str, Any]:
        """Read a call's parameters from query, form or JSON, each of the documented type."""
        if request.match_info["token"] != self.token:
            raise Refused(401, "Unauthorized")
        if method not in PARAMETERS:
            raise self._surprised(404, f"Not Found: method {method}")
        raw: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            raw |= await request.json()
        else:
            raw |= dict(await request.post())
        kinds = PARAMETERS[method]
        unknown = raw.keys() - kinds.keys()
        if unknown:
            raise self._surprised(400, f"Bad Request: unknown parameters {sorted(unknown)} of {method}")
        return {name: self._typed(value, kinds[name], f"{method}.{name}") for name, value in raw.items()}

    def _typed(self, value: Any, kind: type, name: str) -> Any:
        if isinstance(value, str) and kind is not str:
            value = json.loads(value)
        if kind is str and isinstance(value, int):
            value = str(value)
        if not isinstance(value, kind):
            raise self._surprised(400, f"Bad Request: {name} is {value!r}, not {kind.__name__}")
        return value

    def _surprised(self, status: int, description: str) -> Refused:
        self.problems.append(description)
        return Refused(status, description)

    def _methods(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        return {
            "getMe": self._get_me,
            "deleteWebhook": self._delete_webhook,
            "getUpdates": self._get_updates,
            "setMyCommands": self._set_my_commands,
            "getChat": self._get_chat,
            "getChatMember": self._get_chat_member,
            "sendMessage": self._send_message,
        }

    async def _get_me(self, _: dict[str, Any]) -> dict[str, Any]:
        return BOT | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    async def _delete_webhook(self, params: dict[str, Any]) -> bool:
        if params.get("drop_pending_updates"):
            self._updates.clear()
        return True

    async def _get_updates(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Confirm what lies below `offset`, then wait for news; a newer poller ends an older one."""
        self._pollers += 1
        turn = self._pollers
        offset, wanted = params.get("offset", 0), params.get("allowed_updates")
        self._updates = [
            update
            for update in self._updates
            if update["update_id"] >= offset and (not wanted or wanted == [k for k in update if k in wanted])
        ]
        async with self._changed:
            self._changed.notify_all()
            try:
                async with asyncio.timeout(params.get("timeout", 0)):
                    await self._changed.wait_for(lambda: self._updates or turn != self._pollers)
            except TimeoutError:
                return []
        if turn != self._pollers:
            raise Refused(409, "Conflict: terminated by other getUpdates request; make sure that only one bot runs")
        return self._updates[: params.get("limit", 100)]

    async def _set_my_commands(self, params: dict[str, Any]) -> bool:
        for command in params["commands"]:
            name, description = command["command"], command["description"]
            if not (name.islower() and name.replace("_", "").isalnum() and len(name) <= 32):
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(description) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands = params["commands"]
        return True

    async def _get_chat(self, params: dict[str, Any]) -> dict[str, Any]:
        chat = self._find(params)
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        return chat.document | {
            "accent_color_id": 1,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(gifts, False),
        }

    async def _get_chat_member(self, params: dict[str, Any]) -> dict[str, Any]:
        chat = self._find(params)
        if params["user_id"] != BOT["id"]:
            raise Refused(400, "Bad Request: user not found")
        member: dict[str, Any] = {"user": BOT, "status": chat.bot}
        if chat.bot == "administrator":
            member |= dict.fromkeys(RIGHTS, False) | {"can_post_messages": chat.can_post}
        if chat.bot == "kicked":
            member["until_date"] = 0
        return member

    def _find(self, params: dict[str, Any]) -> Chat:
        for chat in self.chats:
            if params["chat_id"] in (str(chat.id), f"@{chat.username}"):
                return chat
        raise Refused(400, "Bad Request: chat not found")

    async def _send_message(self, params: dict[str, Any]) -> dict[str, Any]:
        chat = self._find(params)
        self._check_rights(chat, params)
        parsed = self._parsed(params)
        chat.last_message += 1
        message = {"message_id": chat.last_message, "date": int(time.time()), "chat": chat.document} | parsed
        message |= {"sender_chat": chat.document} if chat.type == "channel" else {"from": BOT}
        if "message_thread_id" in params:
            message |= {"message_thread_id": params["message_thread_id"], "is_topic_message": True}
        self.messages.append(message)
        return message

    def _check_rights(self, chat: Chat, params: dict[str, Any]) -> None:
        if chat.moved_to is not None:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, description, migrate_to_chat_id=chat.moved_to)
        if chat.bot == "blocked":
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if chat.bot == "kicked":
            raise Refused(403, f"Forbidden: bot was kicked from the {chat.type} chat")
        if chat.bot == "left":
            raise Refused(403, f"Forbidden: bot is not a member of the {chat.type} chat")
        if chat.type == "channel" and chat.bot != "administrator":
            raise Refused(400, "Bad Request: need administrator rights in the channel chat")
        if not chat.can_post:
            raise Refused(400, "Bad Request: not enough rights to send text messages to the chat")
        if params.get("message_thread_id", 1) not in chat.threads | {1}:
            raise Refused(400, "Bad Request: message thread not found")
        wanted = params.get("reply_parameters", {})
        if wanted.get("message_id", 0) > chat.last_message and not wanted.get("allow_sending_without_reply"):
            raise Refused(400, "Bad Request: message to be replied not found")

    def _parsed(self, params: dict[str, Any]) -> dict[str, Any]:
        """Read the text of a message and its entities as Telegram does, or refuse it."""
        text, entities = params["text"], []
        if "parse_mode" in params:
            if params["parse_mode"] != "HTML":
                raise self._surprised(400, "Bad Request: unsupported parse_mode")
            parsed = parse_html(text)
            if parsed["@type"] == "error":
                raise Refused(400, f"Bad Request: {parsed['message'][0].lower()}{parsed['message'][1:]}")
            text, entities = parsed["text"], parsed["entities"]
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if utf16_length(text) > 4096:
            raise Refused(400, "Bad Request: message is too long")
        return {"text": text, "entities": [bot_api_entity(entity) for entity in entities]}
