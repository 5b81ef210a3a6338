"""The fetcher against servers that do what servers do; numbers are the rules of POLLING."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientConnectorCertificateError
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ConnectionKey

from monitor.adapters.feeds.addresses import is_public
from monitor.adapters.feeds.answers import failure_from, retry_after
from monitor.adapters.feeds.http import FetchLimits, HttpFetcher
from monitor.domain.feeds import Failure, Feed, Fetched, FetchFailed, FetchOutcome, NotModified, Validators
from monitor.domain.ids import FeedId
from tests.contract.feed_server import FeedServer, Reply, open_feed_server, raw, redirect, reset, zipped

NOW = datetime(2023, 2, 20, 12, tzinfo=UTC)
LIMITS = FetchLimits(total=1.0, connect=1.0, silence=1.0, turn=1.0, body=100_000, hops=4)
AGENT = "claim-monitor/0.1 (+https://example.org/about)"
RSS = (
    b"<?xml version='1.0'?><rss version='2.0'><channel><title>News</title><language>en-GB</language>"
    b"<item><guid>1</guid><title>Minsk</title><link>/a</link><description>Talks begin.</description></item>"
    b"</channel></rss>"
)
PAGE = b"<!DOCTYPE html><html><head><title>Home &amp; away</title></head><body>Hello</body></html>"
WALL = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>cf-chl-widget</body></html>"


class FixedClock:
    def now(self) -> datetime:
        return NOW


class Names(AbstractResolver):
    """Resolves every name to one address; a name under .invalid to none."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 the interface
    ) -> list[ResolveResult]:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [ResolveResult(hostname=host, host=self.address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with open_feed_server() as feed_server:
        yield feed_server


def fetcher(*, allow_private: bool = True, limits: FetchLimits = LIMITS) -> AbstractAsyncContextManager[HttpFetcher]:
    return HttpFetcher.open(limits, allow_private=allow_private, user_agent=AGENT, clock=FixedClock(), resolver=Names())


def feed(url: str, validators: Validators | None = None) -> Feed:
    return Feed(FeedId(1), url, validators=validators or Validators())


async def fetch(url: str, validators: Validators | None = None, *, allow_private: bool = True) -> FetchOutcome:
    async with fetcher(allow_private=allow_private) as fetching:
        return await fetching.fetch(feed(url, validators))


async def failure(url: str, *, allow_private: bool = True) -> FetchFailed:
    outcome = await fetch(url, allow_private=allow_private)
    assert isinstance(outcome, FetchFailed), outcome
    assert "object at 0x" not in outcome.detail
    assert "\n" not in outcome.detail
    return outcome


async def test_reads_a_feed_and_resolves_its_links(server: FeedServer) -> None:
    outcome = await fetch(server.at("/feed", Reply(body=RSS)))
    assert isinstance(outcome, Fetched)
    assert (outcome.title, outcome.language) == ("News", "en")
    assert [(e.key, e.url, e.title, e.text) for e in outcome.entries] == [
        ("guid:1", server.url("/a"), "Minsk", "Talks begin.")
    ]


async def test_says_who_it_is_and_nothing_else_of_itself(server: FeedServer) -> None:  # 11, 12
    url = server.at("/feed", Reply(headers={"Set-Cookie": "a=b"}, body=RSS))
    async with fetcher() as fetching:
        await fetching.fetch(feed(url))
        await fetching.fetch(feed(url))
    for request in server.requests:
        assert request.headers["user-agent"] == AGENT
        assert request.headers["accept-encoding"] == "gzip, deflate"
        assert not {"cookie", "referer", "if-none-match", "if-modified-since"} & request.headers.keys()


@pytest.mark.parametrize("etag", ['"abc"', 'W/"abc"', '"abc-gzip"', "RSS-no-quotes", '"с\u0443"'])
async def test_validators_go_back_exactly_as_they_came(server: FeedServer, etag: str) -> None:  # 1, 24, 25
    modified = "Mon, 20 Feb 2023 10:00:00 GMT"
    url = server.at("/feed", Reply(headers={"ETag": etag, "Last-Modified": modified}, body=RSS), Reply(304))
    first = await fetch(url)
    assert isinstance(first, Fetched)
    assert await fetch(url, first.validators) == NotModified(first.validators)
    sent = server.requests[-1].headers
    assert sent["if-none-match"].encode("latin-1").decode() == etag
    assert sent["if-modified-since"] == modified


async def test_both_validators_are_kept_after_every_200(server: FeedServer) -> None:  # 2, 21
    url = server.at("/feed", Reply(headers={"ETag": '"2"'}, body=RSS))
    outcome = await fetch(url, Validators('"1"', "Mon, 20 Feb 2023 10:00:00 GMT", "other"))
    assert isinstance(outcome, Fetched)
    assert (outcome.validators.etag, outcome.validators.last_modified) == ('"2"', "")


async def test_an_equal_body_is_not_modified_and_brings_new_validators(server: FeedServer) -> None:  # 24
    url = server.at("/feed", Reply(headers={"ETag": '"1"'}, body=RSS), Reply(headers={"ETag": '"2"'}, body=RSS))
    first = await fetch(url)
    assert isinstance(first, Fetched)
    again = await fetch(url, first.validators)
    assert isinstance(again, NotModified)
    assert again.validators == Validators('"2"', "", first.validators.body_hash)


async def test_a_304_that_nobody_asked_for_is_a_failure(server: FeedServer) -> None:  # 22
    assert (await failure(server.at("/feed", Reply(304)))).failure is Failure.HTTP_STATUS


async def test_a_last_modified_that_lies_ahead_is_not_sent(server: FeedServer) -> None:  # 23
    url = server.at("/feed", Reply(body=RSS))
    await fetch(url, Validators(last_modified="Wed, 20 Feb 2041 10:00:00 GMT"))
    assert "if-modified-since" not in server.requests[-1].headers


@pytest.mark.parametrize("etag", ["\udcff\udcfe", "x" * 5000])
async def test_a_validator_that_could_not_be_sent_back_is_not_kept(server: FeedServer, etag: str) -> None:
    outcome = await fetch(server.at("/feed", Reply(headers={"ETag": etag}, body=RSS)))
    assert isinstance(outcome, Fetched)
    assert outcome.validators.etag == ""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(server: FeedServer, status: int) -> None:  # 13, 14, 15
    server.at("/new", Reply(body=RSS))
    assert isinstance(await fetch(server.at("/old", redirect("/new#part", status))), Fetched)


async def test_redirects_in_a_circle_are_seen(server: FeedServer) -> None:  # 16
    server.at("/b", redirect("/a"))
    found = await failure(server.at("/a", redirect("/b")))
    assert (found.failure, len(server.requests)) == (Failure.REDIRECTS, 2)


async def test_redirects_are_counted_over_the_whole_fetch(server: FeedServer) -> None:  # 16
    for number in range(10):
        server.at(f"/{number}", redirect(f"/{number + 1}"))
    found = await failure(server.url("/0"))
    assert (found.failure, len(server.requests)) == (Failure.REDIRECTS, LIMITS.hops + 1)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/feed", "gopher://x/"])
async def test_redirects_lead_nowhere_but_to_the_web(server: FeedServer, target: str) -> None:  # 20
    assert (await failure(server.at("/feed", redirect(target)))).failure is Failure.FORBIDDEN_ADDRESS


@pytest.mark.parametrize("target", ["", "http://[bad", "http://h:99999999/", "http://\udcff/"])
async def test_redirects_to_nonsense_are_failures(server: FeedServer, target: str) -> None:
    await failure(server.at("/feed", redirect(target)))


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "rebound.example"])
async def test_private_addresses_are_never_connected_to(server: FeedServer, host: str) -> None:  # 20
    server.at("/feed", Reply(body=RSS))
    found = await failure(server.url("/feed", host), allow_private=False)
    assert found.failure in (Failure.FORBIDDEN_ADDRESS, Failure.UNREACHABLE)
    assert found.failure is Failure.FORBIDDEN_ADDRESS or host.isdigit()
    assert not server.requests


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "168.63.129.16", "192.0.0.192", "::1", "::", "fe80::1%eth0", "fd00:ec2::254"),
        *("fec0::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "not an address"),
    ],
)
def test_these_addresses_are_not_public(address: str) -> None:  # 20
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_these_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((410, Failure.GONE), (401, Failure.BLOCKED), (403, Failure.BLOCKED), (429, Failure.RATE_LIMITED)),
        *(
            (404, Failure.HTTP_STATUS),
            (500, Failure.HTTP_STATUS),
            (503, Failure.HTTP_STATUS),
            (999, Failure.HTTP_STATUS),
        ),
        *((204, Failure.EMPTY), (206, Failure.HTTP_STATUS)),
    ],
)
async def test_statuses_have_their_meaning(server: FeedServer, status: int, expected: Failure) -> None:  # 18, 19
    found = await failure(server.at("/feed", Reply(status)))
    assert found.failure is expected
    assert str(status) in found.detail


