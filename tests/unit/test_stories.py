"""Story files: what they bring, and every mistake in them named at once; subjects found where none are given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.ids import ClaimRef
from monitor.domain.stories import Claim, ClaimKind, Story, Subject, derive_subjects, parse_story
from monitor.domain.texts import squeeze
from monitor.errors import StoryError
from tests.conftest import ROOT
from tests.world import BRISK

WHOLE = """
slug = "orlov-dam"
title = "The Orlov dam will stay closed\tuntil it is inspected"
published = 2023-02-16
summary = "What the mayor promised."
languages = ["en", "ru"]
subjects = [{ name = "Orlov dam", aliases = ["Orlov reservoir"] }]

[[claims]]
id = "c1"
statement = "The Orlov dam opens only if it was inspected."
said_by = "Mayor Hale"
said_on = "2023-02"
kind = "condition"
condition = "it was inspected"
consequence = "the dam opens"
valid_until = "2023-12-31"
source_url = "https://paper.example/1"

[[claims]]
id = "c2"
statement = "No one was hurt."
said_on = 2023-02-16T12:00:00Z
"""
LEAST = 'slug = "dam"\ntitle = "The Orlov dam"\n[[claims]]\nid = "c1"\nstatement = "It holds."\n'


def problems(text: str) -> list[str]:
    """Give every mistake found in a story file."""
    with pytest.raises(StoryError) as raised:
        parse_story(text, file="dam.toml")
    assert all(line.startswith("dam.toml: ") for line in str(raised.value).splitlines())
    return [str(problem) for problem in raised.value.problems]


def test_a_whole_story_file_is_read() -> None:
    assert parse_story(WHOLE, file="dam.toml") == Story(
        slug="orlov-dam",
        title="The Orlov dam will stay closed until it is inspected",
        claims=(
            Claim(
                ref=ClaimRef("orlov-dam", "c1"),
                statement="The Orlov dam opens only if it was inspected.",
                said_by="Mayor Hale",
                said_on="2023-02",
                kind=ClaimKind.CONDITION,
                condition="it was inspected",
                consequence="the dam opens",
                valid_until="2023-12-31",
                source_url="https://paper.example/1",
            ),
            Claim(ClaimRef("orlov-dam", "c2"), "No one was hurt.", said_on="2023-02-16"),
        ),
        published="2023-02-16",
        summary="What the mayor promised.",
        languages=("en", "ru"),
        subjects=(Subject("Orlov dam", ("Orlov reservoir",)),),
    )


def test_a_story_needs_no_more_than_slug_title_and_a_claim() -> None:
    story = parse_story(LEAST, file="dam.toml")
    assert story.subjects == (Subject("Orlov"),)
    assert story.claims[0].kind is ClaimKind.STATEMENT
    assert str(story.claims[0].ref) == "dam/c1"


def test_every_mistake_of_a_file_is_named_at_once_with_key_and_reason() -> None:
    found = problems(
        """
slug = "Orlov Dam"
titel = "The Orlov dam"
published = "16 February 2023"
summary = 7
languages = ["en", 5]
colour = "red"

[[subjects]]
name = "US"
aliases = ["Orlov reservoir", "UN"]
alias = "x"

[[claims]]
id = "claim one"
statement = ""
said_on = "2023-02-30"
kind = "promise"
source_url = "paper.example/1"

[[claims]]
id = "c2"
statment = "It holds."
said_by = ["Hale"]
said_on = true
valid_until = "2023-02"

