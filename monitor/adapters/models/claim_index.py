"""Which stories and claims a report may bear on: names first, closeness of meaning second."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from ahocorasick_rs import AhoCorasick, MatchKind

from monitor.domain.assessment import Candidate
from monitor.domain.stories import Claim, Story
from monitor.domain.texts import Passage

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]

# The closeness (cosine) under which a claim and a passage are not worth judging. Chosen on the training
# stories, where it keeps 99 % of the pairs that bear on each other: `monitor lab evaluate closeness`.
LEAST_CLOSENESS = 0.77
MOST_CANDIDATES = 40


class Encoder(Protocol):
    """Turns texts into unit vectors of one width."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode each text, in order."""
        ...


def script_of(text: str) -> str:
    """Name the script of most letters of a text: LATIN, CYRILLIC, …; empty without letters."""
    counts: dict[str, int] = {}
    for char in text:
        if char.isalpha():
            script = unicodedata.name(char, "UNKNOWN").split()[0]
            counts[script] = counts.get(script, 0) + 1
    return max(counts, key=lambda script: counts[script], default="")


class NameGate:
    """Finds stories by their subjects' names, from a word's beginning, in one pass over the text."""

    def __init__(self, stories: Sequence[Story]) -> None:
        self._stories = tuple(stories)
        self._owners: dict[str, list[int]] = {}
        for position, story in enumerate(stories):
            for name in sorted(story.names):
                self._owners.setdefault(name, []).append(position)
        self._names = tuple(self._owners)
        self._automaton = AhoCorasick(list(self._names), matchkind=MatchKind.Standard)
        self._scripts = [{script_of(name) for name in story.names} for story in stories]

    def related(self, text: str) -> Sequence[Story]:
        """Give the stories one of whose names stands in the text.

        A story that has no name in the text's script at all is let through: names cannot tell.
        """
        folded = text.casefold()
        script = script_of(folded[:400])
        found = {position for position, scripts in enumerate(self._scripts) if script and script not in scripts}
        for index, start, _ in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            if start == 0 or not folded[start - 1].isalnum():
                found.update(self._owners[self._names[index]])
        return tuple(self._stories[position] for position in sorted(found))


class EmbeddingIndex:
    """Claims as vectors behind a name gate. Keeps the contract of `monitor.ports.ClaimIndex`."""

    def __init__(self, encoder: Encoder, *, least_closeness: float = LEAST_CLOSENESS) -> None:
        self._encoder = encoder
        self._least = least_closeness
        self._stories: tuple[Story, ...] = ()
        self._gate = NameGate(())
        self._vectors: dict[str, Vectors] = {}

    async def load(self, stories: Sequence[Story]) -> None:
        """Index these stories instead of the former ones; nothing happens when they are the same."""
        if tuple(stories) == self._stories:
            return
        vectors = {}
        for story in stories:
            statements = [claim.statement for claim in story.claims]
            if statements:
                vectors[story.slug] = await asyncio.to_thread(self._encoder.encode, statements)
        self._vectors = vectors
        self._gate = NameGate(stories)
        self._stories = tuple(stories)

    def related(self, text: str) -> Sequence[Story]:
        """Give the stories that a text may belong to, by names alone."""
        return self._gate.related(text)

    async def candidates(self, stories: Sequence[Story], passages: Sequence[Passage]) -> Sequence[Candidate]:
        """Pair passages with claims that are close enough in meaning, the closest first."""
        claims: list[Claim] = [claim for story in stories for claim in story.claims]
        if not claims or not passages:
            return ()
        of_claims = np.vstack([self._vectors[story.slug] for story in stories if story.claims])
        of_passages = await asyncio.to_thread(self._encoder.encode, [passage.text for passage in passages])
        closeness = of_passages @ of_claims.T
        rows, columns = np.nonzero(closeness >= self._least)
        found = [
            Candidate(claims[column], passages[row], float(closeness[row, column]))
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        return tuple(sorted(found, key=lambda candidate: -candidate.closeness)[:MOST_CANDIDATES])
