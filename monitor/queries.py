"""What a person may ask, by command line or bot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor import __version__
from monitor.domain.ids import ClaimRef
from monitor.domain.stories import Story
from monitor.domain.views import AlertView, ClaimView, FeedView, OutboxView, StatusView
from monitor.errors import NotFoundError
from monitor.ports import Clock, Reads

EVIDENCE_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Questions:
    """Answers questions about what is stored; `model` names the judge in use."""

    reads: Reads
    clock: Clock
    model: str

    async def stories(self) -> Sequence[Story]:
        """Give the stored stories."""
        return await self.reads.stories()

    async def story(self, slug: str) -> Story:
        """Give one story. Raises NotFoundError."""
        stories = await self.reads.stories()
        for story in stories:
            if story.slug == slug:
                return story
        known = ", ".join(story.slug for story in stories) or "none"
        raise NotFoundError(f"no story {slug!r} is stored; stored stories: {known}")

    async def feeds(self) -> Sequence[FeedView]:
        """Give the feeds and their health."""
        return await self.reads.feeds()

    async def claims(self) -> Sequence[ClaimView]:
        """Give all claims and their standings."""
        return await self.reads.claims()

    async def find_claim(self, name: str) -> ClaimRef:
        """Read a claim's name: `slug/c1`, or `c1` where one story has it. Raises NotFoundError."""
        claims = await self.reads.claims()
        wanted = name.strip().casefold()
        found = [c.ref for c in claims if wanted in (str(c.ref).casefold(), c.ref.claim.casefold())]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFoundError(f"{name!r} is ambiguous; name one of {', '.join(map(str, found))}")
        raise NotFoundError(f"no claim {name!r} is stored; `claim list` shows them")

    async def claim(self, name: str) -> tuple[ClaimView, Sequence[AlertView]] | None:
        """Give a claim and its newest alerts, or None if it is not stored."""
        try:
            ref = await self.find_claim(name)
        except NotFoundError:
            return None
        view = next(claim for claim in await self.reads.claims(ref.story) if claim.ref == ref)
        return view, await self.reads.alerts(limit=EVIDENCE_SHOWN, claim=ref)

    async def latest(self, limit: int) -> Sequence[AlertView]:
        """Give the newest alerts."""
        return await self.reads.alerts(limit=limit)

    async def deliveries(self, limit: int) -> Sequence[OutboxView]:
        """Give the newest deliveries that are not sent yet."""
        return await self.reads.deliveries(limit=limit)

    async def status(self) -> StatusView:
        """Give the program's state."""
        return await self.reads.status(self.clock.now(), version=__version__, model=self.model)
