"""Markup and boiler-plate, counted by phrase."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.cleaning.phrases import count_boilerplate, count_markup

SAMPLES = Path(__file__).parents[2] / "samples" / "text"
LANGUAGES = ("en", "ar", "el", "hi", "tr", "vi", "zh")


def markup(text: str) -> int:
    return int(count_markup(pa.array([text]))[0].as_py())


def boilerplate(text: str, lang: str = "en") -> int:
    return int(count_boilerplate(pa.array([text]), lang)[0].as_py())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("<b>bold</b> word", 2),
        ("a<br/>b <br />", 2),
        ("<!-- hidden -->", 1),
        ('<a href="x">y</a>', 2),
        ("see [[Ankara]] there", 2),
        ("{{cite web}}", 2),
        ("'''Ankara''' is", 2),
        ("== History ==", 2),
        ("File:Map.png|thumb", 2),
        ("grew fast.[12] Then[3]", 2),
        ("grew[citation needed]", 1),
        ("History[edit]", 1),
        ("a &lt; b &nbsp;c", 2),
        ("{\\displaystyle x}", 1),
    ],
)
def test_markup_is_counted_by_the_piece(text: str, count: int) -> None:
    assert markup(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a < b and c > d",
        "x <3 you",
        "5 = 5",
        "it's 'quoted'",
        "array[i]",
        "[sic]",
        "{set}",
        "R&D",
        "(see 12)",
        "<",
    ],
)
def test_plain_texts_hold_no_markup(text: str) -> None:
    assert markup(text) == 0


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "Retrieved 3 May 2011."),
        ("en", "All rights reserved"),
        ("en", "Home » News » Sport"),
        ("ar", "اطلع عليه بتاريخ 3 مايو"),
        ("el", "Ανακτήθηκε στις 3 Μαΐου"),
        ("hi", "अभिगमन तिथि 3 मई"),
        ("tr", "Erişim tarihi: 3 Mayıs"),
        ("vi", "Truy cập ngày 3 tháng 5"),
        ("zh", "原始内容存档于2011年"),
        ("xx", "© Someone"),
        ("xx", "Someone ©"),
        ("xx", "^ A note"),
    ],
)
def test_boilerplate_is_found_in_its_language(lang: str, text: str) -> None:
    assert boilerplate(text, lang) >= 1


def test_phrases_of_one_language_do_not_count_in_another() -> None:
    assert boilerplate("Erişim tarihi: 3 Mayıs", "tr") == 1
    assert boilerplate("Erişim tarihi: 3 Mayıs", "en") == 0


def test_signs_of_the_edges_count_at_the_edges_alone() -> None:
    assert boilerplate("The sign © stands for copyright.") == 0
    assert boilerplate("one | two") == 0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_clean_sentences_hold_neither(lang: str) -> None:
    records = [
        json.loads(line) for path in sorted(SAMPLES.glob("*.jsonl")) for line in path.open(encoding="utf-8")
    ]
    texts = pa.array([record[lang] for record in records])
    for counts in (count_markup(texts), count_boilerplate(texts, lang)):
        assert [texts[place].as_py() for place, count in enumerate(counts.to_pylist()) if count] == []


def test_counts_keep_the_order_and_length_of_the_column() -> None:
    texts = pa.array(["<b>", "", "plain", None, "[[a]]"])
    found = count_markup(texts)
    assert found.type == pa.int32()
    assert found.to_pylist() == [1, 0, 0, None, 2]
    assert count_boilerplate(pa.array([], pa.string()), "en").to_pylist() == []
