"""The shipped models: that they open, judge, say what is wrong with them, and never block the loop."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from monitor.adapters.models.card import CARD_FILE, MODEL_FILE, TOKENIZER_FILE, WEIGHTS, digest, read_card
from monitor.adapters.models.encoder import OnnxEncoder
from monitor.adapters.models.language import detect
from monitor.adapters.models.stance_model import JudgeByLanguage, OnnxJudge
from monitor.domain.stance import Band, Pair, Stance
from monitor.errors import ModelError
from monitor.ports import LanguageDetector, StanceModel

FOLDERS = ("encoder", "judge-english", "judge-multilingual")
LARGEST_FILE = 95_000_000
ENGLISH_PAIR = Pair("2024-05-02: The dam gave way on Thursday, officials said.", "The dam holds.", "en")
RUSSIAN_PAIR = Pair("2024-05-02: Плотина выстояла, сообщили власти.", "The dam holds.", "ru")


@pytest.fixture(scope="module")
def judge() -> JudgeByLanguage:
    return JudgeByLanguage.open()


@pytest.fixture(scope="module")
def encoder() -> OnnxEncoder:
    return OnnxEncoder.open()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_model_is_what_its_card_says_and_small_enough_to_ship(folder: str) -> None:
    card = read_card(WEIGHTS / folder)
    assert digest(WEIGHTS / folder / MODEL_FILE) == card.sha256
    assert card.version
    assert card.licence in {"Apache-2.0", "MIT"}
    assert (WEIGHTS / folder / MODEL_FILE).stat().st_size < LARGEST_FILE
    assert not (WEIGHTS / folder / MODEL_FILE).is_symlink()


def test_vectors_have_length_one_and_tell_meaning_across_languages(encoder: OnnxEncoder) -> None:
    vectors = encoder.encode(
        [
            "Belarus will fight only if it is attacked.",
            "Беларусь будет воевать, только если на неё нападут.",
            "The recipe needs two eggs and flour.",
        ]
    )
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_a_text_has_one_vector_whatever_its_neighbours(encoder: OnnxEncoder) -> None:
    alone = encoder.encode(["The dam holds."])
    among = encoder.encode(["A much longer sentence about trains that are late again today.", "The dam holds."])
    assert np.array_equal(alone[0], among[1])


def test_no_text_is_no_vector(encoder: OnnxEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_probabilities_sum_to_one_and_do_not_depend_on_neighbours(judge: JudgeByLanguage) -> None:
    alone = judge.english.judge_sync([ENGLISH_PAIR])[0]
    among = judge.english.judge_sync([Pair("x" * 4000, "y"), ENGLISH_PAIR])[1]
    assert alone == among
    assert sum(alone.of(stance) for stance in Stance) == pytest.approx(1)
    assert judge.english.judge_sync([]) == []


async def test_pairs_keep_their_order_and_go_to_the_judge_of_their_language(judge: JudgeByLanguage) -> None:
    port: StanceModel = judge
    graded = await port.judge([RUSSIAN_PAIR, ENGLISH_PAIR, RUSSIAN_PAIR])
    assert [item.model for item in graded] == [
        judge.multilingual.version,
        judge.english.version,
        judge.multilingual.version,
    ]
    assert graded[0] == graded[2]
    assert graded[1].band is judge.english.bands.band(graded[1].judgement)
    assert isinstance(graded[1].band, Band)
    assert judge.english.version in port.version


async def test_nothing_to_judge(judge: JudgeByLanguage) -> None:
    assert list(await judge.judge([])) == []


@pytest.mark.parametrize(
    ("pair", "english"),
    [
        (Pair("The dam gave way on Thursday, officials said.", "The dam holds.", None), True),
        (Pair("Плотина не выдержала.", "The dam holds.", None), False),
        (Pair("The dam gave way on Thursday, officials said.", "Плотина держится.", "en"), False),
        (Pair("Der Damm ist am Donnerstag gebrochen, teilten die Behörden mit.", "The dam holds.", "de"), False),
    ],
)
def test_the_english_judge_reads_pairs_that_are_english_on_both_sides(
    judge: JudgeByLanguage, pair: Pair, *, english: bool
) -> None:
    assert (judge.judge_for(pair) is judge.english) == english


async def test_the_loop_goes_on_while_a_judge_works(judge: JudgeByLanguage) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    counting = asyncio.create_task(count_turns())
    await judge.judge([ENGLISH_PAIR] * 4)
    counting.cancel()
    assert turns > 3


def copy_model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS / "judge-multilingual", tmp_path / "judge"))


@pytest.mark.parametrize("name", [CARD_FILE, MODEL_FILE, TOKENIZER_FILE])
def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path, name: str) -> None:
    folder = copy_model(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing: restore"):
        OnnxJudge.open(folder)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    folder = copy_model(tmp_path)
    with (folder / MODEL_FILE).open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ModelError, match=r"model\.onnx \(1000 bytes, sha256 .* as its card says"):
        OnnxJudge.open(folder)


def test_other_weights_than_the_card_says_are_refused(tmp_path: Path) -> None:
    folder = copy_model(tmp_path)
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    (folder / CARD_FILE).write_text(json.dumps(card | {"sha256": "0" * 64}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"is not 000000000000"):
        OnnxJudge.open(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}', '{"bands": {"alert": {"likes": 1}}}'])
def test_a_malformed_card_is_refused(tmp_path: Path, text: str) -> None:
    folder = copy_model(tmp_path)
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="not a model's card"):
        OnnxJudge.open(folder)


def test_a_malformed_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = copy_model(tmp_path)
    (folder / TOKENIZER_FILE).write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="not a tokenizer"):
        OnnxJudge.open(folder)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Lukashenko says his country will fight only if attacked", "en"),
        ("Лукашенко заявил, что страна вступит в войну только в случае нападения", "ru"),
        ("Лукашенко заявив, що країна вступить у війну лише в разі нападу", "uk"),
        ("Лукашэнка заявіў, што краіна ўступіць у вайну толькі ў выпадку нападу", "be"),
        ("Łukaszenka oświadczył, że kraj przystąpi do wojny tylko w razie ataku", "pl"),
        ("Lukaschenko erklärt, sein Land werde nur im Fall eines Angriffs kämpfen", "de"),
        ("Loukachenko affirme que son pays ne combattra que s'il est attaqué", "fr"),
        ("Lukashenko afirma que su país solo luchará si es atacado", "es"),
        ("ルカシェンコ大統領は攻撃された場合のみ参戦すると述べた", "ja"),
        ("卢卡申科表示只有遭到攻击才会参战", "zh"),
        ("لوكاشenko يقول إن بلاده ستقاتل", "ar"),
    ],
)
def test_languages_are_told_apart(text: str, language: str) -> None:
    assert detect(text) == language


def test_a_feed_that_lies_about_its_language_is_not_believed() -> None:
    detector: LanguageDetector = detect
    assert detector("Лукашенко заявил, что страна вступит в войну только в случае нападения", "en-GB") == "ru"


def test_the_declared_language_settles_doubt() -> None:
    assert detect("Minsk", "pl-PL") == "pl"
    assert detect("12:30", "de") == "de"
    assert detect("12:30") == "und"
