"""Training rows: claim-report pairs of our corpus and public inference data, each with a set of admissible stances."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.domain.stance import Stance, hypothesis, premise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

SUPPORTS, CONTRADICTS, UPDATES, UNRELATED = Stance
LETTERS: Final[Mapping[str, Stance]] = dict(zip("SCUN", Stance, strict=True))
NOT_SUPPORTS: Final = frozenset({CONTRADICTS, UPDATES, UNRELATED})
PREFIX_DROP: Final = 0.3
LONGEST_PREMISE: Final = 1500
SOURCE_LIMITS: Final[Mapping[str, int]] = {
    "arc": 2500,
    "cannot-negate": 800,
    "dnc-factuality": 1200,
    "dnc-megaveridicality": 1500,
    "dnc-puns": 200,
    "perspectrum": 2500,
    "semantoneg": 2500,
    "snli-sub": 20_000,
    "wikifactcheck-neg": 3500,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One claim and one report with the stances that an editor would accept.

    `published`, `said_by` and `said_on` become the prefixes of the two texts; they are empty for inference data.
    `language` is the report's, `story` the corpus story's slug or the name of the public set.
    """

    report: str
    claim: str
    stances: frozenset[Stance]
    story: str
    language: str = "en"
    claim_language: str = "en"
    published: str = ""
    said_by: str = ""
    said_on: str = ""

    def texts(self, *, with_date: bool = True, with_source: bool = True) -> tuple[str, str]:
        """Write premise and hypothesis as a judge reads them, with report date and claim source or without."""
        return (
            premise(self.report, published=self.published if with_date else ""),
            hypothesis(
                self.claim,
                said_by=self.said_by if with_source else "",
                said_on=self.said_on if with_source else "",
            ),
        )

    def varied_texts(self, chance: random.Random) -> tuple[str, str]:
        """Write the two texts, leaving out each prefix in 30 of 100 draws, so that the judge works without them too."""
        with_date, with_source = chance.random() >= PREFIX_DROP, chance.random() >= PREFIX_DROP
        return self.texts(with_date=with_date, with_source=with_source)


def read_story_file(path: Path) -> list[Row]:
    """Read one file of the corpus, one story a line: a row for each claim-report pair."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [row for line in lines for row in _story_rows(json.loads(line))]


def _story_rows(story: dict[str, object]) -> Iterator[Row]:
    claims, reports = story["claims"], story["reports"]
    if not isinstance(claims, list) or not isinstance(reports, list):
        message = f"story {story.get('slug')}: claims and reports must be lists"
        raise TypeError(message)
    for item in reports:
        text = f"{item['title']}. {item['text']}".strip()[:LONGEST_PREMISE]
        for claim, letter in zip(claims, item["labels"], strict=True):
            yield Row(
                report=text,
                claim=claim["statement"],
                stances=frozenset({LETTERS[letter]}),
                story=str(story["slug"]),
                language=item["lang"],
                claim_language=str(story.get("claim_lang") or "en"),
                published=item["date"],
                said_by=claim.get("said_by") or "",
                said_on=claim.get("said_on") or "",
            )


def read_corpus(folder: Path) -> list[Row]:
    """Read all training stories: the files `train_*.jsonl` of `folder`, and no others.

    Raises `FileNotFoundError` when there are none.
    """
    rows = [row for path in sorted(folder.glob("train_*.jsonl")) for row in read_story_file(path)]
    if not rows:
        message = f"no training stories (train_*.jsonl) in {folder}"
        raise FileNotFoundError(message)
    return rows


def read_real_pairs(pairs: Path, stories: Path) -> list[Row]:
    """Read pairs of real feed items, whose claims c1, c2, … are those of the first story of `stories`, in order."""
    first = json.loads(stories.read_text(encoding="utf-8").split("\n", 1)[0])
    claims = first["claims"]
    items = [json.loads(line) for line in pairs.read_text(encoding="utf-8").splitlines()]
    return [_real_row(item, claims[int(item["claim"][1:]) - 1]) for item in items]


def _real_row(item: Mapping[str, str], claim: Mapping[str, str]) -> Row:
    return Row(
        report=f"{item['title']}. {item['text']}".strip()[:LONGEST_PREMISE],
        claim=claim["statement"],
        stances=frozenset({Stance(item["label"])}),
        story=item["item_id"],
        language=item["lang"],
        published=item["published"],
        said_by=claim.get("said_by") or "",
        said_on=claim.get("said_on") or "",
    )


def inference_stances(label: str, *, kind: str, binary: bool) -> frozenset[Stance]:
    """Map a public label to the stances it admits.

    A neutral pair may be an update or unrelated, unless the set says which; "not entailed" excludes only support.
    """
    if label == "entailment":
        return frozenset({SUPPORTS})
    if binary:
        return NOT_SUPPORTS
    if label == "contradiction":
        return frozenset({CONTRADICTS})
    known = {"stance": frozenset({UPDATES}), "stance-unrelated": frozenset({UNRELATED})}
    return known.get(kind, frozenset({UPDATES, UNRELATED}))


def read_inference(path: Path, *, limit: int | None = None) -> list[Row]:
    """Read a gzipped file of public inference pairs, one JSON object a line, up to `limit` rows."""
    rows: list[Row] = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if limit is not None and len(rows) >= limit:
                break
            item = json.loads(line)
            stances = inference_stances(item["label"], kind=item.get("kind", ""), binary=bool(item.get("binary")))
            rows.append(
                Row(
                    report=item["premise"][:900],
                    claim=item["hypothesis"][:400],
                    stances=stances,
                    story=item["source"],
                    language=item.get("lang", "en"),
                    claim_language=item.get("lang", "en"),
                )
            )
    return rows


def balance_sources(rows: Iterable[Row], limits: Mapping[str, int], *, seed: int) -> list[Row]:
    """Shuffle inference rows and keep at most `limits[source]` of each public set."""
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    taken: Counter[str] = Counter()
    kept = []
    for row in shuffled:
        taken[row.story] += 1
        if taken[row.story] <= limits.get(row.story, len(shuffled)):
            kept.append(row)
    return kept


def english_only(rows: Iterable[Row]) -> list[Row]:
    """Keep the pairs whose claim and report are both English."""
    return [row for row in rows if row.language == row.claim_language == "en"]


def weigh_languages(rows: Iterable[Row], *, foreign: int) -> list[Row]:
    """Repeat the pairs in which claim or report is not English `foreign` times in all."""
    return [row for row in rows for _ in range(1 if row.language == row.claim_language == "en" else foreign)]


@dataclass(slots=True)
class Deck:
    """Rows dealt in a fresh random order each time all have been dealt; `dealt` is all that a resumed run needs."""

    rows: Sequence[Row]
    seed: str
    dealt: int = 0
    _order: list[int] = field(default_factory=list)
    _epoch: int = -1

    def deal(self, count: int) -> list[tuple[Row, random.Random]]:
        """Deal `count` rows, each with its own source of chance, the same for the same seed and position."""
        return [self._next() for _ in range(count)]

    def _next(self) -> tuple[Row, random.Random]:
        epoch, index = divmod(self.dealt, len(self.rows))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, list(range(len(self.rows)))
            random.Random(f"{self.seed}/epoch-{epoch}").shuffle(self._order)  # noqa: S311 - no secret
        chance = random.Random(f"{self.seed}/{self.dealt}")  # noqa: S311 - no secret
        self.dealt += 1
        return self.rows[self._order[index]], chance