@pytest.mark.parametrize("status", [200, 403, 503])
async def test_a_bot_wall_is_blocked_not_an_empty_feed(server: FeedServer, status: int) -> None:  # 19
    assert (await failure(server.at("/feed", Reply(status, body=WALL)))).failure is Failure.BLOCKED


async def test_a_web_page_is_named_by_its_title(server: FeedServer) -> None:  # 30
    found = await failure(server.at("/feed", Reply(headers={"Content-Type": "application/rss+xml"}, body=PAGE)))
    assert (found.failure, found.detail) == (Failure.NOT_A_FEED, "this looks like a web page, “Home & away”")


async def test_an_empty_200_is_a_failure(server: FeedServer) -> None:  # 30
    assert (await failure(server.at("/feed", Reply(body=b" \n")))).failure is Failure.EMPTY


@pytest.mark.parametrize("content_type", ["text/html", "text/plain; charset=utf-8; charset=utf-8", "x", ""])
async def test_the_content_type_does_not_matter(server: FeedServer, content_type: str) -> None:  # 28, 29
    assert isinstance(await fetch(server.at("/f", Reply(headers={"Content-Type": content_type}, body=RSS))), Fetched)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        *(("120", timedelta(seconds=120)), ("0", timedelta()), ("172800", timedelta(hours=24))),
        *(("Mon, 20 Feb 2023 12:10:00 GMT", timedelta(minutes=10)), ("Sun, 19 Feb 2023 12:00:00 GMT", timedelta())),
        *(("-5", None), ("1000000000", None), ("soon", None), ("", None), ("9" * 400, None)),
        ("Mon, 99 Feb 99999 12:10:00 GMT", None),
    ],
)
async def test_retry_after_is_obeyed_within_reason(server: FeedServer, value: str, wait: timedelta | None) -> None:
    assert retry_after(value, NOW) == wait  # 7
    for status in (429, 503):
        found = await failure(server.at("/feed", Reply(status, {"Retry-After": value})))
        assert found.retry_after == wait


