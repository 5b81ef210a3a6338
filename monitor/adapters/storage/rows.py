"""From rows to what the domain knows. Nowhere else is a row read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from monitor.domain.alerts import AlertKind
from monitor.domain.feeds import Feed, Validators
from monitor.domain.ids import AlertId, ClaimRef, DeliveryId, EntryId, FeedId, ReportId
from monitor.domain.ledger import Standing
from monitor.domain.reports import Entry, Report
from monitor.domain.stance import Stance
from monitor.domain.stories import Claim, ClaimKind, Story, Subject
from monitor.domain.views import AlertView, ClaimView, DeliveryView, FeedView, OutboxView, ReportView

Row = sa.RowMapping


def publisher_of(row: Row) -> str:
    """Name who stands behind a feed: its publisher, else its title, else its host."""
    return str(row["publisher"] or row["feed_title"] or urlsplit(row["feed_url"]).hostname or row["feed_url"])


def to_feed(row: Row) -> Feed:
    """Read a feed."""
    return Feed(
        id=FeedId(row["id"]),
        url=row["url"],
        title=row["title"],
        publisher=row["publisher"],
        language=row["language"],
        validators=Validators(row["etag"], row["last_modified"], row["body_hash"]),
    )


def to_entry(row: Row) -> Entry:
    """Read an entry joined with its feed."""
    return Entry(
        id=EntryId(row["id"]),
        feed_id=FeedId(row["feed_id"]),
        url=row["url"],
        title=row["title"],
        text=row["text"],
        language=row["language"],
        publisher=publisher_of(row),
        published=row["published"],
        first_seen=row["first_seen"],
        content_hash=row["content_hash"],
    )


def to_report(row: Row) -> Report:
    """Read a report."""
    return Report(
        id=ReportId(row["id"]),
        url=row["url"],
        title=row["title"],
        publisher=row["publisher"],
        dated=row["dated"],
        sketch=tuple(row["sketch"]),
    )


def to_claim(row: Row, slug: str) -> Claim:
    """Read a claim of the story `slug`."""
    return Claim(
        ref=ClaimRef(slug, row["key"]),
        statement=row["statement"],
        said_by=row["said_by"],
        said_on=row["said_on"],
        kind=ClaimKind(row["kind"]),
        condition=row["condition"],
        consequence=row["consequence"],
        valid_until=row["valid_until"],
        source_url=row["source_url"],
    )


def claim_values(claim: Claim, position: int) -> dict[str, Any]:
    """Write a claim, its standing left out."""
    return {
        "position": position,
        "key": claim.ref.claim,
        "statement": claim.statement,
        "said_by": claim.said_by,
        "said_on": claim.said_on,
        "kind": claim.kind.value,
        "condition": claim.condition,
        "consequence": claim.consequence,
        "valid_until": claim.valid_until,
        "source_url": claim.source_url,
    }


def to_story(row: Row, claims: Sequence[Claim]) -> Story:
    """Read a story."""
    return Story(
        slug=row["slug"],
        title=row["title"],
        claims=tuple(claims),
        published=row["published"],
        summary=row["summary"],
        languages=tuple(row["languages"]),
        subjects=tuple(Subject(s["name"], tuple(s["aliases"])) for s in row["subjects"]),
    )


def story_values(story: Story) -> dict[str, Any]:
    """Write a story, its claims left out."""
    return {
        "slug": story.slug,
        "title": story.title,
        "published": story.published,
        "summary": story.summary,
        "languages": list(story.languages),
        "subjects": [{"name": s.name, "aliases": list(s.aliases)} for s in story.subjects],
    }


def to_feed_view(row: Row, interval: int) -> FeedView:
    """Read a feed and its health."""
    return FeedView(
        url=row["url"],
        title=row["title"],
        publisher=publisher_of(row),
        language=row["language"],
        due_at=row["due_at"],
        interval=interval,
        last_polled_at=row["last_polled_at"],
        last_error=row["last_error"],
        attempts=row["attempts"],
        parked=row["due_at"] is None,
        entries=row["entries"],
    )


def to_claim_view(row: Row, counts: Mapping[str, int]) -> ClaimView:
    """Read a claim with its standing; `counts` gives the reports of each stance."""
    return ClaimView(
        ref=ClaimRef(row["slug"], row["key"]),
        statement=row["statement"],
        said_by=row["said_by"],
        said_on=row["said_on"],
        standing=Standing(row["standing"]),
        supports=counts.get(Stance.SUPPORTS.value, 0),
        contradicts=counts.get(Stance.CONTRADICTS.value, 0),
        updates=counts.get(Stance.UPDATES.value, 0),
        changed_at=row["changed_at"],
    )


def to_alert_view(row: Row, deliveries: Sequence[DeliveryView] = ()) -> AlertView:
    """Read an alert joined with its claim, story and report."""
    return AlertView(
        id=AlertId(row["id"]),
        raised_at=row["raised_at"],
        kind=AlertKind(row["kind"]),
        claim=ClaimRef(row["slug"], row["key"]),
        story_title=row["story_title"],
        statement=row["statement"],
        said_by=row["said_by"],
        said_on=row["said_on"],
        stance=Stance(row["stance"]),
        confidence=row["confidence"],
        quote=row["quote"],
        before=Standing(row["before"]),
        after=Standing(row["after"]),
        report=ReportView(
            title=row["report_title"],
            url=row["report_url"],
            publisher=row["report_publisher"],
            published=row["dated"],
            language=row["report_language"],
            origins=max(row["origins"], 1),
        ),
        deliveries=tuple(deliveries),
    )


def _shown_status(row: Row) -> str:
    """Say where a delivery stands; a send under way still counts as pending."""
    return "pending" if row["status"] == "sending" else str(row["status"])


def to_delivery_view(row: Row) -> DeliveryView:
    """Read where an alert's delivery stands."""
    return DeliveryView(row["chat"], _shown_status(row), row["message_id"], row["attempts"], row["last_error"])


def to_outbox_view(row: Row) -> OutboxView:
    """Read a delivery that has not ended well yet."""
    return OutboxView(
        id=DeliveryId(row["id"]),
        alert=AlertId(row["alert_id"]),
        chat=row["chat"],
        status=_shown_status(row),
        attempts=row["attempts"],
        due_at=row["due_at"],
        last_error=row["last_error"],
    )


def to_json(value: object) -> str:
    """Write a value as it is compared: equal text for equal content."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
