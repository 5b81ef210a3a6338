"""`monitor run` as a service: it stops cleanly, survives being killed, and goes on whatever Telegram does."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.acceptance.conftest import CHANNEL, READER
from tests.acceptance.outbox import TITLES, entry_titles, forget_feeds, let_leases_run_out, raise_alerts
from tests.acceptance.program import PATIENCE, Program, opml, rss
from tests.contract.bot_api import TOKEN, BotApi, Fault
from tests.contract.feed_server import FeedServer, Reply, Script

SEEDS = Path(__file__).parents[2] / "seeds"
AGAIN = "(sent again"


def held_back(document: bytes) -> tuple[Script, asyncio.Event, asyncio.Event]:
    """Answer a feed only when told to: the script, an event that it was asked, one that lets it answer."""
    asked, release = asyncio.Event(), asyncio.Event()

    async def script(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await release.wait()
        await Reply(body=document).write(writer)

    return script, asked, release


def with_telegram(program: Program, telegram: BotApi, chat: str = CHANNEL) -> Program:
    return program.with_settings(telegram_api_url=telegram.url, telegram_token=TOKEN, telegram_channel=chat)


def texts(telegram: BotApi) -> list[str]:
    return [str(message["text"]) for message in telegram.messages]


async def test_a_stop_signal_lets_what_is_under_way_finish(program: Program, feeds: FeedServer) -> None:
    slow, asked, release = held_back(rss("Late rain"))
    program.write("seeds/feeds.opml", opml(feeds.at("/quick", Reply(body=rss("Rain"))), feeds.at("/slow", slow)))
    async with program.running() as daemon:
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        daemon.terminate()
        await daemon.says("stopping")
        assert daemon.alive()
        release.set()
        assert await daemon.exit_code() == 0
    assert await entry_titles(program) == ["Late rain", "Rain"]
    assert "Traceback" not in daemon.printed


async def test_a_kill_in_the_middle_loses_nothing_and_doubles_only_what_may_not_have_arrived(
    program: Program, feeds: FeedServer, telegram: BotApi
) -> None:
    await telegram.start()
    await raise_alerts(program, chat=str(READER.id))
    await forget_feeds(program)
    slow, asked, _ = held_back(b"")
    quick = Reply(body=rss("Rain on Monday", "Rain on Tuesday"))
    urls = [feeds.at("/quick", quick), feeds.at("/slow", slow, Reply(body=rss("Late rain")))]
    program.write("seeds/feeds.opml", opml(*urls))
    # The second message arrives in the chat, but the program is killed before it hears so.
    telegram.faults.append(Fault(chat=str(READER.id), skip=1, applied=True, hang=True))
    given = with_telegram(program, telegram, chat=str(READER.id))
    async with given.running() as daemon:
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        await telegram.until(lambda: len(telegram.messages) == 2)
        await daemon.kill()

    await let_leases_run_out(program)
    outcome = await given.run("run", "--until-idle")
    assert outcome.code == 0, outcome.err
    assert await entry_titles(program) == sorted([*TITLES, "Late rain", "Rain on Monday", "Rain on Tuesday"])
    told = texts(telegram)
    assert [sum(title in text for text in told) for title in TITLES] == [1, 2, 1]
    assert [TITLES[1] in text for text in told if AGAIN in text] == [True]
    sent = [delivery for alert in await given.rows("alert", "list") for delivery in alert["deliveries"]]
    assert [(delivery["status"], delivery["attempts"]) for delivery in sent] == [("sent", 1), ("sent", 2), ("sent", 1)]


async def test_a_channel_that_refuses_holds_back_its_own_messages_only(
    program: Program, feeds: FeedServer, telegram: BotApi
) -> None:
    telegram.chats[0].bot = "left"
    await telegram.start()
    await raise_alerts(program, chat=CHANNEL, titles=TITLES[:1])
    await raise_alerts(program, chat=str(READER.id), titles=["Children swim in the reservoir again"])
    await forget_feeds(program)
    program.write("seeds/feeds.opml", opml(feeds.at("/rss", Reply(body=rss("Rain")))))
    given = with_telegram(program, telegram)
    outcome = await given.run("run", "--until-idle")
    assert outcome.code == 0
    assert "bot is not a member of the channel chat; make the bot an administrator" in outcome.err
    assert "Rain" in await entry_titles(program)
    assert len(texts(telegram)) == 1
    deliveries = [delivery for alert in await given.rows("alert", "list") for delivery in alert["deliveries"]]
    assert {(delivery["chat"], delivery["status"]) for delivery in deliveries} == {
        (CHANNEL, "parked"),
        (str(READER.id), "sent"),
    }


async def test_the_bot_comes_up_when_telegram_does_and_answers_while_feeds_are_polled(
    tmp_path: Path, feeds: FeedServer, telegram: BotApi
) -> None:
    program = Program(tmp_path)
    program.write("seeds/story.toml", (SEEDS / "belarus-war-entry.toml").read_bytes())
    program.write("seeds/feeds.opml", opml(feeds.at("/rss", Reply(body=rss("Rain")))))
    async with with_telegram(program, telegram).running() as daemon:
        await daemon.says("/rss: 1 new")
        await daemon.says("the bot waits for Telegram")
        await telegram.start()
        answers = {}
        for question in ("/start", "/help", "/claims", "/claim c1", "/latest", "/status"):
            await telegram.say(question, chat=READER)
            answers[question] = str((await telegram.reply())["text"])
        daemon.terminate()
        assert await daemon.exit_code() == 0
    assert "/claims — the tracked claims" in answers["/start"]
    assert answers["/help"] == answers["/start"]
    assert all(f"c{number} " in answers["/claims"] for number in range(1, 11))
    assert "Belarus will fight alongside Russia only if Belarus itself is attacked." in answers["/claim c1"]
    assert answers["/latest"] == "No alerts yet."
    assert answers["/status"].startswith("Alive.")
    assert "Feeds 1: 0 failing, 0 parked\nEntries 1: " in answers["/status"]
    assert {command["command"] for command in telegram.commands} >= {"claims", "claim", "latest", "status", "help"}
    assert "Traceback" not in daemon.printed
    assert TOKEN not in daemon.printed
