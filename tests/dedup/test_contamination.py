"""Overlap with evaluation sets: n-grams of words or characters, and the files that hold the sets."""

from __future__ import annotations

import json
import tempfile
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.contamination import (
    MIN_TOKENS,
    EvalIndex,
    build_index,
    load_index,
    ngram_hashes,
)
from pipelines.dedup.texts import eval_files, read_eval_texts
from pipelines.dedup.training_overlap import training_files
from pipelines.errors import UserError
from pipelines.normalize import normalize
from schemas.config import EvalSets

WORDS, CHARS = EvalSets().words, EvalSets().chars
CONTAMINATED = 0.4  # the default threshold
UNSPACED = regex.compile(r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]")
PARAGRAPH = (
    "The harbour was built by fishermen in the thirteenth century. After the great fire of 1624 the town council "
    "moved the market to the eastern bank of the river, where it has been held ever since. Today the old quarter "
    "draws more visitors than any other part of the country."
)
SENTENCE = "After the great fire of 1624 the town council moved the market to the eastern bank of the river"
CHINESE = (
    "这座港口是渔民在十三世纪修建的。1624年大火之后，市议会把集市迁到了河的东岸，从那以后一直在那里举行。"
)
THAI = "ท่าเรือแห่งนี้สร้างขึ้นโดยชาวประมงในศตวรรษที่สิบสามและยังคงใช้งานอยู่จนถึงทุกวันนี้"


@cache
def is_part(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


@cache
def stands_alone(token: str) -> bool:
    return len(token) == 1 and is_part(token) and UNSPACED.match(token) is not None


def tokens(text: str) -> list[str]:
    """Words, and single characters of scripts without spaces."""
    found: list[str] = []
    inside = False
    for character in text.casefold():
        alone, part = stands_alone(character), is_part(character)
        if part and inside and not alone:
            found[-1] += character
        elif part:
            found.append(character)
        inside = part and not alone
    return found


def ngrams(text: str, words: int, chars: int) -> list[tuple[str, ...]]:
    found = tokens(text)
    alone = sum(map(stands_alone, found))
    n = chars if 2 * alone > len(found) else words
    if len(found) >= n:
        return [tuple(found[place : place + n]) for place in range(len(found) - n + 1)]
    return [tuple(found)] if len(found) >= MIN_TOKENS else []


def index_of(*lines: str) -> EvalIndex:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "set.txt").write_text("\n".join(lines), encoding="utf-8")
        return build_index(Path(folder), WORDS, CHARS)


def share(index: EvalIndex, text: str) -> float:
    return float(index.overlap([text])[0][0])


PIECES = [
    *"abab  .,我们去杭州ガア一กา٣",
    "the ",
    "cat ",
    "sat ",
    "Straße ",
    "क्या ",
    "İs ",
    "\u0301",
    "-",
    "ー",
    "\n",
]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(texts, max_size=5), st.integers(2, 6), st.integers(2, 6))
def test_ngrams_are_those_counted_one_by_one(batch: list[str], words: int, chars: int) -> None:
    hashes, counts = ngram_hashes(batch, words, chars)
    expected = [ngrams(text, words, chars) for text in batch]
    assert counts.tolist() == [len(grams) for grams in expected]
    flat = [gram for grams in expected for gram in grams]
    assert len(hashes) == len(flat)
    # the same hash for the same n-gram, and only for it
    assert len(set(zip(hashes.tolist(), flat, strict=True))) == len(set(flat)) == len(set(hashes.tolist()))


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_the_share_is_that_of_ngrams_in_the_sets(evaluated: list[str], rows: list[str]) -> None:
    # rows come normalised, and the index normalises its texts
    lines = [normalize(line) for text in evaluated for line in text.split("\n")]
    rows = [normalize(text) for text in rows]
    known = {gram for line in lines for gram in ngrams(line, WORDS, CHARS)}
    shares, names = index_of(*lines).overlap(rows)
    for text, found, name in zip(rows, shares, names, strict=True):
        grams = ngrams(text, WORDS, CHARS)
        hits = sum(gram in known for gram in grams)
        assert found == pytest.approx(hits / len(grams) if grams else 0)
        assert name == ("set.txt" if hits else None)


def test_a_sentence_from_inside_a_longer_paragraph_is_found() -> None:
    assert share(index_of(PARAGRAPH), SENTENCE) == 1
    assert share(index_of(PARAGRAPH), f"In short: {SENTENCE.lower()}, they say.") > CONTAMINATED


def test_a_paragraph_with_one_sentence_of_a_set_is_not_all_of_it() -> None:
    assert 0 < share(index_of(SENTENCE), PARAGRAPH) < CONTAMINATED


