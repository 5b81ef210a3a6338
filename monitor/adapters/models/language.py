"""The language of a text: by its script first, then by py3langid; what the feed declares only settles doubt."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Final, Protocol

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNDETERMINED: Final = "und"
LATIN: Final = ("en", "pl", "de", "fr", "es", "it", "pt", "nl", "cs", "lt", "lv", "et", "ro", "tr")
CYRILLIC: Final = ("ru", "uk", "be", "bg", "sr")
SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "LATIN": LATIN,
    "CYRILLIC": CYRILLIC,
    "GREEK": ("el",),
    "ARABIC": ("ar",),
    "HEBREW": ("he",),
    "ARMENIAN": ("hy",),
    "GEORGIAN": ("ka",),
    "CJK": ("zh",),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "HANGUL": ("ko",),
}
TELLING_LETTERS: Final[Mapping[str, str]] = {"ў": "be", "ї": "uk", "є": "uk", "ґ": "uk", "ъ": "ru"}
SURE: Final = 0.9
POSSIBLE: Final = 0.02


class _Identifier(Protocol):
    def rank(self, text: str) -> list[tuple[str, float]]: ...


@cache
def _identifier(languages: tuple[str, ...]) -> _Identifier:
    identifier: _Identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(languages))  # type: ignore[attr-defined]
    return identifier


def detect(text: str, declared: str | None = None) -> str:
    """Give the ISO 639-1 code of the text's language, "und" if it has no letters and nothing is declared.

    `declared` is what the feed says (`"en"`, `"en-GB"`, `"uk_UA"`). Feeds lie, so it counts only where the
    text leaves a doubt: when the detector is less than 90 % sure and thinks the declared language possible.
    """
    hint = (declared or "").replace("_", "-").partition("-")[0].lower()
    script = _script(text)
    if script is None:
        return hint or UNDETERMINED
    languages = SCRIPTS[script]
    if len(languages) == 1:
        return hint if script == "ARABIC" and hint in ("fa", "ur") else languages[0]
    return _telling_language(text, script) or _likeliest(text, languages, hint)


def _script(text: str) -> str | None:
    counts: Counter[str] = Counter()
    for letter in text:
        if letter.isalpha():
            counts[unicodedata.name(letter, "").partition(" ")[0]] += 1
    known = {name: count for name, count in counts.items() if name in SCRIPTS}
    if "HIRAGANA" in known or "KATAKANA" in known:
        known.pop("CJK", None)
    return max(known, key=known.__getitem__) if known else None


def _telling_language(text: str, script: str) -> str | None:
    """Name the language that a Cyrillic text's letters give away; None when they do not, or disagree."""
    if script != "CYRILLIC":
        return None
    found = Counter(TELLING_LETTERS[letter] for letter in text.lower() if letter in TELLING_LETTERS)
    named = [language for language, _ in found.most_common(2)]
    return named[0] if len(named) == 1 and named[0] != "ru" else None


def _likeliest(text: str, languages: tuple[str, ...], hint: str) -> str:
    ranked = _identifier(languages).rank(text)
    best, chance = ranked[0]
    if chance < SURE and float(dict(ranked).get(hint, 0.0)) >= POSSIBLE:
        return hint
    return str(best)
