"""Answers: what an HTTP answer other than a feed means, and what a broken connection means."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import aiohttp

from monitor.adapters.feeds.addresses import ForbiddenAddressError
from monitor.adapters.feeds.dates import read_date
from monitor.adapters.feeds.pages import is_challenge_page
from monitor.domain.feeds import Failure, FetchFailed, Validators

LONGEST_WAIT = timedelta(hours=24)
ABSURD_WAIT = timedelta(days=366)
LONGEST_VALIDATOR = 4096

DOCUMENTS = frozenset({200, 203})
_WALLED = frozenset({200, 202, 401, 403, 429, 503})
_MEANINGS = {
    204: (Failure.EMPTY, ""),
    205: (Failure.EMPTY, ""),
    304: (Failure.HTTP_STATUS, ", although no condition was sent"),
    401: (Failure.BLOCKED, ""),
    403: (Failure.BLOCKED, ""),
    410: (Failure.GONE, ": the publisher has removed this feed"),
    429: (Failure.RATE_LIMITED, ""),
    451: (Failure.BLOCKED, ""),
}
_CAUSES: tuple[tuple[type[Exception], Failure, str], ...] = (
    (TimeoutError, Failure.TIMEOUT, "the server did not answer in time"),
    (socket.gaierror, Failure.UNREACHABLE, "the host's name does not resolve"),
    (ssl.CertificateError, Failure.UNREACHABLE, "TLS: the certificate is not valid for this host"),
    (aiohttp.ClientPayloadError, Failure.UNREACHABLE, "the connection broke before the document's end"),
    (aiohttp.ServerDisconnectedError, Failure.UNREACHABLE, "the server closed the connection without an answer"),
    (aiohttp.ClientResponseError, Failure.UNREADABLE, "the answer is not valid HTTP, or its headers are too long"),
    (ValueError, Failure.UNREACHABLE, "the address cannot be used"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a server, its body decoded. Header names are looked up in any case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def validators(self) -> tuple[str, str]:
        """ETag and Last-Modified exactly as they came; empty where they could not be sent back."""
        etag, modified = (self.headers.get(name, "") for name in ("ETag", "Last-Modified"))
        return _returnable(etag), _returnable(modified)


def _returnable(value: str) -> str:
    return value if value.isprintable() and len(value) <= LONGEST_VALIDATOR else ""


def is_challenge(answer: Answer) -> bool:
    """Tell whether an answer is a bot wall's challenge rather than the site's own (POLLING 19)."""
    if answer.headers.get("cf-mitigated", "").lower() == "challenge":
        return True
    return answer.status in _WALLED and is_challenge_page(answer.body)


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Read Retry-After, in seconds or as a date, as a wait between nothing and a day.

    None where there is none to obey: no header, nonsense, negative seconds, or more than a year.
    """
    value = value.strip()
    if re.fullmatch(r"\d{1,10}(?:\.\d+)?", value):
        wait = timedelta(seconds=float(value))
    elif date := read_date(value):
        wait = date - now
    else:
        return None
    return None if wait > ABSURD_WAIT else min(max(wait, timedelta()), LONGEST_WAIT)


def status_line(status: int) -> str:
    """Give a status as people know it: `404 Not Found`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def failure_of(answer: Answer, now: datetime) -> FetchFailed | None:
    """Say why an answer brings no document; None if it may."""
    line = status_line(answer.status)
    if is_challenge(answer):
        return FetchFailed(Failure.BLOCKED, f"a bot wall answered ({line})", _wait(answer, now))
    if answer.status in DOCUMENTS:
        return None if answer.body.strip() else FetchFailed(Failure.EMPTY, f"{line} without a document")
    failure, remark = _MEANINGS.get(answer.status, (Failure.HTTP_STATUS, ""))
    return FetchFailed(failure, line + remark, _wait(answer, now))


def _wait(answer: Answer, now: datetime) -> timedelta | None:
    if answer.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return None
    return retry_after(answer.headers.get("Retry-After", ""), now)


def failure_from(error: Exception) -> FetchFailed:
    """Say in a few words why no answer came, from what the HTTP client or the system raised."""
    cause: Exception = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    if isinstance(cause, ForbiddenAddressError):
        return FetchFailed(Failure.FORBIDDEN_ADDRESS, f"{cause.address} is not a public address")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchFailed(Failure.UNREACHABLE, f"TLS: {cause.verify_message}")
    for kind, failure, detail in _CAUSES:
        if isinstance(cause, kind):
            return FetchFailed(failure, detail)
    return FetchFailed(Failure.UNREACHABLE, _system_reason(cause))


def _system_reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'handshake failed').replace('_', ' ').lower()}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return "the connection failed"


def conditions(validators: Validators, now: datetime) -> dict[str, str]:
    """Give the headers that ask for changes only.

    A Last-Modified that lies ahead is kept but not sent: it would be answered 304 for ever (POLLING 23).
    """
    headers = {"If-None-Match": validators.etag} if validators.etag else {}
    if validators.last_modified:
        date = read_date(validators.last_modified)
        if date is None or date <= now + LONGEST_WAIT:
            headers["If-Modified-Since"] = validators.last_modified
    return headers
