"""Plain text: any Unicode text survives, nothing that was said is lost, copies resemble each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.texts import (
    MOST_PASSAGES,
    PASSAGE_WORDS,
    SKETCH_SIZE,
    Passage,
    canonical_url,
    content_hash,
    resemblance,
    shorten,
    sketch,
    split_passages,
    split_sentences,
    squeeze,
    words,
)
from tests.world import BRISK

# Any text at all, lone surrogates from careless JSON included, and text that looks like prose.
ANY = st.text(st.characters(exclude_categories=())) | st.text(
    "aB é.!?…«”\n\t\x00\u200b\u0301\ud800 \u3000-'’", max_size=60
)
WORD = st.text("abcdefghijklmnop", min_size=1, max_size=6)
SENTENCE = st.lists(WORD, min_size=1, max_size=40).map(lambda found: f"{' '.join(found).capitalize()}.")
PROSE = st.lists(SENTENCE, max_size=40).map(" ".join)


# Normal forms


@BRISK
@given(ANY)
def test_squeezing_any_text_gives_one_clean_line_that_stays_as_it_is(text: str) -> None:
    line = squeeze(text)
    assert line == squeeze(line) == line.strip()
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in line)
    assert "  " not in line


def test_squeezing_composes_letters_and_drops_control_characters() -> None:
    assert squeeze(" Cafe\u0301 \n\x00 du\u00a0 Nord\t") == "Café du Nord"


@BRISK
@given(ANY)
def test_words_of_any_text_are_the_same_in_any_case_and_spacing(text: str) -> None:
    assert all(words(text))
    assert content_hash(text, "") == content_hash(f" {text}\n", "  ")


def test_words_keep_hyphens_and_apostrophes_inside() -> None:
    assert words("O'Brien’s well-known «Straße», 3,5 km!") == ["o'brien’s", "well-known", "strasse", "3", "5", "km"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("Dam opens", "On Friday."), ("DAM  OPENS!", "on friday"), True),
        (("Dam opens", "On Friday."), ("Dam opens", "On Monday."), False),
        (("Dam opens", "Friday"), ("Dam", "opens Friday"), False),
    ],
)
def test_the_content_hash_knows_words_and_where_they_stand(
    one: tuple[str, str],
    other: tuple[str, str],
    same: bool,  # noqa: FBT001
) -> None:
    assert (content_hash(*one) == content_hash(*other)) is same


# Addresses


@BRISK
@given(ANY | ANY.map(lambda text: f"https://a.example/{text}") | ANY.map(lambda text: f"http://{text}?{text}"))
def test_any_address_survives_and_its_surroundings_do_not_matter(url: str) -> None:
    assert canonical_url(url) == canonical_url(f"  {url} ")


@pytest.mark.parametrize(
    "url",
    [
        "https://paper.example/a?id=7",
        "http://www.paper.example/a/?id=7",
        "HTTPS://PAPER.example:443/a?id=7#comments",
        "https://paper.example/a?utm_source=rss&id=7&fbclid=x&UTM_medium=feed",
        " https://paper.example:80/a?id=7 ",
    ],
)
def test_addresses_of_one_page_are_equal(url: str) -> None:
    assert canonical_url(url) == "paper.example/a?id=7"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://paper.example/a?id=7", "https://paper.example/a?id=8"),
        ("https://paper.example/a?17", "https://paper.example/a?18"),
        ("https://paper.example/a", "https://paper.example/A"),
        ("https://paper.example:8080/a", "https://paper.example/a"),
        ("https://paper.example/a", "https://other.example/a"),
    ],
)
def test_addresses_of_two_pages_differ(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


@pytest.mark.parametrize("url", ["https://[broken/a", "https://paper.example:port/a"])
def test_a_malformed_address_stands_for_itself(url: str) -> None:
    assert canonical_url(f" {url} ") == url


# Sentences and passages


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It opened. Water ran! Who knew?", ["It opened.", "Water ran!", "Who knew?"]),
        ("Mr. Hale met Gen. J. Orlov. They left.", ["Mr. Hale met Gen. J. Orlov.", "They left."]),
        ("“It opened.” «Нет», сказал он. Да.", ["“It opened.”", "«Нет», сказал он.", "Да."]),
        ('He said "No." ("Never!") Yes', ['He said "No."', '("Never!")', "Yes"]),
        ("It rose 3.5 m at 5 p.m. on Friday", ["It rose 3.5 m at 5 p.m. on Friday"]),
        ("A line\n\nanother line", ["A line", "another line"]),
        ("He met Mr.\n\n", ["He met Mr."]),
        (" \n ", []),
    ],
)
def test_sentences_end_at_their_marks_and_not_at_abbreviations(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@BRISK
@given(ANY)
def test_sentences_of_any_text_lose_nothing_of_it(text: str) -> None:
    sentences = split_sentences(text)
    assert all(sentence and sentence == squeeze(sentence) for sentence in sentences)
    assert "".join(sentences).replace(" ", "") == squeeze(text).replace(" ", "")


@BRISK
@given(st.just("") | SENTENCE, PROSE)
def test_passages_cover_every_sentence_in_order_up_to_the_cap(title: str, text: str) -> None:
    passages = split_passages(title, text)
    told = [sentence for passage in passages for sentence in passage.sentences]
    wanted = [sentence for sentence in split_sentences(text) if words(sentence) != words(title)]
    assert len(passages) <= MOST_PASSAGES
    assert told == wanted[: len(told)]
    assert len(told) == len(wanted) or len(passages) == MOST_PASSAGES


@BRISK
@given(ANY, PROSE | ANY)
def test_a_passage_stays_within_its_bound_unless_one_sentence_exceeds_it(title: str, text: str) -> None:
    for passage in split_passages(title, text):
        length = sum(len(sentence.split()) for sentence in passage.sentences)
        assert length <= PASSAGE_WORDS or len(passage.sentences) == 1
        assert words(passage.text)
        assert passage.text == squeeze(passage.text)
        assert passage.quotable
        assert all(quote in passage.text for quote in passage.quotable)


def test_more_than_the_cap_is_cut_off() -> None:
    text = " ".join(f"Sentence {n} {'is ' * 80}long." for n in range(MOST_PASSAGES + 3))
    passages = split_passages("Title", text)
    assert len(passages) == MOST_PASSAGES
    assert passages[-1].sentences[0].startswith(f"Sentence {MOST_PASSAGES - 1} ")


def test_a_text_that_only_repeats_the_title_adds_nothing() -> None:
    assert split_passages("Orlov dam opens", "ORLOV DAM OPENS.") == (Passage("Orlov dam opens", ()),)


def test_an_entry_that_says_nothing_has_no_passage() -> None:
    assert split_passages(" ", "…\n—") == ()


@pytest.mark.parametrize(
    ("passage", "text"),
    [
        (Passage("Dam opens", ("Water runs.",)), "Dam opens. Water runs."),
        (Passage("Dam opens?", ("Water runs.",)), "Dam opens? Water runs."),
        (Passage("Dam opens", ()), "Dam opens."),
        (Passage("", ("Water runs.", "Fish swim.")), "Water runs. Fish swim."),
    ],
)
def test_a_passage_reads_as_title_and_sentences(passage: Passage, text: str) -> None:
    assert passage.text == text


# Sketches


@BRISK
@given(ANY | PROSE, ANY | PROSE)
def test_resemblance_is_symmetric_and_between_none_and_all(one: str, other: str) -> None:
    first, second = sketch(one), sketch(other)
    assert list(first) == sorted(set(first))
    assert len(first) <= SKETCH_SIZE
    assert 0 <= resemblance(first, second) == resemblance(second, first) <= 1
    assert resemblance(first, first) == (1 if words(one) else 0)


def test_a_retouched_copy_resembles_its_source_and_another_text_does_not() -> None:
    text = " ".join(f"word{n}" for n in range(200))
    copy, other = text.replace("word100", "changed"), " ".join(f"other{n}" for n in range(200))
    assert resemblance(sketch(text), sketch(copy)) > 0.8
    assert resemblance(sketch(text), sketch(other)) == 0


# Shortening


@BRISK
@given(ANY, st.integers(1, 80))
def test_shortening_keeps_to_the_limit_and_to_the_beginning(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
    assert (short == text) or len(text) > limit


def test_shortening_cuts_at_a_word_and_only_a_long_word_in_two() -> None:
    assert shorten("The dam, which was closed", 10) == "The dam…"
    assert shorten("Donaudampfschifffahrt", 10) == "Donaudamp…"
    assert shorten("A Donaudampfschifffahrt", 10) == "A Donauda…"