@pytest.mark.parametrize(
    ("paragraph", "row"),
    [
        (CHINESE, "大火之后，市议会把集市迁到了河的东岸"),
        (CHINESE, "市议会把集市迁到了河的东岸，从那以后"),
        (THAI, "สร้างขึ้นโดยชาวประมงในศตวรรษที่สิบสาม"),
    ],
)
def test_scripts_without_spaces_are_compared_by_characters(paragraph: str, row: str) -> None:
    assert share(index_of(paragraph), row) == 1
    assert share(index_of("我们明天一早去杭州，晚上就回来，你们不用等我们吃饭。"), row) == 0


@pytest.mark.parametrize(
    "question", ["Who built the old harbour?", "Liman ne zaman inşa edildi acaba?", "谁修建了港口？"]
)
def test_short_questions_are_found_whole(question: str) -> None:
    index = index_of(question)
    assert share(index, question) == 1
    assert share(index, question.upper().rstrip("?？")) == 1


def test_very_short_texts_condemn_nothing() -> None:
    index = index_of("Thank you very much!", "谢谢你们")
    assert len(index.hashes) == 0
    assert share(index, "Thank you very much!") == 0


def test_case_punctuation_and_spaces_are_ignored() -> None:
    index = index_of(SENTENCE)
    changed = SENTENCE.upper().replace(" ", " — ").replace("FIRE", "“FIRE”,")
    assert share(index, f"  {changed}!!") == 1


def test_a_changed_word_costs_its_ngrams_alone() -> None:
    changed = SENTENCE.replace("council", "mayor")
    count = len(tokens(SENTENCE)) - WORDS + 1
    assert share(index_of(SENTENCE), changed) == pytest.approx((count - WORDS) / count, abs=1e-6)


@pytest.mark.parametrize(
    ("evaluated", "row"),
    [
        (
            unicodedata.normalize("NFD", "Thành phố này là trung tâm kinh tế lớn nhất của cả nước"),
            "Thành phố này là trung tâm kinh tế lớn nhất của cả nước",
        ),
        (
            "लड़के ने बड़ी सड़क पर खड़ी गाड़ी को पकड़ लिया और फिर दौड़ पड़ा".replace("ड\u093c", "\u095c"),
            unicodedata.normalize("NFC", "लड़के ने बड़ी सड़क पर खड़ी गाड़ी को पकड़ लिया और फिर दौड़ पड़ा"),
        ),
        ("the har\u00adbour was built by fisher\u00admen in the thir\u00adteenth century", PARAGRAPH[:61]),
    ],
    ids=["decomposed", "nukta", "soft hyphens"],
)  # fmt: skip
def test_sets_in_another_unicode_form_are_found(evaluated: str, row: str) -> None:
    assert share(index_of(evaluated), row) > CONTAMINATED


def test_the_set_that_has_most_of_a_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "FLORES").mkdir()
    (tmp_path / "FLORES" / "devtest").write_text(SENTENCE + "\n")
    (tmp_path / "MLQA.txt").write_text(PARAGRAPH.split(". ")[0] + "\n" + PARAGRAPH.split(". ")[2])
    index = build_index(tmp_path, WORDS, CHARS)
    _, names = index.overlap(
        [SENTENCE, PARAGRAPH.split(". ")[0], "Nothing of this stands in any set at all, I am sure."]
    )
    assert names == ["FLORES/devtest", "MLQA.txt", None]


def test_a_saved_index_answers_alike(tmp_path: Path) -> None:
    index = index_of(PARAGRAPH, CHINESE)
    index.save(tmp_path / "saved")
    loaded = load_index(str(tmp_path / "saved"))
    rows = [SENTENCE, CHINESE, "something else that is long enough to be compared with"]
    ours, theirs = index.overlap(rows), loaded.overlap(rows)
    assert np.array_equal(ours[0], theirs[0])
    assert ours[1] == theirs[1]
    assert (loaded.names, loaded.words, loaded.chars) == (index.names, index.words, index.chars)


def test_an_index_without_ngrams_and_rows_without_ngrams_overlap_nowhere() -> None:
    assert index_of("").overlap([SENTENCE])[0].tolist() == [0]
    shares, names = index_of(SENTENCE).overlap(["", "short", "…"])
    assert (shares.tolist(), names) == ([0, 0, 0], [None] * 3)
    assert len(index_of(SENTENCE).overlap([])[1]) == 0


