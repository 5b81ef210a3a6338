"""Alerts: what is worth telling, and to whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.domain.ids import ClaimRef
from monitor.domain.ledger import Standing, StandingChange
from monitor.domain.stance import Band, Evidence, Stance


class AlertKind(StrEnum):
    """Why an alert is raised."""

    CONTRADICTION = "contradiction"
    SUPPORT = "support"
    UPDATE = "update"
    FOLLOW_UP = "follow_up"
    CONDITION_MET = "condition_met"
    STANDING_CHANGE = "standing_change"


KIND_OF = {
    Stance.CONTRADICTS: AlertKind.CONTRADICTION,
    Stance.SUPPORTS: AlertKind.SUPPORT,
    Stance.UPDATES: AlertKind.UPDATE,
}


@dataclass(frozen=True, slots=True)
class AlertDraft:
    """An alert about to be stored: one claim, one report, one stance."""

    kind: AlertKind
    evidence: Evidence
    before: Standing
    after: Standing


@dataclass(frozen=True, slots=True)
class Subscription:
    """A chat's standing wish. `thread` 0 is the chat itself, else a forum topic of it."""

    chat: str
    thread: int = 0

    def wants(self, alert: AlertDraft) -> bool:
        """Say whether this chat asked for alerts of this kind: for now every chat asks for all."""
        return alert.kind in AlertKind


def alerts_for(
    evidence: Sequence[Evidence],
    *,
    raised: Collection[tuple[ClaimRef, Stance]],
    standings: Mapping[ClaimRef, Standing],
    changes: Sequence[StandingChange],
) -> tuple[AlertDraft, ...]:
    """Decide which evidence of one report is worth telling.

    Only the alert band is told, and nothing twice: `raised` holds what the same report (another copy
    of it) has raised already. Contradictions come first, then what we are surest of.
    """
    after = {change.claim: change.after for change in changes}
    drafts = [
        AlertDraft(
            kind=KIND_OF[item.stance],
            evidence=item,
            before=standings.get(item.claim, Standing.HOLDS),
            after=after.get(item.claim, standings.get(item.claim, Standing.HOLDS)),
        )
        for item in evidence
        if item.band is Band.ALERT and item.stance in KIND_OF and (item.claim, item.stance) not in raised
    ]
    return tuple(
        sorted(drafts, key=lambda d: (d.kind is not AlertKind.CONTRADICTION, -d.evidence.judgement.confidence))
    )


def route_alerts(
    alerts: Sequence[AlertDraft], subscriptions: Sequence[Subscription]
) -> tuple[tuple[AlertDraft, tuple[Subscription, ...]], ...]:
    """Pair each alert with the chats that asked for it."""
    return tuple((alert, tuple(s for s in subscriptions if s.wants(alert))) for alert in alerts)
