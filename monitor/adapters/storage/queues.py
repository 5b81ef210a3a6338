"""One column is the queue: `due_at` says when a row is due, and claiming it is a lease and a back-off at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.adapters.storage.database import Database
from monitor.domain.work import Lease


class TableQueue:
    """The queue in one table. Keeps the contract of `monitor.ports.Queue`."""

    def __init__(self, database: Database, table: sa.Table) -> None:
        self._database = database
        self._table = table

    async def due(self, now: datetime, limit: int) -> Sequence[int]:
        """Give the ids of rows that are due, the longest due first."""
        row = self._table.c
        query = sa.select(row.id).where(row.due_at <= now).order_by(row.due_at, row.id).limit(limit)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalars().all()

    async def claim(self, row_id: int, now: datetime, lease: timedelta) -> Lease | None:
        """Move a due row's `due_at` to the lease's end: one statement, so that only one claimer wins."""
        row = self._table.c
        statement = (
            sa.update(self._table)
            .where(row.id == row_id, row.due_at <= now)
            .values(due_at=now + lease, attempts=row.attempts + 1)
            .returning(row.attempts)
        )
        async with self._database.writing() as connection:
            attempts = (await connection.execute(statement)).scalar()
        return None if attempts is None else Lease(row_id, now + lease, attempts)

    async def fail(self, lease: Lease, due_at: datetime | None, error: str) -> bool:
        """Record a failure under a lease that still holds."""
        async with self._database.writing() as connection:
            return await write_under_lease(connection, self._table, lease, due_at=due_at, last_error=error[:500])


async def write_under_lease(connection: AsyncConnection, table: sa.Table, lease: Lease, **values: object) -> bool:
    """Write to a leased row while the lease holds; False, and nothing written, if it is lost."""
    statement = sa.update(table).where(table.c.id == lease.row_id, table.c.due_at == lease.until).values(**values)
    return (await connection.execute(statement)).rowcount == 1