def squad(context: str, question: str, answer: str) -> dict[str, object]:
    answers = [{"text": answer, "answer_start": 0}]
    paragraph = {"context": context, "qas": [{"id": "a b c d e f", "question": question, "answers": answers}]}
    return {"version": "1.1", "data": [{"title": "A title of five words", "paragraphs": [paragraph]}]}


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_squad_gives_contexts_and_questions_but_no_answers_titles_or_ids(tmp_path: Path) -> None:
    path = written(
        tmp_path / "xquad.en.json", json.dumps(squad("The context.", "The question?", "The answer"))
    )
    assert list(read_eval_texts(path)) == ["1.1", "The context.", "The question?"]


def test_json_lines_parquet_and_plain_text_give_their_texts(tmp_path: Path) -> None:
    lines = written(
        tmp_path / "a.jsonl", '{"question": "One?"}\n\n{"text": ["Two.", {"deep": "Three."}], "n": 4}\n'
    )
    assert list(read_eval_texts(lines)) == ["One?", "Two.", "Three."]
    columns = {
        "text": ["One.", None, ""],
        "number": [1, 2, 3],
        "more": pa.array(["Two."] * 3, pa.large_string()),
    }
    pq.write_table(pa.table(columns), tmp_path / "b.parquet")
    assert list(read_eval_texts(tmp_path / "b.parquet")) == ["One.", "Two.", "Two.", "Two."]
    nested = {"answers": [{"text": ["Three."]}], "choices": [["One.", "Two."]], "numbers": [[1]]}
    pq.write_table(pa.table(nested), tmp_path / "c.parquet")
    assert list(read_eval_texts(tmp_path / "c.parquet")) == ["One.", "Two."]
    assert list(read_eval_texts(written(tmp_path / "eng_Latn.devtest", "One.\n两个。\n"))) == [
        "One.",
        "两个。",
        "",
    ]


def test_files_that_are_no_sets_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in (
        ".hidden",
        "checksums.json",
        "README",
        "LICENSE",
        "notes.md",
        "x.json.part",
        "archive.zip",
        "_tmp",
    ):
        written(tmp_path / name, "not a set")
    kept = [written(tmp_path / name, "a set") for name in ("b.txt", "sub/a.dev")]
    assert eval_files(tmp_path) == kept


def test_of_the_output_of_a_job_its_published_folder_is_taken(tmp_path: Path) -> None:
    """Given itself or further up; another manifest, and folders of these names elsewhere, mean nothing."""
    for name in ("out/mi_eval/en", "out/rejected", "other/rejected"):
        (tmp_path / name).mkdir(parents=True)
        written(tmp_path / name / "a.parquet", "")
    for name in ("out", "out/mi_eval"):
        written(tmp_path / name / "manifest.json", '{"dataset": "mi_eval"}')
    written(tmp_path / "other" / "manifest.json", '["a list"]')
    written(tmp_path / "manifest.json", '{"dataset": "another"}')
    published, other = (tmp_path / name / "a.parquet" for name in ("out/mi_eval/en", "other/rejected"))
    assert eval_files(tmp_path / "out") == eval_files(tmp_path / "out" / "mi_eval") == [published]
    assert eval_files(tmp_path) == [other, published]
    assert training_files([tmp_path], (".parquet",)) == [other, published]


def test_every_file_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    written(tmp_path / "good.txt", SENTENCE)
    written(tmp_path / "cut.json", '{"data": [')
    written(tmp_path / "lines.jsonl", '{"a": 1}\nno json\n')
    written(tmp_path / "table.parquet", "no parquet")
    (tmp_path / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(UserError) as caught:
        build_index(tmp_path, WORDS, CHARS)
    named = [Path(problem.split(": ")[0]).name for problem in caught.value.problems]
    assert named == ["cut.json", "latin.txt", "lines.jsonl", "table.parquet"]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_sets_is_an_error_for_the_person(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=name):
        build_index(tmp_path / name, WORDS, CHARS)


def test_the_index_does_not_depend_on_the_order_of_the_texts() -> None:
    one, other = index_of(PARAGRAPH, CHINESE, SENTENCE), index_of(SENTENCE, CHINESE, PARAGRAPH)
    assert np.array_equal(one.hashes, other.hashes)


def both_sides(rows: Sequence[tuple[str, str]], index: EvalIndex) -> list[float]:
    return [max(share(index, text) for text in row) for row in rows]


def test_either_side_in_any_language_can_be_contaminated() -> None:
    index = index_of(PARAGRAPH, CHINESE)
    rows = [(SENTENCE, "别的内容。"), ("Something else.", CHINESE), ("Something else.", "别的内容。")]
    assert both_sides(rows, index) == [1, 1, 0]
