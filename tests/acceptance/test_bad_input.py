"""Whatever is wrong with what the program is given, it says where, why and what to do, and never shows a traceback."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.settings import PREFIX, read_settings
from tests.acceptance.conftest import CHANNEL
from tests.acceptance.outbox import TITLES, entry_titles, forget_feeds, raise_alerts
from tests.acceptance.program import COMMAND, PATIENCE, Outcome, Program, opml, rss, story_file
from tests.contract.bot_api import TOKEN, BotApi
from tests.contract.feed_server import FeedServer, Reply
from tests.examples import DAM

PAGE = b"<!doctype html><html><head><title>Home</title></head><body><p>Welcome</p></body></html>"
GOOD = rss("Rain on Monday", "Rain on Tuesday")
EXAMPLE = Path(__file__).parents[2] / ".env.example"
OTHER_TOKEN = "987654321:BBOtherOtherOtherOtherOtherOtherOther"


def said(outcome: Outcome, code: int, *words: str) -> None:
    """Check that a command failed with this code, in words for a person that hold all of these."""
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err


# A database that another program holds. The program waits ten seconds for it, so the wait begins with
# the module and is looked at in its last test.


@pytest.fixture(scope="module", autouse=True)
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    program = Program(tmp_path_factory.mktemp("locked"))
    file = program.write("dam.toml", story_file(DAM))
    lock = sqlite3.connect(program.folder / "monitor.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    with subprocess.Popen(
        [*COMMAND, "story", "add", str(file)],
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()
    lock.close()


# Stories


async def test_a_malformed_story_is_refused_with_file_key_and_reason_for_each_mistake(program: Program) -> None:
    program.write("bad.toml", 'slug = "Bad Slug"\ntitel = "x"\n[[claims]]\nid = "c1"\nkind = "guess"\n')
    outcome = await program.run("story", "add", "bad.toml")
    said(outcome, 2, "bad.toml: slug: must be lower-case", "bad.toml: titel: is not a known key; did you mean 'title'?")
    said(outcome, 2, "bad.toml: claims[1].statement: is required", "bad.toml: claims[1].kind: is 'guess'")
    assert not (program.folder / "monitor.db").exists()


async def test_a_story_file_that_is_no_toml_is_named_with_the_line(program: Program) -> None:
    program.write("bad.toml", "slug = \n")
    said(await program.run("match", "bad.toml"), 2, "bad.toml: TOML: cannot be read", "line 1")


async def test_nothing_to_watch_is_said_with_the_remedy(tmp_path: Path) -> None:
    outcome = await Program(tmp_path).run("run", "--until-idle")
    said(outcome, 2, "there is no story to watch", "seeds/", "monitor story add FILE", "MONITOR_SEEDS")


# Feeds


async def test_bad_feeds_and_seeds_are_named_with_the_reason_and_the_good_ones_are_used(
    program: Program, feeds: FeedServer
) -> None:
    reasons = {
        feeds.at("/page", Reply(headers={"Content-Type": "text/html"}, body=PAGE)): "not a feed: this looks like a web",
        feeds.at("/empty", Reply()): "empty document",
        feeds.at("/truncated", Reply(body=GOOD[:-100], length=len(GOOD))): "broke before the document's end",
        feeds.url("/nothing"): "HTTP status: 404 Not Found",
        feeds.at("/gone", Reply(410)): "gone: 410 Gone",
        "http://127.0.0.1:1/rss": "unreachable: connection refused",
        feeds.at("/garbage", Reply(body=bytes(range(256)) * 40_960)): "not a feed",
    }
    good = feeds.at("/good", Reply(body=GOOD))
    lying = {"Content-Type": "application/rss+xml; charset=utf-16"}
    mislabelled = feeds.at("/mislabelled", Reply(headers=lying, body=rss("Дождь").decode().encode("cp1251")))
    program.write("seeds/feeds.opml", opml(*reasons, good, mislabelled))
    program.write("seeds/bad.toml", "slug = 'bad'\n")

    outcome = await program.run("run", "--until-idle")
    said(outcome, 0, "seeds/bad.toml: title: is required")
    for url, reason in reasons.items():
        assert any(url in line and reason in line for line in outcome.err.splitlines()), reason
    assert await entry_titles(program) == ["Rain on Monday", "Rain on Tuesday", "Дождь"]

    listed = {feed["url"]: feed for feed in await program.rows("feed", "list")}
    assert all(reason in listed[url]["last_error"] for url, reason in reasons.items())
    assert [feed["url"] for feed in listed.values() if feed["parked"]] == [feeds.url("/gone")]
    assert (listed[good]["last_error"], listed[good]["entries"]) == ("", 2)


async def test_a_private_address_is_refused_unless_allowed(program: Program, feeds: FeedServer) -> None:
    url = feeds.at("/good", Reply(body=GOOD))
    outcome = await program.with_settings(allow_private_addresses="false").run("feed", "check", url)
    assert outcome.code == 1
    assert "127.0.0.1 is not a public address" in outcome.out
    assert feeds.requests == []


# Settings


@pytest.mark.parametrize("where", ["environment", ".env"])
async def test_an_unknown_setting_is_refused_with_the_likeliest_intended_one(program: Program, where: str) -> None:
    if where == ".env":
        program.write(".env", "# comment\nexport MONITOR_POL_INTERVAL_MIN=3\n")
    else:
        program = program.with_settings(pol_interval_min="3")
    outcome = await program.run("status")
    said(outcome, 2, "unknown setting MONITOR_POL_INTERVAL_MIN; did you mean MONITOR_POLL_INTERVAL_MIN?")


async def test_each_malformed_setting_is_named_and_no_value_is_shown(program: Program) -> None:
    wrong = {"poll_interval_min": "s3cret", "telegram_admins": "s3cret", "telegram_api_url": "s3cret://x"}
    outcome = await program.with_settings(**wrong).run("status")
    said(outcome, 2, *(f"MONITOR_{name.upper()}: " for name in wrong))
    assert "s3cret" not in outcome.err


async def test_a_settings_file_that_is_no_text_is_named(program: Program) -> None:
    program.write(".env", b"MONITOR_LOG_LEVEL=\xff\xfe\n")
    said(await program.run("status"), 2, ".env: cannot be read as UTF-8 text")


def test_the_example_of_a_settings_file_can_be_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    settings = read_settings(EXAMPLE)
    assert (settings.telegram_token, settings.telegram_channel) == (None, "")


# Telegram


async def test_the_doctor_says_what_is_wrong_with_token_and_channel(program: Program, telegram: BotApi) -> None:
    await telegram.start()
    base = program.with_settings(telegram_api_url=telegram.url, telegram_token=TOKEN, telegram_channel="@nowhere")
    no_channel, no_token = await asyncio.gather(
        base.run("doctor"), base.with_settings(telegram_token=OTHER_TOKEN).run("doctor")
    )
    assert "BAD   telegram: Telegram refuses: Chat not found; check MONITOR_TELEGRAM_CHANNEL" in no_channel.out
    assert "BAD   telegram: Telegram refuses the token; check MONITOR_TELEGRAM_TOKEN" in no_token.out
    for outcome in (no_channel, no_token):
        said(outcome, 1, "1 of the checks failed")
        assert "good  database" in outcome.out
        assert OTHER_TOKEN not in outcome.out + outcome.err


async def test_a_refused_token_parks_the_message_while_the_rest_goes_on(
    program: Program, feeds: FeedServer, telegram: BotApi
) -> None:
    await telegram.start()
    await raise_alerts(program, chat=CHANNEL, titles=TITLES[:1])
    program.write("seeds/feeds.opml", opml(feeds.at("/good", Reply(body=GOOD))))
    await forget_feeds(program)
    given = program.with_settings(telegram_api_url=telegram.url, telegram_channel=CHANNEL, telegram_token=OTHER_TOKEN)
    outcome = await given.run("run", "--until-idle")
    said(outcome, 0, "check MONITOR_TELEGRAM_TOKEN")
    assert OTHER_TOKEN not in outcome.out + outcome.err
    assert "Rain on Monday" in await entry_titles(program)
    alert = (await given.rows("alert", "list"))[0]
    assert alert["deliveries"] == [{"chat": CHANNEL, "status": "parked", "message_id": None, "attempts": 1}]


# Databases


async def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(program: Program) -> None:
    await raise_alerts(program, chat=CHANNEL)
    with sqlite3.connect(program.folder / "monitor.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    before = (program.folder / "monitor.db").read_bytes()
    said(await program.run("claim", "list"), 1, "revision 9999", "a newer program made it")
    assert (program.folder / "monitor.db").read_bytes() == before


async def test_a_database_that_may_only_be_read_can_be_asked_but_not_changed(program: Program) -> None:
    await raise_alerts(program, chat=CHANNEL)
    url = f"sqlite:///file:{program.folder}/monitor.db?mode=ro&uri=true"
    read_only = program.with_settings(database_url=url)
    assert len(await read_only.rows("claim", "list")) == len(DAM.claims)
    said(await read_only.run("claim", "retire", "c1"), 1, "readonly database", "make the file and its folder writable")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_may_not_be_written_is_named(program: Program) -> None:
    locked = program.folder / "locked"
    locked.mkdir(mode=0o500)
    outcome = await program.with_settings(database_url=f"sqlite:///{locked}/monitor.db").run("status")
    said(outcome, 1, f"{locked}/monitor.db", "unable to open database file")


async def test_a_database_that_another_program_holds_is_waited_for_and_then_named(
    waiting: subprocess.Popen[str],
) -> None:
    _, err = waiting.communicate(timeout=PATIENCE)
    said(Outcome(waiting.returncode, "", err), 1, "monitor.db: database is locked", "stop that program and try again")
