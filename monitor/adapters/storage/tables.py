"""The tables. Unique keys are the final arbiters of what exists once.

One column is the queue: feeds, entries and deliveries carry `due_at`, `attempts`, `last_error`. A row
is claimed by moving `due_at` to the lease's end; results are written only while `due_at` still equals
that end. `due_at` NULL with an error means parked; NULL without one means done.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment in UTC: `timestamptz` on PostgreSQL, sortable ISO text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Store text of one width on SQLite, so that text order is time order."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """Refuse a moment without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"a time without a zone: {value!r}"
            raise ValueError(message)
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Give back an aware moment in UTC."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if dialect.name == "sqlite" else value
        return moment.astimezone(UTC)


METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _queue_columns() -> list[sa.Column[Any]]:
    """Give the three columns that make a table a queue."""
    return [
        sa.Column("due_at", UtcDateTime),
        sa.Column("attempts", sa.Integer, nullable=False, default=0),
        sa.Column("last_error", sa.Text, nullable=False, default=""),
    ]


stories = sa.Table(
    "stories",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("slug", sa.String(120), nullable=False, unique=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("published", sa.String(10), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("languages", sa.JSON, nullable=False),
    sa.Column("subjects", sa.JSON, nullable=False),
)

claims = sa.Table(
    "claims",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("story_id", sa.ForeignKey("stories.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("key", sa.String(32), nullable=False),
    sa.Column("statement", sa.Text, nullable=False),
    sa.Column("said_by", sa.Text, nullable=False),
    sa.Column("said_on", sa.String(10), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("condition", sa.Text, nullable=False),
    sa.Column("consequence", sa.Text, nullable=False),
    sa.Column("valid_until", sa.String(10), nullable=False),
    sa.Column("source_url", sa.Text, nullable=False),
    sa.Column("standing", sa.String(20), nullable=False),
    sa.Column("changed_at", UtcDateTime),
    sa.UniqueConstraint("story_id", "key"),
)

feeds = sa.Table(
    "feeds",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url", sa.String(2000), nullable=False, unique=True),
    sa.Column("title", sa.Text, nullable=False, default=""),
    sa.Column("publisher", sa.Text, nullable=False, default=""),
    sa.Column("language", sa.String(20), nullable=False, default=""),
    sa.Column("etag", sa.Text, nullable=False, default=""),
    sa.Column("last_modified", sa.Text, nullable=False, default=""),
    sa.Column("body_hash", sa.String(64), nullable=False, default=""),
    sa.Column("last_polled_at", UtcDateTime),
    sa.Column("removed_at", UtcDateTime),
    *_queue_columns(),
    sa.Index(None, "due_at"),
)

reports = sa.Table(
    "reports",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("content_hash", sa.String(32), nullable=False, unique=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("publisher", sa.Text, nullable=False),
    sa.Column("language", sa.String(20), nullable=False),
    sa.Column("dated", UtcDateTime, nullable=False),
    sa.Column("sketch", sa.JSON, nullable=False),
    sa.Index(None, "dated"),
)

entries = sa.Table(
    "entries",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("feed_id", sa.ForeignKey("feeds.id"), nullable=False),
    sa.Column("key", sa.String(500), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("published", UtcDateTime),
    sa.Column("first_seen", UtcDateTime, nullable=False),
    sa.Column("content_hash", sa.String(32), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    sa.Column("report_id", sa.ForeignKey("reports.id")),
    *_queue_columns(),
    sa.UniqueConstraint("feed_id", "key"),
    sa.Index(None, "due_at"),
    sa.Index(None, "report_id"),
)

report_stories = sa.Table(
    "report_stories",
    METADATA,
    sa.Column("report_id", sa.ForeignKey("reports.id"), primary_key=True),
    sa.Column("story_id", sa.ForeignKey("stories.id"), primary_key=True),
)

evidence = sa.Table(
    "evidence",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("claim_id", sa.ForeignKey("claims.id"), nullable=False),
    sa.Column("entry_id", sa.ForeignKey("entries.id"), nullable=False),
    sa.Column("report_id", sa.ForeignKey("reports.id"), nullable=False),
    sa.Column("model", sa.String(80), nullable=False),
    sa.Column("stance", sa.String(20), nullable=False),
    sa.Column("band", sa.String(10), nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("supports", sa.Float, nullable=False),
    sa.Column("contradicts", sa.Float, nullable=False),
    sa.Column("updates", sa.Float, nullable=False),
    sa.Column("unrelated", sa.Float, nullable=False),
    sa.Column("judged_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("claim_id", "entry_id", "model"),
    sa.Index(None, "report_id"),
)

claim_changes = sa.Table(
    "claim_changes",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("claim_id", sa.ForeignKey("claims.id"), nullable=False),
    sa.Column("report_id", sa.ForeignKey("reports.id")),
    sa.Column("before", sa.String(20), nullable=False),
    sa.Column("after", sa.String(20), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Index(None, "claim_id"),
)

alerts = sa.Table(
    "alerts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("claim_id", sa.ForeignKey("claims.id"), nullable=False),
    sa.Column("report_id", sa.ForeignKey("reports.id"), nullable=False),
    sa.Column("stance", sa.String(20), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("before", sa.String(20), nullable=False),
    sa.Column("after", sa.String(20), nullable=False),
    sa.Column("raised_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("claim_id", "report_id", "stance"),
    sa.Index(None, "raised_at"),
)

deliveries = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("alert_id", sa.ForeignKey("alerts.id"), nullable=False),
    sa.Column("chat", sa.String(100), nullable=False),
    sa.Column("thread", sa.Integer, nullable=False, default=0),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False, default=0),
    sa.Column("message_id", sa.BigInteger),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    *_queue_columns(),
    sa.UniqueConstraint("alert_id", "chat", "thread"),
    sa.Index(None, "due_at"),
)
