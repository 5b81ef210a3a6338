"""Every error that the program raises on purpose.

    MonitorError            exit code 1: something failed
    ├── UsageError          exit code 2: the user's input is wrong
    │   ├── SettingsError   an environment variable or `.env` line
    │   ├── StoryError      a story file; lists every problem found
    │   └── NotFoundError   a story, claim or feed that is not stored
    ├── StorageError        the database cannot be used
    │   └── SchemaError     the database's schema is newer or older than this program
    ├── ModelError          a weight file is missing, damaged or of another version
    ├── FeedError           an address that holds no feed
    └── MessengerError      Telegram refuses the token or the channel

A message names what was wrong, where, and what to do about it. Failures that are part of normal
life (a feed that does not answer, a message that Telegram defers) are values, not errors: see
`FetchFailed` and `SendOutcome`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class MonitorError(Exception):
    """The root: something failed, and the message says what to do."""

    exit_code = 1


class UsageError(MonitorError):
    """The user's input is wrong."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is unknown, malformed or contradicts another."""


class NotFoundError(UsageError):
    """The thing named on the command line is not stored."""


class StorageError(MonitorError):
    """The database cannot be opened, read or written."""


class SchemaError(StorageError):
    """The database's schema is not the one this program knows."""


class ModelError(MonitorError):
    """A model's file is missing, damaged or of another version."""


class FeedError(MonitorError):
    """An address answers, but not with a feed, or does not answer at all."""


class MessengerError(MonitorError):
    """Telegram refuses the token or the destination."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file: the key it was found under and the reason."""

    key: str
    reason: str

    def __str__(self) -> str:
        """Read as `claims[2].kind: …`."""
        return f"{self.key}: {self.reason}"


class StoryError(UsageError):
    """A story file is malformed; `problems` holds every mistake found in it."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        """Name the file and all its problems."""
        self.file = file
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))
