"""Fields as segments and separators: nothing is lost, whatever the text."""

from __future__ import annotations

import pytest
from any_text import ANY_TEXT
from hypothesis import given
from hypothesis import strategies as st

from pipelines.translation.segments import LIMIT, MARK, Piece, estimate_tokens, join, split


def segments(text: str) -> list[str]:
    return [piece.text for piece in split(text) if piece.translate]


@given(ANY_TEXT)
def test_joined_pieces_are_the_text(text: str) -> None:
    assert join(split(text)) == text


@given(ANY_TEXT, st.integers(min_value=1, max_value=20))
def test_no_segment_is_over_the_limit(text: str, limit: int) -> None:
    pieces = split(text, limit=limit, length=len)
    assert join(pieces) == text
    assert all(len(piece.text) <= limit for piece in pieces if piece.translate)


def test_a_text_without_any_boundary_is_cut() -> None:
    text = "a" * 10_000 + " " + "字" * 5_000
    assert join(split(text)) == text
    assert max(map(estimate_tokens, segments(text))) <= LIMIT


def test_long_sentences_are_cut_at_the_strongest_clause() -> None:
    text = "We left at dawn, as planned; the road was long, and nobody spoke."
    assert [piece.text for piece in split(text, limit=45, length=len) if piece.translate] == [
        "We left at dawn, as planned;",
        "the road was long, and nobody spoke.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (
            "It is put off until May. Divers look. Fine.",
            ["It is put off until May.", "Divers look.", "Fine."],
        ),
        (
            "J.D. Salinger met Dr. Lee vs. Mr. K. in the U.S. Army.",
            ["J.D. Salinger met Dr. Lee vs. Mr. K. in the U.S. Army."],
        ),
        ("1. Boil water.\n2. Wait.", ["Boil water.", "Wait."]),
        ("1.Boil water\n2)Wait", ["Boil water", "Wait"]),
        ("1.5 litres are enough", ["1.5 litres are enough"]),
        ("  - deep item\n\t* other item", ["deep item", "other item"]),
        ("-Tower Bridge\n•Big Ben\n-5 degrees", ["Tower Bridge", "Big Ben", "-5 degrees"]),
        ("a) first\nb) second\n(c) third\niv. fourth", ["first", "second", "third", "fourth"]),
        ("A. Paris\nB. Rome", ["Paris", "Rome"]),
        ("E. B. White wrote it.", ["E. B. White wrote it."]),
        ("## A heading\n> quoted words\n> > twice", ["A heading", "quoted words", "twice"]),
        ("- [ ] to do\n- [x] done", ["to do", "done"]),
        ("| Name | Age |\n|------|-----|\n| Ann Lee | 7 |", ["Name", "Age", "Ann Lee"]),
        ("Name\tCity\nAnn\tRome", ["Name", "City", "Ann", "Rome"]),
        ("Region    Sales\nNorth     2000", ["Region", "Sales", "North"]),
        ("first\r\nsecond\u2028third\x0bfourth", ["first", "second", "third", "fourth"]),
        ("**Bold title**\n*Note*", ["Bold title", "Note"]),
        ("B", []),
        ("x", []),
        ("12 + 3 = 15", []),
        (f"{MARK}\n{MARK} and {MARK}.", [f"{MARK} and {MARK}."]),
        ("", []),
    ],
)
def test_segments(text: str, expected: list[str]) -> None:
    assert segments(text) == expected
    assert join(split(text)) == text


def test_a_language_without_spaces_drops_the_space_between_sentences() -> None:
    pieces = [
        Piece("1. ", False),
        Piece("你好。", True),
        Piece(" ", False),
        Piece("再见。", True),
        Piece("\n", False),
    ]
    pieces += [
        Piece("OK.", True),
        Piece(" ", False),
        Piece("Fine.", True),
        Piece("  ", False),
        Piece("好", True),
    ]
    assert join(pieces, spaced=False) == "1. 你好。再见。\nOK. Fine.  好"
    assert join(pieces) == "1. 你好。 再见。\nOK. Fine.  好"
