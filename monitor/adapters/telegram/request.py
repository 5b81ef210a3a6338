"""HTTP requests to the Bot API that keep the status which python-telegram-bot forgets.

To that library a 429 without parameters, a 502 of a proxy and a dropped connection are all one
`NetworkError`; what to do about them differs.
"""

from __future__ import annotations

import json
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from telegram.error import NetworkError
from telegram.request import HTTPXRequest


class FloodError(NetworkError):
    """Status 429; `wait` is what the server asks for, if it says."""

    def __init__(self, wait: timedelta | None) -> None:
        super().__init__("Too Many Requests (429)")
        self.wait = wait


class ServerError(NetworkError):
    """A status of 500 and above: the server, or something before it, failed."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Telegram failed with status {status}")


class StatusRequest(HTTPXRequest):
    """An `HTTPXRequest` that raises `FloodError` and `ServerError` by status."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Make the request as the parent does, then look at the status."""
        status, payload = await super().do_request(*args, **kwargs)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise FloodError(_wait(payload))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ServerError(status)
        return status, payload


def _wait(payload: bytes) -> timedelta | None:
    """Read `parameters.retry_after` of a refusal, None where there is none to read."""
    try:
        return timedelta(seconds=max(0, int(json.loads(payload)["parameters"]["retry_after"])))
    except (ValueError, TypeError, LookupError, OverflowError):
        return None