[[claims]]
id = "c2"
statement = "It holds."
"""
    )
    assert sorted(found) == sorted(
        [
            "titel: is not a known key; did you mean 'title'?",
            "colour: is not a known key",
            "slug: must be lower-case words joined by '-', not 'Orlov Dam'",
            "title: is required and missing",
            "published: must be a date YYYY-MM-DD, not '16 February 2023'",
            "summary: must be a text in quotes, not a number",
            'languages: must be a list of texts, such as ["en", "ru"]',
            "subjects[1].alias: is not a known key; did you mean 'aliases'?",
            "subjects[1].name: 'US' is too short to tell a story by; use at least 3 letters",
            "subjects[1].aliases: 'UN' is too short to tell a story by; use at least 3 letters",
            "claims[1].id: must be up to 32 letters, digits, '-' or '_', not 'claim one'",
            "claims[1].statement: must not be empty",
            "claims[1].said_on: is no date: day is out of range for month",
            "claims[1].kind: is 'promise'; choose one of " + ", ".join(ClaimKind),
            "claims[1].source_url: must be an http or https address, not 'paper.example/1'",
            "claims[2].statment: is not a known key; did you mean 'statement'?",
            "claims[2].statement: is required and missing",
            "claims[2].said_by: must be a text in quotes, not a list",
            "claims[2].said_on: must be a date YYYY-MM-DD, YYYY-MM or YYYY, not True",
            "claims[2].valid_until: must be a whole date YYYY-MM-DD, not '2023-02'",
            "claims[3].id: 'c2' is used twice",
        ]
    )


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("summary = true", "true/false"),
        ("summary = 1.5", "a number"),
        ("summary = []", "a list"),
        ("summary = {}", "a table"),
        ("summary = 2023-02-16", "a date"),
        ("summary = 2023-02-16T12:00:00", "a date"),
        ("summary = 12:00:00", "time"),
    ],
)
def test_a_wrong_type_is_named_in_plain_words(line: str, kind: str) -> None:
    assert problems(f"{line}\n{LEAST}") == [f"summary: must be a text in quotes, not {kind}"]


@pytest.mark.parametrize("value", ['"c1"', "[1]", "7"])
def test_claims_and_subjects_are_tables(value: str) -> None:
    assert problems(f'slug = "dam"\ntitle = "Dam"\nclaims = {value}\nsubjects = {value}') == [
        "claims: must be written as [[claims]] tables",
        "claims: at least one [[claims]] table is required",
        "subjects: must be written as [[subjects]] tables",
    ]


def test_an_empty_file_lacks_slug_claims_and_title() -> None:
    assert problems("") == [
        "slug: is required and missing",
        "claims: at least one [[claims]] table is required",
        "title: is required and missing",
    ]


def test_missing_ids_are_not_called_the_same_id() -> None:
    text = 'slug = "dam"\ntitle = "Dam"\n' + '[[claims]]\nstatement = "It holds."\n' * 2
    assert problems(text) == [f"claims[{n}].id: is required and missing" for n in (1, 2)]


def test_a_statement_too_long_for_the_judges_is_refused() -> None:
    assert problems(LEAST.replace("It holds.", "It holds. " * 100)) == [
        "claims[1].statement: is 999 characters long; at most 600 are read"
    ]


@pytest.mark.parametrize("day", ["", "2023-02-28", "2024-02-29"])
def test_a_whole_date_may_be_written_as_text_or_left_empty(day: str) -> None:
    assert parse_story(f'published = "{day}"\n{LEAST}', file="dam.toml").published == day


@pytest.mark.parametrize(
    "text",
    [
        "slug = dam",
        'slug = "dam"\nslug = "dam"',
        "published = 2023-02-30",
        "[[claims]",
        "number = " + "9" * 5000,
        "deep = " + "[" * 3000 + "]" * 3000,
    ],
    ids=["no quotes", "key twice", "no date", "bracket", "huge number", "deep nesting"],
)
def test_what_is_no_toml_is_named_as_such(text: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith("TOML: cannot be read: ")


SCRAPS = st.sampled_from(
    [
        "slug",
        "title",
        "claims",
        "[[claims]]",
        "[[subjects]]",
        "id",
        "name",
        " = ",
        "\n",
        '"dam"',
        "2023-02-16",
        "[1]",
        "{}",
    ]
)


@BRISK
@given(st.text() | st.lists(SCRAPS).map("".join) | st.lists(SCRAPS).map(lambda scraps: LEAST + "".join(scraps)))
def test_any_text_is_a_story_or_a_list_of_problems(text: str) -> None:
    try:
        story = parse_story(text, file="dam.toml")
    except StoryError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
    else:
        assert story.claims


@pytest.mark.parametrize("file", sorted((ROOT / "seeds").glob("*.toml")), ids=lambda file: file.name)
def test_the_seeds_are_stories(file: object) -> None:
    story = parse_story(str(file.read_text(encoding="utf-8")), file=str(file))  # type: ignore[attr-defined]
    assert story.claims
    assert story.names


# Subjects


@pytest.mark.parametrize(
    ("title", "statements", "names"),
    [
        (
            "Lukashenko says Belarus will join Russia's war only if it is attacked",
            ["Lukashenko will meet Putin on Friday.", "Minsk denies that Alexander Lukashenko said so."],
            ["Alexander Lukashenko", "Belarus", "Lukashenko", "Putin", "Russia"],
        ),
        ("The Orlov dam will stay closed until it is inspected", ["No one was hurt at the Orlov dam."], ["Orlov"]),
        ("Officials deny that Acme Corp will close its plant in Northgate", [], ["Acme Corp", "Northgate"]),
        ("Prime Minister Hale rules out early elections", ["There will be no election before May."], ["Hale"]),
        ("Strikes hit the port. Officials in Odesa report no dead", ["Nobody died. Odesa works."], ["Odesa"]),
        ("“Never again,” says Moreau of O’Brien’s plan for Saint-Malo", [], ["Moreau", "O’Brien", "Saint-Malo"]),
        ("Russia's Wagner chief leaves Bakhmut", [], ["Bakhmut", "Wagner"]),
        ("Бойко: міст через Дніпро відкриють у травні", ["Міст відкриють у травні, каже Бойко."], ["Бойко", "Дніпро"]),
        ("no names here", ["Nobody said so."], []),
    ],
)
def test_a_story_is_about_the_names_in_its_title_and_claims(
    title: str, statements: list[str], names: list[str]
) -> None:
    assert [subject.name for subject in derive_subjects(title, tuple(statements))] == names


@BRISK
@given(st.text(), st.lists(st.text(), max_size=3))
def test_subjects_of_any_text_are_names_that_stand_in_it(title: str, statements: list[str]) -> None:
    told = squeeze(" ".join((title, *statements)))
    for subject in derive_subjects(title, tuple(statements)):
        assert len(subject.name) > 2
        assert all(word in told for word in subject.name.split())


def test_a_storys_names_are_its_subjects_names_and_aliases_in_lower_case() -> None:
    assert parse_story(WHOLE, file="dam.toml").names == {"orlov dam", "orlov reservoir"}
