"""What every database keeps to: SQLite and PostgreSQL run the same tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor.adapters.storage.assess import SqlAssessStore
from monitor.adapters.storage.database import Database, upgrade
from monitor.adapters.storage.deliver import SqlDeliverStore
from monitor.adapters.storage.library import SqlLibrary
from monitor.adapters.storage.poll import SqlPollStore
from monitor.adapters.storage.reads import SqlReads
from monitor.adapters.storage.tables import METADATA, claim_changes, entries, evidence, reports
from monitor.domain.alerts import Subscription
from monitor.domain.assessment import Assessment, Finding, assess
from monitor.domain.delivery import DeliveryPlan, DeliveryStatus, begin_send
from monitor.domain.feeds import Failure, Fetched, FetchFailed, PollPlan, PollPolicy, Validators, plan_poll
from monitor.domain.ids import ClaimRef
from monitor.domain.ledger import Standing
from monitor.domain.stance import Band, Evidence, Stance
from monitor.domain.work import Lease
from monitor.errors import SchemaError, SettingsError, StorageError
from tests.conftest import MovableClock
from tests.examples import C1, C2, DAM, draft, feed_draft
from tests.examples import evidence as example_evidence

LEASE = timedelta(minutes=1)
CHAT = Subscription("@channel")


class House:
    """A database with what a test does to it, in the words of the pipeline."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.clock = clock
        self.database = database
        self.polls = SqlPollStore(database)
        self.assessments = SqlAssessStore(database)
        self.outbox = SqlDeliverStore(database)
        self.library = SqlLibrary(database)
        self.reads = SqlReads(database, interval=timedelta(minutes=5))

    async def count(self, table: sa.Table) -> int:
        async with self.database.reading() as connection:
            return (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()

    async def lease_feed(self, row_id: int = 1) -> Lease:
        lease = await self.polls.feeds.claim(row_id, self.clock.now(), LEASE)
        assert lease is not None
        return lease

    async def poll(self, *drafts_: object, feed: int = 1) -> PollPlan:
        """Poll one feed, which carries these entries."""
        lease = await self.lease_feed(feed)
        outcome = Fetched(tuple(drafts_), validators=Validators('"v1"', "Thu", "hash"))  # type: ignore[arg-type]
        stored = await self.polls.read_feed(lease)
        seen = await self.polls.seen(stored, {d.key for d in outcome.entries})
        plan = plan_poll(outcome, seen=seen, attempts=lease.attempts, now=self.clock.now(), policy=PollPolicy())
        assert await self.polls.record_poll(lease, plan)
        return plan

    async def assess(self, row_id: int, *found: Evidence, story: str = "dam") -> Assessment:
        """Assess one entry in which this evidence was found."""
        lease = await self.assessments.entries.claim(row_id, self.clock.now(), LEASE)
        assert lease is not None
        entry = await self.assessments.read_entry(lease)
        background = await self.assessments.background(entry, [story])
        finding = Finding((story,), "en", found)
        made = assess(entry, finding, background=background, subscriptions=(CHAT,), now=self.clock.now())
        assert await self.assessments.record_assessment(lease, made)
        return made

    async def entry_ids(self) -> Sequence[int]:
        return await self.assessments.entries.due(self.clock.now(), 100)


@pytest.fixture
async def house(database: Database, clock: MovableClock) -> House:
    made = House(database, clock)
    await made.library.put_story(DAM)
    await made.library.put_feeds([feed_draft(1), feed_draft(2), feed_draft(3)], clock.now())
    return made


# Leases


async def test_a_row_has_one_worker_at_a_time(house: House) -> None:
    first = await house.polls.feeds.claim(1, house.clock.now(), LEASE)
    second = await house.polls.feeds.claim(1, house.clock.now(), LEASE)
    assert first == Lease(1, house.clock.now() + LEASE, attempts=1)
    assert second is None
    assert 1 not in await house.polls.feeds.due(house.clock.now(), 10)


async def test_a_lease_that_runs_out_is_due_again_and_its_former_holder_writes_nothing(house: House) -> None:
    slow = await house.lease_feed()
    house.clock.move(seconds=61)
    fresh = await house.lease_feed()
    assert fresh.attempts == 2
    late = PollPlan(due_at=None, polled_at=house.clock.now(), added=(draft(),))
    assert not await house.polls.record_poll(slow, late)
    assert not await house.polls.feeds.fail(slow, None, "late")
    assert await house.count(entries) == 0
    assert await house.polls.record_poll(fresh, late)
    assert await house.count(entries) == 1


async def test_the_longest_due_comes_first(house: House) -> None:
    lease = await house.lease_feed(1)
    await house.polls.feeds.fail(lease, house.clock.now() - timedelta(hours=1), "again")
    assert (await house.polls.feeds.due(house.clock.now(), 2))[0] == 1


async def test_a_failure_without_a_time_parks_the_row_where_status_shows_it(house: House) -> None:
    await house.polls.feeds.fail(await house.lease_feed(), None, "broken")
    house.clock.move(days=400)
    assert 1 not in await house.polls.feeds.due(house.clock.now(), 10)
    status = await house.reads.status(house.clock.now(), version="1", model="judge-1")
    assert (status.feeds.total, status.feeds.parked) == (3, 1)
    feed = (await house.reads.feeds())[0]
    assert (feed.parked, feed.last_error) == (True, "broken")


# Polling


async def test_polling_twice_stores_each_entry_once(house: House) -> None:
    await house.poll(draft("guid:1"), draft("guid:2", "Another"))
    house.clock.move(minutes=10)
    plan = await house.poll(draft("guid:1"), draft("guid:2", "Another"))
    assert (plan.added, plan.revised) == ((), ())
    assert await house.count(entries) == 2


async def test_an_edited_entry_is_a_revision_that_is_due_again(house: House) -> None:
    await house.poll(draft())
    await house.assess(1)
    assert await house.entry_ids() == []
    house.clock.move(minutes=10)
    await house.poll(draft(title="Orlov dam stays shut"))
    assert await house.count(entries) == 1
    assert await house.entry_ids() == [1]
    lease = await house.assessments.entries.claim(1, house.clock.now(), LEASE)
    assert lease is not None
    assert (await house.assessments.read_entry(lease)).title == "Orlov dam stays shut"


async def test_validators_come_back_as_they_came(house: House) -> None:
    await house.poll()
    house.clock.move(minutes=10)
    assert (await house.polls.read_feed(await house.lease_feed())).validators == Validators('"v1"', "Thu", "hash")


async def test_a_failed_poll_keeps_validators_and_counts_attempts(house: House) -> None:
    await house.poll()
    for attempts in (1, 2):
        house.clock.move(days=1)
        lease = await house.lease_feed()
        assert lease.attempts == attempts
        failed = FetchFailed(Failure.UNREACHABLE, "connection refused")
        plan = plan_poll(failed, seen={}, attempts=lease.attempts, now=house.clock.now(), policy=PollPolicy())
        await house.polls.record_poll(lease, plan)
    house.clock.move(days=1)
    lease = await house.lease_feed()
    feed = await house.polls.read_feed(lease)
    assert feed.validators.etag == '"v1"'
    assert "refused" in (await house.reads.feeds())[0].last_error


async def test_many_keys_are_looked_up(house: House) -> None:
    drafts = [draft(f"guid:{n}", f"Title {n}") for n in range(1200)]
    await house.poll(*drafts)
    house.clock.move(minutes=10)
    assert (await house.poll(*drafts)).added == ()


# Assessing


async def test_evidence_alert_and_delivery_are_written_together(house: House) -> None:
    await house.poll(draft())
    await house.assess(1, example_evidence())
    alert = (await house.reads.alerts(limit=10))[0]
    assert (alert.claim, alert.stance, alert.quote) == (C1, Stance.CONTRADICTS, "It opened on Friday.")
    assert (alert.before, alert.after) == (Standing.HOLDS, Standing.DISPUTED)
    assert [(d.chat, d.status) for d in alert.deliveries] == [("@channel", "pending")]
    claim = (await house.reads.claims("dam"))[0]
    assert (claim.standing, claim.contradicts) == (Standing.DISPUTED, 1)
    assert await house.count(claim_changes) == 1


async def test_an_assessment_that_lost_its_lease_writes_nothing_at_all(house: House) -> None:
    await house.poll(draft())
    lease = await house.assessments.entries.claim(1, house.clock.now(), LEASE)
    assert lease is not None
    entry = await house.assessments.read_entry(lease)
    background = await house.assessments.background(entry, ["dam"])
    found = Finding(("dam",), "en", (example_evidence(),))
    late = assess(entry, found, background=background, subscriptions=(CHAT,), now=house.clock.now())
    house.clock.move(minutes=2)
    await house.assessments.entries.claim(1, house.clock.now(), LEASE)
    assert not await house.assessments.record_assessment(lease, late)
    assert [await house.count(table) for table in (reports, evidence, claim_changes)] == [0, 0, 0]
    assert await house.reads.alerts(limit=10) == ()


async def test_copies_are_one_report_and_one_alert_with_two_origins(house: House) -> None:
    for feed in (1, 2):
        await house.poll(draft(), feed=feed)
    await house.assess(1, example_evidence())
    await house.assess(2, example_evidence())
    alerts = await house.reads.alerts(limit=10)
    assert len(alerts) == 1
    assert alerts[0].report.origins == 2
    assert (await house.reads.claims("dam"))[0].standing is Standing.DISPUTED
    assert await house.count(reports) == 1
    assert await house.count(evidence) == 2


async def test_two_publishers_with_their_own_reports_turn_a_claim_and_one_does_not(house: House) -> None:
    await house.poll(draft(title="The sluices of Orlov dam were opened this morning", text=""), feed=1)
    await house.poll(
        draft("guid:2", title="Gates lifted: water flows again from the reservoir above Orlov", text=""), feed=2
    )
    await house.assess(1, example_evidence())
    assert (await house.reads.claims("dam"))[0].standing is Standing.DISPUTED
    await house.assess(2, example_evidence())
    assert (await house.reads.claims("dam"))[0].standing is Standing.CONTRADICTED
    assert len(await house.reads.alerts(limit=10)) == 2


async def test_a_revised_entry_replaces_its_evidence_and_tells_a_new_stance(house: House) -> None:
    await house.poll(draft())
    await house.assess(1, example_evidence(Stance.SUPPORTS))
    house.clock.move(minutes=10)
    await house.poll(draft(text="It opened on Friday, the mayor says."))
    await house.assess(1, example_evidence(Stance.CONTRADICTS))
    assert await house.count(evidence) == 1
    assert [a.stance for a in await house.reads.alerts(limit=10)] == [Stance.CONTRADICTS, Stance.SUPPORTS]
    assert (await house.reads.claims("dam"))[0].standing is Standing.DISPUTED


async def test_assessing_again_after_a_crash_tells_nothing_twice(house: House) -> None:
    await house.poll(draft())
    await house.assess(1, example_evidence())
    house.clock.move(minutes=10)
    await house.poll(draft(text="It opened on Friday!!"))
    await house.poll(draft(text="It opened on Friday, it did."), feed=2)
    for row_id in await house.entry_ids():
        await house.assess(row_id, example_evidence())
    assert len(await house.reads.alerts(limit=10)) == 1


async def test_an_unrelated_entry_is_only_ticked_off(house: House) -> None:
    await house.poll(draft())
    lease = await house.assessments.entries.claim(1, house.clock.now(), LEASE)
    assert lease is not None
    entry = await house.assessments.read_entry(lease)
    assert await house.assessments.record_assessment(lease, Assessment(entry, house.clock.now()))
    assert await house.entry_ids() == []
    assert await house.count(reports) == 0


async def test_weak_evidence_is_kept_but_not_counted_or_told(house: House) -> None:
    await house.poll(draft())
    await house.assess(1, example_evidence(band=Band.REVIEW))
    assert await house.count(evidence) == 1
    claim = (await house.reads.claims("dam"))[0]
    assert (claim.standing, claim.contradicts) == (Standing.HOLDS, 0)
    assert await house.reads.alerts(limit=10) == ()


# The outbox


async def _outbox(house: House) -> Lease:
    await house.poll(draft())
    await house.assess(1, example_evidence())
    lease = await house.outbox.deliveries.claim(1, house.clock.now(), LEASE)
    assert lease is not None
    return lease


async def test_a_delivery_carries_its_alert_and_ends_sent(house: House) -> None:
    lease = await _outbox(house)
    delivery = begin_send(await house.outbox.read_delivery(lease))
    assert delivery is not None
    assert delivery.alert.statement == DAM.claims[0].statement
    assert await house.outbox.record_begin(lease, delivery)
    plan = DeliveryPlan(DeliveryStatus.SENT, None, 0, message_id=7_000_000_000)
    assert await house.outbox.record_delivery(lease, plan, house.clock.now())
    shown = (await house.reads.alerts(limit=1))[0].deliveries[0]
    assert (shown.status, shown.message_id) == ("sent", 7_000_000_000)
    house.clock.move(days=2)
    assert await house.outbox.deliveries.due(house.clock.now(), 10) == []


async def test_a_crash_while_sending_is_seen_afterwards(house: House) -> None:
    lease = await _outbox(house)
    delivery = begin_send(await house.outbox.read_delivery(lease))
    assert delivery is not None
    await house.outbox.record_begin(lease, delivery)
    house.clock.move(minutes=2)
    again = await house.outbox.deliveries.claim(1, house.clock.now(), LEASE)
    assert again is not None
    assert (await house.outbox.read_delivery(again)).outcome_unknown


async def test_a_chat_that_asks_for_patience_is_left_alone_as_a_whole(house: House) -> None:
    await house.poll(draft())
    await house.assess(1, example_evidence(), example_evidence(claim=C2))
    lease = await house.outbox.deliveries.claim(1, house.clock.now(), LEASE)
    assert lease is not None
    until = house.clock.now() + timedelta(seconds=30)
    plan = DeliveryPlan(DeliveryStatus.PENDING, until, 0, error="too many requests", hold_chat_until=until)
    await house.outbox.record_delivery(lease, plan, house.clock.now())
    assert await house.outbox.deliveries.due(house.clock.now(), 10) == []
    house.clock.move(seconds=31)
    assert await house.outbox.deliveries.due(house.clock.now(), 10) == [1, 2]


async def test_a_group_that_became_a_supergroup_takes_its_waiting_rows_along(house: House) -> None:
    await house.poll(draft())
    await house.assess(1, example_evidence(), example_evidence(claim=C2))
    lease = await house.outbox.deliveries.claim(1, house.clock.now(), LEASE)
    assert lease is not None
    plan = DeliveryPlan(DeliveryStatus.PENDING, house.clock.now(), 0, chat="-100123")
    await house.outbox.record_delivery(lease, plan, house.clock.now())
    chats = {d.chat for alert in await house.reads.alerts(limit=9) for d in alert.deliveries}
    assert chats == {"-100123"}


async def test_a_parked_delivery_waits_for_a_person_and_is_then_due_again(house: House) -> None:
    lease = await _outbox(house)
    plan = DeliveryPlan(DeliveryStatus.PARKED, None, 0, error="the bot may not post there")
    await house.outbox.record_delivery(lease, plan, house.clock.now())
    waiting = await house.reads.deliveries(limit=10)
    assert [(d.status, d.last_error) for d in waiting] == [("parked", "the bot may not post there")]
    house.clock.move(days=9)
    assert await house.outbox.retry_parked(house.clock.now()) == 1
    assert await house.outbox.deliveries.due(house.clock.now(), 10) == [1]


# The library


async def test_a_story_is_stored_once_and_brought_up_to_date(house: House) -> None:
    assert not await house.library.put_story(DAM)
    assert await house.library.put_story(replace(DAM, title="Another title"))
    stories = await house.reads.stories()
    assert [story.title for story in stories] == ["Another title"]
    assert stories[0].claims == DAM.claims


async def test_a_retired_claim_is_no_longer_watched_and_stays_retired(house: House) -> None:
    assert await house.library.retire_claim(C1, house.clock.now())
    assert not await house.library.retire_claim(ClaimRef("dam", "c9"), house.clock.now())
    assert [claim.ref for story in await house.assessments.stories() for claim in story.claims] == [C2]
    await house.library.put_story(replace(DAM, title="Another title"))
    assert (await house.reads.claims())[0].standing is Standing.RETIRED


async def test_a_removed_feed_keeps_its_entries_and_can_come_back(house: House) -> None:
    await house.poll(draft())
    url = feed_draft(1).url
    assert await house.library.remove_feed(url, house.clock.now())
    assert not await house.library.remove_feed(url, house.clock.now())
    assert len(await house.reads.feeds()) == 2
    assert await house.count(entries) == 1
    house.clock.move(days=1)
    assert await house.library.put_feeds([feed_draft(1), feed_draft(2)], house.clock.now()) == 1
    assert len(await house.reads.feeds()) == 3


# The schema


async def test_migrations_make_exactly_the_tables_that_the_program_uses(database: Database) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrations_go_down_and_up_again(database_url: str) -> None:
    await upgrade(database_url)
    await upgrade(database_url, revision="base")
    with pytest.raises(SchemaError, match="monitor db upgrade"):
        async with Database.open(database_url):
            pass
    await upgrade(database_url)
    async with Database.open(database_url):
        pass


async def test_a_newer_schema_is_refused_with_the_remedy(database: Database, database_url: str) -> None:
    async with database.writing() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for attempt in (upgrade(database_url), database.check_schema()):
        with pytest.raises(SchemaError, match=r"9999.*newer program"):
            await attempt


async def test_a_time_without_a_zone_is_refused(house: House) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"):
        await house.polls.feeds.due(house.clock.now().replace(tzinfo=None), 1)


# What can be wrong with a database


@pytest.mark.parametrize("url", ["mysql://u:secret@host/x", "nonsense", "sqlite+pysqlcipher"])
async def test_an_address_of_no_known_database_is_a_settings_error_without_secrets(url: str) -> None:
    with pytest.raises(SettingsError, match="MONITOR_DATABASE_URL") as caught:
        await upgrade(url)
    assert "secret" not in str(caught.value)


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere/m\.db.*create its folder"):
        await upgrade(f"sqlite:///{tmp_path}/nowhere/m.db")


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are my notes, no database at all, but long enough to be read as one" * 20)
    with pytest.raises(StorageError, match=r"notes\.db.*no SQLite file"):
        await upgrade(f"sqlite:///{tmp_path}/notes.db")