async def test_bodies_are_unpacked_whatever_the_header_says(server: FeedServer) -> None:
    deflate = {"Content-Encoding": "deflate"}
    bare = zlib.compressobj(wbits=-15)
    for number, reply in enumerate(
        (
            zipped(RSS),
            Reply(headers=deflate, body=zlib.compress(RSS)),
            Reply(headers=deflate, body=bare.compress(RSS) + bare.flush()),
            Reply(headers={"Content-Encoding": "gzip"}, body=RSS),
            Reply(headers={"Content-Type": "application/gzip"}, body=gzip.compress(RSS)),
            Reply(body=gzip.compress(RSS[:50]) + gzip.compress(RSS[50:]) + b"\0\0"),
        )
    ):
        assert isinstance(await fetch(server.at(f"/{number}", reply)), Fetched), number


async def test_a_bomb_is_cut_off_at_the_bound(server: FeedServer) -> None:  # 26
    found = await failure(server.at("/feed", zipped(b"<rss>" + b" " * 50_000_000)))
    assert (found.failure, found.detail) == (Failure.TOO_LARGE, "the document is larger than 100,000 bytes")


async def test_a_large_body_is_refused_by_its_length_or_when_it_comes(server: FeedServer) -> None:  # 26
    large = b"<rss>" + b" " * 200_000
    for reply in (Reply(body=large), Reply(body=large, length=None), Reply(body=b"", length=10**12)):
        assert (await failure(server.at("/feed", reply))).failure is Failure.TOO_LARGE


