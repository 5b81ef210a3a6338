"""A fake world around a real database: small fakes that keep the ports' contracts, and a way to crash anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from monitor.adapters.storage.assess import SqlAssessStore
from monitor.adapters.storage.database import Database
from monitor.adapters.storage.deliver import SqlDeliverStore
from monitor.adapters.storage.library import SqlLibrary
from monitor.adapters.storage.poll import SqlPollStore
from monitor.adapters.storage.reads import SqlReads
from monitor.domain.alerts import Subscription
from monitor.domain.assessment import Candidate
from monitor.domain.delivery import SendOutcome, Sent
from monitor.domain.feeds import EntryDraft, Failure, Feed, Fetched, FetchFailed, FetchOutcome, PollPolicy
from monitor.domain.messages import Message
from monitor.domain.stance import BandPolicy, Graded, Pair, Stance
from monitor.domain.stories import Story
from monitor.domain.texts import Passage, words
from monitor.services import Matching, Services
from tests.conftest import MovableClock
from tests.examples import DAM, feed_draft, judgement

# Every property test's profile: few enough examples for a second, no deadline on a machine that may be busy.
BRISK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CHAT = Subscription("@channel")
INTERVAL = timedelta(minutes=5)
BANDS = BandPolicy(alert=dict.fromkeys(Stance, 0.9), review=dict.fromkeys(Stance, 0.6))


@dataclass
class FakeFetcher:
    """Serves what the test put under an address, again and again; an exception is a surprise."""

    served: dict[str, FetchOutcome | Exception] = field(default_factory=dict)

    def serve(self, *drafts: EntryDraft, feed: int = 1) -> None:
        self.served[feed_draft(feed).url] = Fetched(drafts)

    async def fetch(self, feed: Feed) -> FetchOutcome:
        outcome = self.served.get(feed.url, FetchFailed(Failure.UNREACHABLE, "nothing is served here"))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@dataclass
class FakeIndex:
    """Lets a text through that holds a story's name; all claims of the story are candidates of each passage."""

    stories: tuple[Story, ...] = ()

    async def load(self, stories: Sequence[Story]) -> None:
        self.stories = tuple(stories)

    def related(self, text: str) -> Sequence[Story]:
        return [story for story in self.stories if any(name in text.casefold() for name in story.names)]

    async def candidates(self, stories: Sequence[Story], passages: Sequence[Passage]) -> Sequence[Candidate]:
        return [Candidate(claim, p, 1.0) for p in passages for story in stories for claim in story.claims]


@dataclass(frozen=True)
class Rule:
    """A premise with this word has this stance to a claim with that word."""

    premise: str
    claim: str
    stance: Stance
    confidence: float = 0.97


RULES = (
    Rule("opened", "closed", Stance.CONTRADICTS),
    Rule("shut", "closed", Stance.SUPPORTS),
    Rule("postponed", "closed", Stance.UPDATES),
    Rule("perhaps", "closed", Stance.CONTRADICTS, 0.7),
    Rule("drowned", "hurt", Stance.CONTRADICTS),
)


@dataclass
class FakeJudge:
    """Judges by key words, the first rule that fits, and keeps what it was asked. Stumbles over some words."""

    rules: tuple[Rule, ...] = RULES
    version: str = "judge-1"
    asked: list[Pair] = field(default_factory=list)
    stumbles: dict[str, Exception] = field(default_factory=dict)

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Graded]:
        self.asked += pairs
        return [self._grade(set(words(pair.premise)), set(words(pair.hypothesis))) for pair in pairs]

    def _grade(self, premise: set[str], claim: set[str]) -> Graded:
        for word, error in self.stumbles.items():
            if word in premise:
                raise error
        fits = (rule for rule in self.rules if rule.premise in premise and rule.claim in claim)
        rule = next(fits, Rule("", "", Stance.UNRELATED))
        judged = judgement(rule.stance, rule.confidence)
        return Graded(judged, BANDS.band(judged), self.version)


def declared_language(text: str, declared: str | None) -> str:
    """Believe what the feed says of its language."""
    return declared or "en"


@dataclass
class RecordingMessenger:
    """Keeps every message that reached a chat; what a send comes to is scripted, then all is well."""

    script: list[SendOutcome | Exception] = field(default_factory=list)
    received: list[tuple[Subscription, Message]] = field(default_factory=list)

    async def send(self, message: Message, *, chat: str, thread: int) -> SendOutcome:
        outcome = self.script.pop(0) if self.script else Sent(len(self.received) + 1)
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, Sent):
            self.received.append((Subscription(chat, thread), message))
        return outcome

    @property
    def texts(self) -> list[str]:
        return [message.text for _, message in self.received]


class Crash(BaseException):
    """The process dies here, as after a kill: nothing may catch it."""


@dataclass(frozen=True)
class CrashPoint:
    """Where to die: at the `nth` call of `port.call`, before it does anything or after it has done all.

    A call of a queue is written `queue.claim`.
    """

    port: str
    call: str
    after: bool
    nth: int = 1

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.port}.{self.call} {self.nth}"


class _Trap:
    """Stands before an object and passes every call on, but dies at one of them."""

    def __init__(self, target: object, path: str, point: CrashPoint, calls: list[str]) -> None:
        self._target, self._path, self._point, self._calls = target, path, point, calls

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        path = f"{self._path}{name}"
        if path == self._point.call:
            return self._deadly(value)
        return _Trap(value, f"{path}.", self._point, self._calls) if self._point.call.startswith(f"{path}.") else value

    def _deadly(self, call: Any) -> Any:
        async def called(*args: Any, **named: Any) -> Any:
            self._calls.append(self._point.call)
            dies = len(self._calls) == self._point.nth
            if dies and not self._point.after:
                raise Crash
            result = await call(*args, **named)
            if dies:
                raise Crash
            return result

        return called


def with_trap(services: Services, point: CrashPoint) -> Services:
    """Give the same services, of which one dies at a point."""
    trap = cast("Any", _Trap(getattr(services, point.port), "", point, []))
    return replace(services, **{point.port: trap})


class World:
    """A database with one story and three feeds, and all that stands around it, held by the test."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock
        self.fetcher, self.index = FakeFetcher(), FakeIndex()
        self.judge, self.messenger = FakeJudge(), RecordingMessenger()
        self.matching = Matching(self.index, self.judge, declared_language)
        self.reads = SqlReads(database, interval=INTERVAL)
        self.services = Services(
            clock=clock,
            fetcher=self.fetcher,
            matching=self.matching,
            messenger=self.messenger,
            poll_store=SqlPollStore(database),
            assess_store=SqlAssessStore(database),
            deliver_store=SqlDeliverStore(database),
            library=SqlLibrary(database),
            reads=self.reads,
            polling=PollPolicy(INTERVAL),
            subscriptions=(CHAT,),
        )

    async def furnish(self) -> World:
        """Store the story and the feeds, which are empty so far."""
        await self.services.library.put_story(DAM)
        await self.services.library.put_feeds([feed_draft(number) for number in (1, 2, 3)], self.clock.now())
        for number in (1, 2, 3):
            self.fetcher.serve(feed=number)
        return self

    async def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """Read a table as it is, by id."""
        async with self.database.reading() as connection:
            return [dict(row) for row in (await connection.execute(sa.select(table).order_by(table.c.id))).mappings()]

    async def count(self, table: sa.Table) -> int:
        """Count a table's rows."""
        return len(await self.rows(table))
