"""The right to work on a row, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one row until `until`.

    `until` is also the fencing token: a result is written only while the row still carries it, so a
    worker that lost its lease changes nothing. `attempts` counts the claims of the row since its
    last success, this one included.
    """

    row_id: int
    until: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off: `first`, doubled for each further failure, never above `cap`.

    After `give_up_after` attempts the row is parked (never, if None).
    """

    first: timedelta
    cap: timedelta
    give_up_after: int | None = None

    def delay(self, attempts: int) -> timedelta:
        """Give the wait after the `attempts`-th failure, counted from 1."""
        doublings = min(max(attempts - 1, 0), 30)
        enough = self.cap // self.first + 1  # more would only overflow
        return min(self.first * min(int(2**doublings), enough), self.cap)

    def next_due(self, attempts: int, now: datetime) -> datetime | None:
        """Say when to try again, or None when the row is to be parked."""
        if self.give_up_after is not None and attempts >= self.give_up_after:
            return None
        return now + self.delay(attempts)
