"""Stories and their claims, and the story files (TOML) that bring them."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from monitor.domain.ids import ClaimRef
from monitor.domain.texts import split_sentences, squeeze
from monitor.errors import Problem, StoryError

LONGEST_STATEMENT = 600
PART_LENGTH = 4
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CLAIM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_PARTIAL_DATE = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?")
_NAME_WORD = r"[A-ZÀ-ÖØ-ÞА-ЯЁІЇЄҐЎ](?:[\w-]|['’](?=\w)(?![sS]\b))+"
_NAME = re.compile(rf"{_NAME_WORD}(?:\s+{_NAME_WORD})*")
# fmt: off
_NOT_NAMES = frozenset(
    {
        "A", "An", "And", "As", "At", "But", "By", "For", "From", "He", "Her", "His", "How", "If", "In", "It",
        "Its", "No", "Not", "Of", "On", "Or", "Our", "She", "So", "That", "The", "Their", "There", "These",
        "They", "This", "Those", "To", "Under", "Was", "We", "What", "When", "Where", "Which", "While", "Who",
        "Why", "Will", "With", "You", "January", "February", "March", "April", "May", "June", "July", "August",
        "September", "October", "November", "December", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
        "Saturday", "Sunday", "President", "Minister", "Prime", "Government",
    }
)
# fmt: on


class ClaimKind(StrEnum):
    """What sort of statement a claim is."""

    STATEMENT = "statement"
    CONDITION = "condition"
    NUMBER = "number"
    DEADLINE = "deadline"
    DENIAL = "denial"
    INTENT = "intent"
    UNIVERSAL = "universal"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom or what a story is about. An alias matches a text as a prefix from a word's beginning."""

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A key statement to watch. Dates are ISO, `said_on` possibly only a year or a month."""

    ref: ClaimRef
    statement: str
    said_by: str = ""
    said_on: str = ""
    kind: ClaimKind = ClaimKind.STATEMENT
    condition: str = ""
    consequence: str = ""
    valid_until: str = ""
    source_url: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """What is followed: a news report and its key claims."""

    slug: str
    title: str
    claims: tuple[Claim, ...]
    published: str = ""
    summary: str = ""
    languages: tuple[str, ...] = ()
    subjects: tuple[Subject, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every name that makes a report possibly a follow-up, lower case."""
        return frozenset(name.casefold() for subject in self.subjects for name in (subject.name, *subject.aliases))


def derive_subjects(title: str, statements: tuple[str, ...]) -> tuple[Subject, ...]:
    """Take the capitalised names of a title and its claims as the subjects of a story that names none.

    A single word that opens a sentence counts only if it stands capitalised inside a sentence somewhere.
    The longer words of a name stand for it too: reports say “Lien”, not “Coach Torvald Lien”.
    """
    found: dict[str, Subject] = {}
    sentences = [s.lstrip("\"'«„“‘([") for text in (title, *statements) for s in split_sentences(text)]
    openings = {match.group() for sentence in sentences for match in [_NAME.match(sentence)] if match}
    inside = {match.group() for sentence in sentences for match in _NAME.finditer(sentence) if match.start()}
    for phrase in sorted(inside | openings):
        name = " ".join(word for word in phrase.split() if word not in _NOT_NAMES)
        known = phrase in inside or any(part in other.split() for part in phrase.split() for other in inside)
        if len(name) > 2 and (known or " " in phrase):  # noqa: PLR2004 - initials are no names
            parts = tuple(word for word in name.split() if len(word) >= PART_LENGTH) if " " in name else ()
            found.setdefault(name.casefold(), Subject(name, parts))
    return tuple(found.values())


