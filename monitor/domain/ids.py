"""Identities. Rows have numbers; stories and claims are known by the names their files give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

FeedId = NewType("FeedId", int)
EntryId = NewType("EntryId", int)
ReportId = NewType("ReportId", int)
AlertId = NewType("AlertId", int)
DeliveryId = NewType("DeliveryId", int)


@dataclass(frozen=True, slots=True, order=True)
class ClaimRef:
    """A claim's name: its story's slug and its id within the story, written `slug/c1`."""

    story: str
    claim: str

    def __str__(self) -> str:
        """Read as `slug/c1`."""
        return f"{self.story}/{self.claim}"
