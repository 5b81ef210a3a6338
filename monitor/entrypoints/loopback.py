"""A feed server on loopback: what the demo and the measurements poll in place of the world."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FeedServer(ThreadingHTTPServer):
    """Serves `documents` by name, as they are at the moment of asking."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.documents: dict[str, bytes] = {}

    def address(self, name: str) -> str:
        """Give a document's address."""
        return f"http://127.0.0.1:{self.server_port}/{name}"


class _Handler(BaseHTTPRequestHandler):
    """Answers with a document, gzipped, or “not modified” to whoever has it."""

    protocol_version = "HTTP/1.1"
    server: FeedServer

    def do_GET(self) -> None:
        """Answer a request for a feed."""
        body = self.server.documents.get(self.path.removeprefix("/"))
        if body is None:
            self.send_error(404)
            return
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        unchanged = self.headers.get("If-None-Match") == etag
        packed = b"" if unchanged else gzip.compress(body, compresslevel=1)
        self.send_response(304 if unchanged else 200)
        self.send_header("ETag", etag)
        if not unchanged:
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        """Say nothing."""


@contextmanager
def serve_feeds() -> Iterator[FeedServer]:
    """Serve on loopback until the end of the block."""
    with FeedServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
