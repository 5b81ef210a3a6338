"""The space between two messages to one chat.

Telegram allows about one message a second in a chat and 20 a minute in a group or channel (Bots
FAQ, "My bot is hitting limits"); messages three seconds apart stay inside both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta


class Pace:
    """Gives each message its turn. A wait longer than `patience` is left to the caller.

    Turns are reserved when asked for, so messages of several tasks to one chat line up.
    """

    def __init__(
        self,
        *,
        group_gap: float = 3.0,
        private_gap: float = 1.0,
        patience: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gaps = (private_gap, group_gap)
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._free_at: dict[str, float] = {}

    async def turn(self, chat: str) -> timedelta | None:
        """Wait for the chat's next turn and take it; or give the wait, taking nothing, when it is too long."""
        now = self._clock()
        start = max(now, self._free_at.get(chat, now))
        if start - now > self._patience:
            return timedelta(seconds=start - now)
        self._free_at[chat] = start + self._gap(chat)
        if start > now:
            await self._sleep(start - now)
        return None

    def ended(self, chat: str) -> None:
        """Note that a send has ended: the next one keeps its distance from the end, however slow this one was."""
        self._free_at[chat] = max(self._free_at.get(chat, 0.0), self._clock() + self._gap(chat))

    def _gap(self, chat: str) -> float:
        return self._gaps[chat.startswith(("-", "@"))]
