"""Bodies: decoded as they stream in, and bounded by what they decode to."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from monitor.domain.feeds import Failure, FetchFailed

_GZIP = b"\x1f\x8b"
_ZLIB = tuple(
    bytes((method, check))
    for method in range(0x08, 0x80, 0x10)
    for check in range(256)
    if (method * 256 + check) % 31 == 0
)
_MIB = 1024 * 1024
_PLAIN = {"", "identity", "gzip", "x-gzip", "deflate"}


class _Inflater:
    """Decompresses a stream of gzip members or one deflate stream, giving at most what is asked for."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._stream = zlib.decompressobj(wbits)

    @property
    def complete(self) -> bool:
        """Whether the stream has come to its own end."""
        return self._stream.eof

    def inflate(self, chunk: bytes, most: int) -> bytes:
        """Decompress a chunk into at most `most` bytes; zero padding after the last member is ignored."""
        out = bytearray()
        while chunk and len(out) < most:
            if self._stream.eof:
                if not chunk.startswith(_GZIP):
                    break
                self._stream = zlib.decompressobj(self._wbits)
            out += self._stream.decompress(chunk, most - len(out))
            chunk = self._stream.unused_data or self._stream.unconsumed_tail
        return bytes(out)


def _inflater(start: bytes, encoding: str) -> _Inflater | None:
    """Choose by the first bytes rather than the header: proxies unpack bodies and leave the header."""
    if start.startswith(_GZIP):
        return _Inflater(31)
    if encoding == "deflate":
        return _Inflater(15 if start[:2] in _ZLIB else -15)
    return None


async def read_body(chunks: AsyncIterator[bytes], *, encoding: str, most: int) -> bytes | FetchFailed:
    """Read a body of at most `most` bytes, as sent and as decoded; say why it cannot be read.

    `encoding` is the Content-Encoding header. Whatever the connection raises passes through.
    """
    encoding = encoding.strip().lower()
    if encoding not in _PLAIN:
        return FetchFailed(Failure.UNREADABLE, f"compressed in a way that was not asked for ({encoding[:40]})")
    body, sent, inflater, started = bytearray(), 0, None, False
    try:
        async for chunk in chunks:
            if not started and chunk:
                started, inflater = True, _inflater(chunk, encoding)
            sent += len(chunk)
            body += inflater.inflate(chunk, most + 1 - len(body)) if inflater else chunk
            if len(body) > most or sent > most:
                return too_large(most)
    except zlib.error:
        return FetchFailed(Failure.UNREADABLE, "the compressed body is damaged")
    if inflater and not inflater.complete:
        return FetchFailed(Failure.UNREADABLE, "the compressed body ends early")
    return bytes(body)


def too_large(most: int) -> FetchFailed:
    """Say that a body exceeds the bound."""
    size = f"{most / _MIB:.0f} MiB" if most >= _MIB else f"{most:,} bytes"
    return FetchFailed(Failure.TOO_LARGE, f"the document is larger than {size}")