class _Reader:
    """Reads one table of a story file, noting every mistake instead of stopping at the first."""

    def __init__(self, table: Mapping[str, Any], where: str, problems: list[Problem]) -> None:
        self.table, self.where, self.problems = table, where, problems

    def blame(self, key: str, reason: str) -> None:
        """Note a mistake at a key of this table."""
        self.problems.append(Problem(f"{self.where}.{key}" if self.where else key, reason))

    def text(self, key: str, *, required: bool = False, longest: int = 20_000) -> str:
        """Read a string on one line."""
        value = self.table.get(key)
        if value is None:
            if required:
                self.blame(key, "is required and missing")
            return ""
        if not isinstance(value, str):
            self.blame(key, f"must be a text in quotes, not {_kind_of(value)}")
            return ""
        clean = squeeze(value)
        if required and not clean:
            self.blame(key, "must not be empty")
        if len(clean) > longest:
            self.blame(key, f"is {len(clean)} characters long; at most {longest} are read")
        return clean

    def day(self, key: str, *, partial: bool = False) -> str:
        """Read a date: TOML's own, or a text `2023-02-16` (with `partial` also `2023-02` and `2023`)."""
        value = self.table.get(key)
        if isinstance(value, datetime):
            value = value.date()
        if isinstance(value, date):
            return value.isoformat()
        if value is None or value == "":
            return ""
        shape = "YYYY-MM-DD, YYYY-MM or YYYY" if partial else "YYYY-MM-DD"
        if not isinstance(value, str) or not _PARTIAL_DATE.fullmatch(value):
            self.blame(key, f"must be a date {shape}, not {value!r}")
            return ""
        try:
            date.fromisoformat((value + "-01-01")[:10])
        except ValueError as error:
            self.blame(key, f"is no date: {error}")
        if not partial and len(value) != len("YYYY-MM-DD"):
            self.blame(key, f"must be a whole date {shape}, not {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of strings."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.blame(key, 'must be a list of texts, such as ["en", "ru"]')
            return ()
        return tuple(squeeze(item) for item in value)

    def tables(self, key: str) -> list[_Reader]:
        """Read an array of tables, `[[key]]`."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.blame(key, f"must be written as [[{key}]] tables")
            return []
        return [_Reader(item, f"{key}[{number}]", self.problems) for number, item in enumerate(value, 1)]

    def only(self, *known: str) -> None:
        """Note every key that no one would read, with the likeliest intended one."""
        for key in sorted(self.table.keys() - set(known)):
            near = difflib.get_close_matches(key, known, n=1)
            self.blame(key, f"is not a known key; did you mean {near[0]!r}?" if near else "is not a known key")


def _kind_of(value: object) -> str:
    """Name a TOML value's type for a person."""
    names = {bool: "true/false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), "a date" if isinstance(value, date) else type(value).__name__)


def _read_claim(reader: _Reader, slug: str) -> Claim:
    """Read one `[[claims]]` table."""
    reader.only(
        "id", "statement", "said_by", "said_on", "kind", "condition", "consequence", "valid_until", "source_url"
    )
    key = reader.text("id", required=True)
    if key and not _CLAIM_ID.fullmatch(key):
        reader.blame("id", f"must be up to 32 letters, digits, '-' or '_', not {key!r}")
    kind = reader.text("kind") or ClaimKind.STATEMENT.value
    if kind not in set(ClaimKind):
        reader.blame("kind", f"is {kind!r}; choose one of {', '.join(ClaimKind)}")
        kind = ClaimKind.STATEMENT.value
    url = reader.text("source_url")
    if url and not url.startswith(("http://", "https://")):
        reader.blame("source_url", f"must be an http or https address, not {url!r}")
    return Claim(
        ref=ClaimRef(slug, key),
        statement=reader.text("statement", required=True, longest=LONGEST_STATEMENT),
        said_by=reader.text("said_by"),
        said_on=reader.day("said_on", partial=True),
        kind=ClaimKind(kind),
        condition=reader.text("condition"),
        consequence=reader.text("consequence"),
        valid_until=reader.day("valid_until"),
        source_url=url,
    )


def _read_subject(reader: _Reader) -> Subject:
    """Read one `[[subjects]]` table."""
    reader.only("name", "aliases")
    subject = Subject(reader.text("name", required=True), reader.texts("aliases"))
    for key, name in (("name", subject.name), *(("aliases", alias) for alias in subject.aliases)):
        if name and len(name) < 3:  # noqa: PLR2004 - shorter names stand in every text
            reader.blame(key, f"{name!r} is too short to tell a story by; use at least 3 letters")
    return subject


def parse_story(text: str, *, file: str) -> Story:
    """Read a story file.

    `file` is its name in messages. Raises StoryError with every problem found, each with its key and
    reason.
    """
    problems: list[Problem] = []
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: huge numbers, deep nesting
        raise StoryError(file, [Problem("TOML", f"cannot be read: {error}")]) from error
    reader = _Reader(table, "", problems)
    reader.only("slug", "title", "published", "summary", "languages", "subjects", "claims")
    slug = reader.text("slug", required=True)
    if slug and not _SLUG.fullmatch(slug):
        reader.blame("slug", f"must be lower-case words joined by '-', not {slug!r}")
    claims = tuple(_read_claim(claim, slug) for claim in reader.tables("claims"))
    if not claims:
        reader.blame("claims", "at least one [[claims]] table is required")
    seen: set[str] = set()
    for number, claim in enumerate(claims, 1):
        if claim.ref.claim and claim.ref.claim in seen:
            problems.append(Problem(f"claims[{number}].id", f"{claim.ref.claim!r} is used twice"))
        seen.add(claim.ref.claim)
    title = reader.text("title", required=True, longest=LONGEST_STATEMENT)
    subjects = tuple(_read_subject(subject) for subject in reader.tables("subjects"))
    story = Story(
        slug=slug,
        title=title,
        claims=claims,
        published=reader.day("published"),
        summary=reader.text("summary"),
        languages=reader.texts("languages"),
        subjects=subjects or derive_subjects(title, tuple(claim.statement for claim in claims)),
    )
    if problems:
        raise StoryError(file, problems)
    return story
