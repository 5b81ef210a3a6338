"""Plain text: normal forms, sentences, passages, and sketches that tell copies apart.

Everything here is a pure function of the text. Numbers that matter: a passage holds at most
`PASSAGE_WORDS` words, about what the judges read at once; a sketch keeps the `SKETCH_SIZE` smallest
of the shingles' hashes (bottom-k sketch, Cohen and Kaplan 2007), whose overlap estimates Jaccard.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

PASSAGE_WORDS = 90
MOST_PASSAGES = 12
SHINGLE_WORDS = 3
SKETCH_SIZE = 64

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_CLOSING = r"[\"'»”’)\]]"
_SENTENCE_END = re.compile(
    rf"(?:(?<=[.!?…])|(?<=[.!?…]{_CLOSING})|(?<=[.!?…]{_CLOSING}{{2}}))\s+(?=[\"'«„“‘(\[]*\w)|\n+"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Gen|Lt|Col|Sgt|St|vs|No|U\.S|U\.K|a\.m|p\.m|им|г|ул)|\b[A-ZА-ЯІЇЄ])\.$"
)
_TRACKING = re.compile(
    r"^(?:utm_\w+|at_\w+|fbclid|gclid|yclid|mc_[ce]id|igshid|ocid|cmpid|ref|ref_src|src|smid|xtor|traffic_source)$"
)


def squeeze(text: str) -> str:
    """Give the text on one line: NFC, without control characters, runs of white space as one space."""
    return " ".join(_CONTROL.sub(" ", unicodedata.normalize("NFC", text)).split())


def words(text: str) -> list[str]:
    """Give the words of a text in order, case folded."""
    return [match.group().casefold() for match in _WORD.finditer(unicodedata.normalize("NFKC", text))]


def content_hash(title: str, text: str) -> str:
    """Identify what an entry says: equal for equal words, whatever their case, spacing, punctuation."""
    return hashlib.blake2b(
        "\n".join((" ".join(words(title)), " ".join(words(text)))).encode(), digest_size=16
    ).hexdigest()


def canonical_url(url: str) -> str:
    """Give an address without what does not identify its page: scheme, `www.`, tracking, fragment."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").removeprefix("www.")
        port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    except ValueError:
        return url.strip()
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([pair for pair in pairs if not _TRACKING.match(pair[0].lower())], errors="replace")
    return urlunsplit(("", host + port, parts.path.rstrip("/"), query, "")).removeprefix("//")


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences by their end marks, keeping initials and common abbreviations whole."""
    sentences: list[str] = []
    for piece in _SENTENCE_END.split(text):
        part = squeeze(piece)
        if not part:
            continue
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] = f"{sentences[-1]} {part}"
        else:
            sentences.append(part)
    return sentences


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a report used as premise: the title, then neighbouring sentences of the text."""

    title: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The passage as it is read: title, then sentences."""
        body = " ".join(self.sentences)
        if not self.title:
            return body
        stop = "" if self.title[-1] in ".!?…" else "."
        return f"{self.title}{stop} {body}".strip()

    @property
    def quotable(self) -> tuple[str, ...]:
        """The sentences that can be quoted as the one that decided, the title first."""
        return ((self.title,) if self.title else ()) + self.sentences


def _spans(sentences: list[str]) -> Iterator[tuple[str, ...]]:
    """Group neighbouring sentences into spans of at most PASSAGE_WORDS words."""
    span: list[str] = []
    length = 0
    for sentence in sentences:
        size = len(sentence.split())
        if span and length + size > PASSAGE_WORDS:
            yield tuple(span)
            span, length = [], 0
        span.append(sentence)
        length += size
    if span:
        yield tuple(span)


def split_passages(title: str, text: str) -> tuple[Passage, ...]:
    """Split a report into at most MOST_PASSAGES passages; none if it says nothing at all.

    A sentence longer than a passage is a passage of its own: the judge cuts it at its own limit.
    A text that only repeats the title adds nothing.
    """
    headline = squeeze(title)
    sentences = [s for s in split_sentences(text) if words(s) != words(headline)]
    spans = list(_spans(sentences))[:MOST_PASSAGES] or [()]
    return tuple(passage for passage in (Passage(headline, span) for span in spans) if words(passage.text))


def sketch(text: str) -> tuple[int, ...]:
    """Sketch a text by the smallest hashes of its word shingles, in ascending order."""
    tokens = words(text)
    width = min(SHINGLE_WORDS, len(tokens)) or 1
    shingles = {" ".join(tokens[i : i + width]) for i in range(len(tokens) - width + 1)}
    hashes = (int.from_bytes(hashlib.blake2b(s.encode(), digest_size=6).digest(), "big") for s in shingles if s)
    return tuple(sorted(hashes)[:SKETCH_SIZE])


def resemblance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Estimate the Jaccard resemblance of two texts, 0 to 1, from their sketches."""
    if not one or not other:
        return 0.0
    smallest = sorted({*one, *other})[:SKETCH_SIZE]
    shared = set(one) & set(other)
    return sum(value in shared for value in smallest) / len(smallest)


def shorten(text: str, limit: int) -> str:
    """Cut a text at a word's end to at most `limit` characters, an ellipsis included."""
    if len(text) <= limit:
        return text
    cut = text[: max(limit - 1, 0)]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > limit // 2 else cut).rstrip(" ,;:–—-") + "…"
