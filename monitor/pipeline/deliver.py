"""DELIVER: send one row of the outbox."""

from __future__ import annotations

import logging
from datetime import timedelta

from monitor.domain.delivery import begin_send, give_up, plan_delivery
from monitor.domain.messages import render_alert
from monitor.domain.work import Lease, RetryPolicy
from monitor.pipeline.stage import Stage
from monitor.services import Services

log = logging.getLogger(__name__)

_RETRY = RetryPolicy(first=timedelta(seconds=5), cap=timedelta(minutes=30))


async def deliver(services: Services, lease: Lease) -> None:
    """Send the delivery under a lease, and note before and after what became of it."""
    store = services.deliver_store
    delivery = begin_send(found := await store.read_delivery(lease))
    if delivery is None:
        await store.record_delivery(lease, give_up(found), services.clock.now())
        log.error("delivery %d to %s stays uncertain", found.id, found.chat)
        return
    message = render_alert(delivery.alert, repeat=delivery.repeats > 0)
    if not await store.record_begin(lease, delivery):
        return
    outcome = await services.messenger.send(message, chat=delivery.chat, thread=delivery.thread)
    now = services.clock.now()
    plan = plan_delivery(outcome, delivery=delivery, attempts=lease.attempts, now=now, policy=_RETRY)
    await store.record_delivery(lease, plan, now)
    if plan.error:
        log.warning("delivery %d to %s: %s; %s", delivery.id, delivery.chat, plan.status.value, plan.error)


DELIVER = Stage(
    name="deliver",
    queue=lambda services: services.deliver_store.deliveries,
    run=deliver,
    lease=timedelta(minutes=5),
    retry=_RETRY,
)
