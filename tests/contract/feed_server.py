"""A feed server on loopback that can be as bad as the worst: tests say in a line what a path answers.

It speaks raw bytes, since an honest HTTP library would refuse to send most of what must be survived.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `length` None leaves Content-Length out; the connection always closes after it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: int | None = -1

    async def write(self, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {self.status} Whatever", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.length is not None:
            lines.append(f"Content-Length: {len(self.body) if self.length < 0 else self.length}")
        writer.write("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + self.body)
        await writer.drain()


def zipped(body: bytes, **headers: str) -> Reply:
    """Answer with a gzipped body."""
    return Reply(headers={"Content-Encoding": "gzip", **headers}, body=gzip.compress(body))


def redirect(to: str, status: int = 302) -> Reply:
    """Redirect to an address."""
    return Reply(status, {"Location": to})


def raw(*pieces: bytes, pause: float = 0.0, hang: bool = False) -> Script:
    """Send bytes as they are, with a pause after each; with `hang`, never close."""

    async def script(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if hang:
            await asyncio.Event().wait()

    return script


async def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection off."""
    writer.transport.abort()


class FeedServer:
    """The server: `routes` maps a path to replies that are given in turn, the last one for ever."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[Request] = []
        self.busiest = 0
        self._routes: dict[str, list[Reply | Script]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def at(self, path: str, *replies: Reply | Script) -> str:
        """Set what a path answers and give its address."""
        self._routes[path] = list(replies)
        return self.url(path)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.busiest = max(self.busiest, len(self._tasks))
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                first = await reader.readexactly(1)
                if first == b"\x16":  # a TLS greeting
                    await Reply(400).write(writer)
                else:
                    head = first + await reader.readuntil(b"\r\n\r\n")
                    await self._answer(head.decode("latin-1"), writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        self.requests.append(Request(method, path, {name.lower(): value.strip() for name, _, value in pairs}))
        replies = self._routes.get(path, [Reply(404)])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        await (reply.write(writer) if isinstance(reply, Reply) else reply(writer))

    async def stop(self) -> None:
        """Break off what still hangs."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def open_feed_server() -> AsyncIterator[FeedServer]:
    """Serve on a free port of loopback until the test is over."""
    feed_server = FeedServer()
    server = await asyncio.start_server(feed_server._serve, "127.0.0.1", 0)
    feed_server.port = server.sockets[0].getsockname()[1]
    try:
        yield feed_server
    finally:
        server.close()
        await feed_server.stop()
        await server.wait_closed()
