"""What acceptance tests ask for: a program in an empty folder, a feed server, a Bot API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.program import PATIENCE, Program, story_file
from tests.contract.bot_api import BotApi, Chat
from tests.contract.feed_server import FeedServer, open_feed_server
from tests.examples import DAM

READER = Chat(4242, "private", "Ann", bot="member")
CHANNEL = "-1001234567890"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program whose seeds are the example story."""
    made = Program(tmp_path)
    made.write("seeds/dam.toml", story_file(DAM))
    return made


@pytest.fixture
async def feeds() -> AsyncIterator[FeedServer]:
    async with open_feed_server() as server:
        yield server


@pytest.fixture
async def telegram() -> AsyncIterator[BotApi]:
    """A Bot API that refuses connections until it is started; it waits as long as a program takes to start."""
    chats = [Chat(int(CHANNEL), username="claims"), READER]
    async with BotApi(chats=chats, patience=PATIENCE) as server:
        yield server
        assert server.problems == []
