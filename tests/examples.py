"""Small, plain examples that tests start from."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.domain.feeds import EntryDraft, FeedDraft
from monitor.domain.ids import ClaimRef, EntryId, FeedId
from monitor.domain.reports import Entry
from monitor.domain.stance import Band, Evidence, Judgement, Stance
from monitor.domain.stories import Claim, Story, Subject
from monitor.domain.texts import content_hash

NOON = datetime(2023, 2, 17, 12, tzinfo=UTC)
DAM = Story(
    slug="dam",
    title="The Orlov dam will stay closed until it is inspected",
    claims=(
        Claim(ClaimRef("dam", "c1"), "The Orlov dam stays closed until it is inspected.", "Mayor Hale", "2023-02-16"),
        Claim(ClaimRef("dam", "c2"), "No one was hurt at the Orlov dam."),
    ),
    published="2023-02-16",
    subjects=(Subject("Orlov dam", ("Orlov reservoir",)),),
)
C1, C2 = (claim.ref for claim in DAM.claims)


def draft(key: str = "guid:1", title: str = "Orlov dam opens", text: str = "It opened on Friday.") -> EntryDraft:
    return EntryDraft(key, f"https://paper.example/{key}", title, text, NOON, content_hash(title, text))


def feed_draft(number: int = 1) -> FeedDraft:
    return FeedDraft(f"https://paper{number}.example/rss", f"Paper {number}", f"Paper {number}", "en")


def entry(title: str = "Orlov dam opens", text: str = "It opened on Friday.", **changes: object) -> Entry:
    values: dict[str, object] = {
        "id": EntryId(1),
        "feed_id": FeedId(1),
        "url": "https://paper1.example/1",
        "title": title,
        "text": text,
        "language": "en",
        "publisher": "Paper 1",
        "published": NOON,
        "first_seen": NOON,
        "content_hash": content_hash(title, text),
    }
    return Entry(**{**values, **changes})  # type: ignore[arg-type]


def judgement(stance: Stance, confidence: float = 0.97) -> Judgement:
    rest = (1 - confidence) / 3
    return Judgement(**{other.value: confidence if other is stance else rest for other in Stance})


def evidence(
    stance: Stance = Stance.CONTRADICTS, *, claim: ClaimRef = C1, band: Band = Band.ALERT, confidence: float = 0.97
) -> Evidence:
    return Evidence(claim, judgement(stance, confidence), band, "It opened on Friday.", "judge-1")
