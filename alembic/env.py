"""Alembic's environment: migrations run on the connection that `monitor db upgrade` has opened."""

from __future__ import annotations

from alembic import context
from monitor.adapters.storage.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
