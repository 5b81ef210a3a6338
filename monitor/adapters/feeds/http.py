"""HTTP: asks servers for feeds politely, and lets nothing they do hurt us.

Every outcome is a value. One session without cookies serves all feeds; a host is asked one thing at a
time; redirects are followed here, one by one, so that each hop is vetted and bounded.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from monitor.adapters.feeds.addresses import open_public_socket
from monitor.adapters.feeds.answers import DOCUMENTS, Answer, conditions, failure_from, failure_of
from monitor.adapters.feeds.bodies import read_body, too_large
from monitor.adapters.feeds.parse import parse
from monitor.domain.feeds import Failure, Feed, Fetched, FetchFailed, FetchOutcome, NotModified, Validators
from monitor.ports import Clock

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.5, */*;q=0.1"
)
_LONGEST_HEADER = 32 * 1024
_MOST_HEADERS = 128
_PAGE_START = 256 * 1024


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long and how much a server may take. Times are in seconds, the body's size in bytes.

    `total` bounds one request from connecting to the last byte; `turn` is how long a feed may have to
    wait, over its whole fetch, for other feeds of the same host; `total + turn` bounds the fetch.
    """

    total: float = 30.0
    connect: float = 10.0
    silence: float = 15.0
    turn: float = 60.0
    body: int = 16 * 1024 * 1024
    hops: int = 8


class HttpFetcher:
    """Fetches feeds over HTTP; made by `HttpFetcher.open`."""

    def __init__(self, session: aiohttp.ClientSession, *, limits: FetchLimits, clock: Clock) -> None:
        self._session = session
        self._limits = limits
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        limits: FetchLimits,
        *,
        allow_private: bool,
        user_agent: str,
        clock: Clock,
        resolver: AbstractResolver | None = None,
    ) -> AsyncIterator[Self]:
        """Open the session, and close it on leaving.

        `user_agent` names program, version and a contact address. With `allow_private`, feeds may come
        from loopback and private networks too. `resolver` replaces the system's.
        """
        connector = aiohttp.TCPConnector(
            resolver=resolver, socket_factory=None if allow_private else open_public_socket
        )
        async with aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect, sock_read=limits.silence),
            auto_decompress=False,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        ) as session:
            yield cls(session, limits=limits, clock=clock)

    async def fetch(self, feed: Feed) -> FetchOutcome:
        """Fetch and parse a feed; whatever the server does comes back as a value, within a bounded time.

        An unchanged body becomes NotModified whatever its validators say; both validators of the
        latest full answer are kept as they came.
        """
        now = self._clock.now()
        asked = conditions(feed.validators, now)
        answer = await self._follow(feed.url, asked)
        if isinstance(answer, FetchFailed):
            return answer
        if answer.status == 304 and asked:  # noqa: PLR2004 the number is its name
            return NotModified(feed.validators)
        if failed := failure_of(answer, now):
            return failed
        etag, last_modified = answer.validators
        validators = Validators(etag, last_modified, hashlib.blake2b(answer.body, digest_size=16).hexdigest())
        if validators.body_hash == feed.validators.body_hash:
            return NotModified(validators)
        content_type = answer.headers.get("Content-Type", "")
        outcome = await asyncio.to_thread(parse, answer.body, content_type=content_type, url=answer.url, fetched_at=now)
        return replace(outcome, validators=validators) if isinstance(outcome, Fetched) else outcome

    async def _follow(self, address: str, headers: Mapping[str, str]) -> Answer | FetchFailed:
        """Ask, and follow redirects by hand to the answer that is none."""
        seen: set[URL] = set()
        try:
            url = URL(address.strip()).with_fragment(None)
            async with asyncio.timeout(self._limits.total + self._limits.turn):
                while len(seen) <= self._limits.hops:
                    if failed := _refusal(url, seen):
                        return failed
                    seen.add(url)
                    answer = await self._ask(url, headers)
                    if isinstance(answer, FetchFailed) or answer.status not in REDIRECTS:
                        return answer
                    target = answer.headers.get("Location", "").strip()
                    url = url.join(URL(target)).with_fragment(None)
        except TimeoutError:
            return FetchFailed(Failure.TIMEOUT, "the host, or one it redirects to, took too long")
        except ValueError:
            return FetchFailed(Failure.UNREACHABLE, "the address, or one it redirects to, is malformed")
        return FetchFailed(Failure.REDIRECTS, f"more than {self._limits.hops} redirects")

    async def _ask(self, url: URL, headers: Mapping[str, str]) -> Answer | FetchFailed:
        """Make one request when it is the host's turn; the body of a redirect is not read."""
        turn = self._turns.setdefault(url.host or "", asyncio.Lock())
        async with turn:
            try:
                async with (
                    asyncio.timeout(self._limits.total),
                    self._session.get(url, headers=headers, allow_redirects=False) as response,
                ):
                    answer = Answer(str(url), response.status, response.headers)
                    if response.status in REDIRECTS:
                        return answer
                    body = await self._read(response)
                    return body if isinstance(body, FetchFailed) else replace(answer, body=body)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                return failure_from(error)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes | FetchFailed:
        """Read the body; of an answer that brings no document only its start, if it can be read."""
        most = self._limits.body if response.status in DOCUMENTS else min(_PAGE_START, self._limits.body)
        body: bytes | FetchFailed = too_large(most)
        if (response.content_length or 0) <= most:
            encoding = response.headers.get("Content-Encoding", "")
            body = await read_body(response.content.iter_any(), encoding=encoding, most=most)
        return body if response.status in DOCUMENTS or isinstance(body, bytes) else b""


def _refusal(url: URL, seen: AbstractSet[URL]) -> FetchFailed | None:
    """Say why an address is not asked; a redirect without a target leads to where it came from."""
    if url.scheme not in ("http", "https") or not url.host:
        return FetchFailed(Failure.FORBIDDEN_ADDRESS, "only http:// and https:// addresses are polled")
    if url in seen:
        return FetchFailed(Failure.REDIRECTS, "the redirects go round in a circle")
    return None
