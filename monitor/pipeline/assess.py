"""ASSESS: decide whether an entry follows a story up, and what it says of the story's claims."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from monitor.domain.assessment import Assessment, Candidate, Finding, as_evidence, assess, follows
from monitor.domain.ids import ClaimRef
from monitor.domain.reports import Entry
from monitor.domain.stance import (
    Band,
    Evidence,
    Graded,
    Pair,
    Stance,
    confirmed,
    hypothesis,
    premise,
    settled,
    strongest,
)
from monitor.domain.stories import Story
from monitor.domain.texts import split_passages
from monitor.domain.work import Lease, RetryPolicy
from monitor.pipeline.stage import Stage
from monitor.services import Matching, Services

log = logging.getLogger(__name__)


def _pair(candidate: Candidate, entry: Entry, language: str, text: str | None = None) -> Pair:
    """Write a candidate as the judge reads it: the whole passage, or one sentence of it."""
    published = entry.dated.date().isoformat() if entry.published else ""
    claim = candidate.claim
    return Pair(
        premise=premise(text or candidate.passage.text, published=published),
        hypothesis=hypothesis(claim.statement, said_by=claim.said_by, said_on=claim.said_on),
        language=language,
    )


async def _quote(matching: Matching, candidate: Candidate, entry: Entry, language: str, stance: Stance) -> str:
    """Find the sentence that decided: the one that by itself says most surely what the passage says."""
    sentences = candidate.passage.quotable
    if len(sentences) == 1:
        return sentences[0]
    alone = await matching.judge.judge([_pair(candidate, entry, language, sentence) for sentence in sentences])
    return max(zip(alone, sentences, strict=True), key=lambda pair: pair[0].judgement.of(stance))[1]


async def find(matching: Matching, entry: Entry) -> Finding:
    """Read an entry against the stories that the gate lets it through to, if any."""
    stories = matching.index.related(f"{entry.title}\n{entry.text}")
    return await read_against(matching, entry, stories) if stories else Finding()


async def read_against(matching: Matching, entry: Entry, stories: Sequence[Story]) -> Finding:
    """Read an entry against these stories: candidates, judgement, evidence."""
    language = matching.language(f"{entry.title}\n{entry.text}", entry.language or None)
    passages = split_passages(entry.title, entry.text)
    candidates = await matching.index.candidates(stories, passages)
    if not candidates:
        return Finding()
    graded = await matching.judge.judge([_pair(candidate, entry, language) for candidate in candidates])
    by_claim: dict[ClaimRef, list[tuple[Candidate, Graded]]] = defaultdict(list)
    for candidate, judgement in zip(candidates, graded, strict=True):
        by_claim[candidate.claim.ref].append((candidate, judgement))
    published = {story.slug: story.published for story in stories}
    evidence = [
        await _evidence(matching, entry, language, published[ref.story], judged) for ref, judged in by_claim.items()
    ]
    return Finding(tuple(sorted({claim.story for claim in by_claim})), language, tuple(evidence))


async def _evidence(
    matching: Matching, entry: Entry, language: str, published: str, judged: Sequence[tuple[Candidate, Graded]]
) -> Evidence:
    """Settle what one entry says of one claim over all its passages."""
    grades = [graded for _, graded in judged]
    candidate, verdict = judged[strongest(grades)][0], settled(grades)
    if verdict.band is Band.ALERT:
        bare = Pair(candidate.passage.text, candidate.claim.statement, language)
        verdict = confirmed(verdict, (await matching.judge.judge([bare]))[0])
    quote = ""
    if verdict.band is not Band.NONE:
        quote = await _quote(matching, candidate, entry, language, verdict.judgement.stance)
    is_follow_up = follows(entry, candidate.claim, published=published)
    return as_evidence(candidate.claim, verdict, quote=quote, is_follow_up=is_follow_up)


async def assess_entry(services: Services, lease: Lease) -> None:
    """Assess the entry under a lease."""
    entry = await services.assess_store.read_entry(lease)
    finding = await find(services.matching, entry)
    now = services.clock.now()
    assessment = Assessment(entry, now)
    if finding.stories:
        background = await services.assess_store.background(entry, finding.stories)
        assessment = assess(entry, finding, background=background, subscriptions=services.subscriptions, now=now)
    if not await services.assess_store.record_assessment(lease, assessment):
        log.warning("assessment of entry %d came too late; another worker has it", entry.id)
        return
    for alert, _ in assessment.alerts:
        log.info("entry %d: %s of %s", entry.id, alert.kind.value, alert.evidence.claim)


async def _load_stories(services: Services) -> None:
    """Index the stories as they are now."""
    await services.matching.index.load(await services.assess_store.stories())


ASSESS = Stage(
    name="assess",
    queue=lambda services: services.assess_store.entries,
    run=assess_entry,
    lease=timedelta(minutes=5),
    retry=RetryPolicy(first=timedelta(minutes=1), cap=timedelta(hours=6), give_up_after=8),
    prepare=_load_stories,
)