@pytest.mark.parametrize(
    "reply",
    [
        Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(RSS)[:-20]),
        Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(RSS)[:20] + b"garbage" * 20),
        Reply(headers={"Content-Encoding": "br"}, body=RSS),
    ],
)
async def test_bodies_that_cannot_be_unpacked_are_unreadable(server: FeedServer, reply: Reply) -> None:
    assert (await failure(server.at("/feed", reply))).failure is Failure.UNREADABLE


@pytest.mark.parametrize("script", [reset, raw(), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<rss>")])
async def test_a_broken_connection_is_unreachable(server: FeedServer, script: object) -> None:
    found = await failure(server.at("/feed", script))  # type: ignore[arg-type]
    assert found.failure is Failure.UNREACHABLE


@pytest.mark.parametrize(
    "script",
    [
        raw(b"SSH-2.0-OpenSSH_9\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ],
)
async def test_what_is_not_http_is_a_failure(server: FeedServer, script: object) -> None:
    found = await failure(server.at("/feed", script))  # type: ignore[arg-type]
    assert found.failure in (Failure.UNREADABLE, Failure.UNREACHABLE)


async def test_a_drip_ends_at_the_deadline(server: FeedServer) -> None:  # 27
    limits = FetchLimits(total=0.15)
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    url = server.at("/feed", raw(head, *[b"<"] * 1000, pause=0.02), raw(hang=True))
    async with fetcher(limits=limits) as fetching:
        for _ in range(2):
            outcome = await fetching.fetch(feed(url))
            assert isinstance(outcome, FetchFailed)
            assert outcome.failure is Failure.TIMEOUT


async def test_chunks_without_a_length_are_put_together(server: FeedServer) -> None:
    chunks = [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (RSS[:40], RSS[40:])]
    script = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n")
    assert isinstance(await fetch(server.at("/feed", script)), Fetched)


async def test_a_host_is_asked_one_thing_at_a_time(server: FeedServer) -> None:
    slow = raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", RSS, pause=0.01)
    urls = [server.at(f"/{number}", slow) for number in range(4)]
    async with fetcher() as fetching:
        outcomes = await asyncio.gather(*(fetching.fetch(feed(url)) for url in urls))
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)
    assert server.busiest == 1


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("http://127.0.0.1:1/feed", "connection refused"),
        ("http://nowhere.invalid/feed", "the host's name does not resolve"),
    ],
)
async def test_what_cannot_be_reached_says_why(url: str, detail: str) -> None:
    found = await failure(url)
    assert (found.failure, found.detail) == (Failure.UNREACHABLE, detail)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://", "file:///etc/passwd", "http://[::1", "http://" + "a" * 70 + ".example:1/"]
)
async def test_an_address_that_is_none_is_a_failure(url: str) -> None:
    await failure(url)


async def test_plain_http_behind_https_is_a_tls_failure(server: FeedServer) -> None:  # 32
    server.at("/feed", Reply(body=RSS))
    found = await failure(server.url("/feed").replace("http:", "https:"))
    assert found.failure is Failure.UNREACHABLE
    assert found.detail.startswith("TLS: ")


def test_a_bad_certificate_is_named() -> None:  # 32
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "certificate has expired"
    key = ConnectionKey("example.org", 443, True, True, None, None, None)
    error = ClientConnectorCertificateError(key, cause)
    assert failure_from(error) == FetchFailed(Failure.UNREACHABLE, "TLS: certificate has expired")
