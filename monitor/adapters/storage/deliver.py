"""The outbox. Keeps the contracts of `monitor.ports.DeliverStore` and `Outbox`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from monitor.adapters.storage.database import Database
from monitor.adapters.storage.queues import TableQueue, write_under_lease
from monitor.adapters.storage.reads import alert_query
from monitor.adapters.storage.rows import to_alert_view
from monitor.adapters.storage.tables import alerts, deliveries
from monitor.domain.delivery import Delivery, DeliveryPlan, DeliveryStatus
from monitor.domain.ids import DeliveryId
from monitor.domain.work import Lease


class SqlDeliverStore:
    """Deliveries and what sending them came to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.deliveries = TableQueue(database, deliveries)

    async def read_delivery(self, lease: Lease) -> Delivery:
        """Read the delivery under a lease, with the alert it carries."""
        async with self._database.reading() as connection:
            query = sa.select(deliveries).where(deliveries.c.id == lease.row_id)
            row = (await connection.execute(query)).mappings().one()
            alert = await connection.execute(alert_query().where(alerts.c.id == row["alert_id"]))
            view = to_alert_view(alert.mappings().one())
        return Delivery(
            id=DeliveryId(row["id"]),
            chat=row["chat"],
            thread=row["thread"],
            status=DeliveryStatus(row["status"]),
            repeats=row["repeats"],
            alert=view,
        )

    async def record_begin(self, lease: Lease, delivery: Delivery) -> bool:
        """Note, before the call, that a send begins."""
        values = {"status": delivery.status.value, "repeats": delivery.repeats}
        async with self._database.writing() as connection:
            return await write_under_lease(connection, deliveries, lease, **values)

    async def retry_parked(self, now: datetime) -> int:
        """Make every parked delivery due now, and give their number."""
        parked = deliveries.c.status == DeliveryStatus.PARKED.value
        values = {"status": DeliveryStatus.PENDING.value, "due_at": now, "attempts": 0, "last_error": ""}
        async with self._database.writing() as connection:
            return (await connection.execute(sa.update(deliveries).where(parked).values(values))).rowcount

    async def record_delivery(self, lease: Lease, plan: DeliveryPlan, now: datetime) -> bool:
        """Write what a send came to; a chat that asked for patience is left alone as a whole."""
        values: dict[str, Any] = {
            "status": plan.status.value,
            "due_at": plan.due_at,
            "repeats": plan.repeats,
            "last_error": plan.error,
        }
        if plan.status is DeliveryStatus.SENT:
            values |= {"message_id": plan.message_id, "sent_at": now}
        async with self._database.writing() as connection:
            chat = sa.select(deliveries.c.chat).where(deliveries.c.id == lease.row_id)
            name = (await connection.execute(chat)).scalar_one()
            if not await write_under_lease(connection, deliveries, lease, **values):
                return False
            waiting = sa.update(deliveries).where(
                deliveries.c.chat == name,
                deliveries.c.due_at.is_not(None),
                deliveries.c.status != DeliveryStatus.SENDING.value,
            )
            if plan.hold_chat_until is not None:
                earlier = deliveries.c.due_at < plan.hold_chat_until
                await connection.execute(waiting.where(earlier).values(due_at=plan.hold_chat_until))
            if plan.chat is not None:
                await connection.execute(waiting.values(chat=plan.chat))
        return True
