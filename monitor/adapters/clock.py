"""The clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Tells the machine's time. Keeps the contract of `monitor.ports.Clock`."""

    def now(self) -> datetime:
        """Give the present moment in UTC."""
        return datetime.now(UTC)
