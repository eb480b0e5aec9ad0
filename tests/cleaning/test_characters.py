"""The counts of whole batches, against counting one character after the other."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cleaning.characters import COUNTS, count_characters

LATIN = ("Latin",)
JAPANESE = ("Han", "Hiragana", "Katakana")

ENDS, WIDE_ENDS, AFTER_END = ".!?؟।॥…", "。！？", ' "”’)»]'
LEADS, SURE_LEADS = "ÂÃÐÑâ", "ÃÄÅ"
CONTINUATIONS = "".join(map(chr, range(0x80, 0xC0))) + "€‚ƒ„…†‡ˆ‰‹‘’“”•–—˜™›"
SEPARATORS, OPENING, CLOSING = "|•·►▪■◦/;,،、，；؛", "([{（【［", ")]}）】］"
QUOTES, QUESTIONS = '"“”„«»「」『』《》', "?？؟"
PIECES = [
    *"aábZÉß зЖ λΩ 中文 かカー ไทย 한 एकी ا٣ب ५ 5 0",
    *("  ", ". ", "... ", "?”", "!)", ".a", ". a", "; ", ";", "。", "！！", "?!", "…"),
    *("'", "’", "-", *SEPARATORS, *OPENING, *CLOSING, *QUOTES, *QUESTIONS, *ENDS, *WIDE_ENDS),
    *("Ã©", "â€™", "Å?", "Ä", "\ufffd", "\x80", "\ue000", "\u0301", "\u094d", "😀", "𠮷", "\n", "\xa0"),
    *("aaaaaa", "ababab", "ha ha ha ", "12121212", "-" * 7),
]
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def is_letter(character: str) -> bool:
    return unicodedata.category(character).startswith("L")


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


@cache
def is_foreign(character: str, scripts: tuple[str, ...]) -> bool:
    own = (*scripts, "Common", "Inherited")
    return is_letter(character) and not any(
        regex.match(rf"\p{{Script={script}}}", character) for script in own
    )


def is_broken(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) == "Co" or "\x80" <= character <= "\x9f"


def at(text: str, place: int) -> str:
    """The character at a place; a space right behind the end, as between words, and nothing further on."""
    return text[place] if 0 <= place < len(text) else " " if place == len(text) else ""


def ends(text: str) -> int:
    found = 0
    for place, character in enumerate(text):
        following, second = at(text, place + 1), at(text, place + 2)
        if character in ENDS:
            small = second != "" and unicodedata.category(second) == "Ll"
            found += following not in ENDS and following in AFTER_END and not small
        elif character in WIDE_ENDS:
            found += following not in WIDE_ENDS
    return found


def word_starts(text: str) -> list[str]:
    starts, inside = [], False
    for character in text:
        if is_letter(character) and not inside:
            starts.append(character)
        inside = is_letter(character) or is_mark(character) or character in "'’-"
    return starts


def repeated(text: str) -> int:
    """Characters equal to the one a period before, in runs of two periods (of five characters for period 1)."""
    marked: set[int] = set()
    for period in range(1, 13):
        run: list[int] = []
        for place in range(period, len(text) + 1):
            if place < len(text) and text[place] == text[place - period]:
                run.append(place)
                continue
            if len(run) >= (5 if period == 1 else 2 * period):
                marked.update(run)
            run = []
    return len(marked)


def total(test: Callable[[str], bool]) -> Callable[[str], int]:
    return lambda text: sum(map(test, text))


def naive(text: str, scripts: tuple[str, ...]) -> dict[str, int]:
    semicolons = [place for place, character in enumerate(text) if character == ";"]
    runs = [len(list(run)) for solid, run in groupby(text, lambda character: character != " ") if solid]
    couples = [
        (a in LEADS and b in CONTINUATIONS) or (a in SURE_LEADS and b == "?")
        for a, b in zip(text, (text + " ")[1:], strict=True)
    ]
    counting: dict[str, Callable[[str], int]] = {
        "spaces": total(" ".__eq__),
        "letters": total(is_letter),
        "marks": total(is_mark),
        "digits": total(lambda character: unicodedata.category(character) == "Nd"),
        "ascii_digits": total(lambda character: character in "0123456789"),
        "foreign": total(lambda character: is_foreign(character, scripts)),
        "separators": total(lambda character: character in SEPARATORS),
        "opening": total(lambda character: character in OPENING),
        "closing": total(lambda character: character in CLOSING),
        "quotes": total(lambda character: character in QUOTES),
        "questions": total(lambda character: character in QUESTIONS),
    }
    return {
        **{name: count(text) for name, count in counting.items()},
        "length": len(text),
        "ends": ends(text),
        "semicolon_ends": sum(at(text, place + 1) in AFTER_END for place in semicolons),
        "words": len(word_starts(text)),
        "capitals": sum(unicodedata.category(character) == "Lu" for character in word_starts(text)),
        "longest_word": max(runs, default=0),
        "broken": sum(couple or is_broken(a) for couple, a in zip(couples, text, strict=True)),
        "repeated": repeated(text),
    }


def counts(batch: Sequence[str], scripts: tuple[str, ...] = LATIN) -> list[dict[str, int]]:
    found = count_characters(batch, scripts)
    assert set(found) == set(COUNTS)
    assert all(len(column) == len(batch) for column in found.values())
    return [{name: int(found[name][row]) for name in COUNTS} for row in range(len(batch))]


def one(text: str, name: str, scripts: tuple[str, ...] = LATIN) -> int:
    return counts([text], scripts)[0][name]


@settings(max_examples=200, deadline=None)
@given(texts, st.sampled_from([LATIN, JAPANESE, ("Arabic",)]))
def test_the_counts_of_a_text_are_those_of_its_characters_one_by_one(
    text: str, scripts: tuple[str, ...]
) -> None:
    assert counts([text], scripts) == [naive(text, scripts)]


@pytest.mark.parametrize("character", sorted({character for piece in PIECES for character in piece}))
def test_each_character_by_itself_is_in_its_classes(character: str) -> None:
    assert counts([character]) == [naive(character, LATIN)]


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=6))
def test_a_text_has_the_same_counts_in_any_batch(batch: list[str]) -> None:
    together = counts(batch)
    apart = [counts([text])[0] for text in batch]
    for row in (*together, *apart):
        del row["ends"]  # see below
    assert together == apart


def test_sentence_ends_do_not_depend_on_the_next_text_of_the_batch() -> None:
    assert [row["ends"] for row in counts(["He left.", "and came back."])] == [1, 1]


def test_texts_beyond_one_step_of_work_are_counted_alike() -> None:
    batch = [f"Word{'s' * (number % 7)} ({number})." for number in range(1100)]
    found = counts(batch)
    for number in (0, 1, 511, 512, 513, 1023, 1024, 1099):
        assert found[number] == naive(batch[number], LATIN)


def test_an_empty_batch_has_no_counts_and_empty_texts_have_zeros() -> None:
    assert counts([]) == []
    assert counts(["", "a", "", ""])[2] == dict.fromkeys(COUNTS, 0)
    assert one("", "length") == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("One. Two! Three?", 3),
        ("Wait... What?!", 2),
        ("Wait... what?", 1),
        ("3.14 is no end, nor is v1.2", 0),
        ("e.g. this, etc. and so on.", 1),
        ('He said "no." Then "yes."', 2),
        ("(It rains.) Stay.", 2),
        ("他来了。真的？！是的。", 3),
        ("क्या? हाँ।", 2),
        ("لماذا؟ لا أدري.", 2),
        ("No end", 0),
    ],
)
def test_sentence_ends(text: str, number: int) -> None:
    assert one(text, "ends") == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("ababab", 4),
        ("abab", 0),
        ("aaaaaa", 5),
        ("aaaaa", 0),
        ("na na na na", 8),
        ("abcdefghijklabcdefghijklabcdefghijkl", 24),
        ("abcdefghijklmabcdefghijklmabcdefghijklm", 0),
        ("the cat sat on the mat", 0),
    ],
)
def test_repeated_pieces(text: str, number: int) -> None:
    assert one(text, "repeated") == number


@settings(max_examples=60, deadline=None)
@given(st.text("abcdefghijkl", min_size=2, max_size=12), st.integers(3, 6))
def test_any_piece_repeated_thrice_or_more_is_found(piece: str, times: int) -> None:
    assert one(piece * times, "repeated") >= len(piece) * (times - 1)


def test_neighbouring_texts_do_not_continue_a_repetition() -> None:
    assert [row["repeated"] for row in counts(["ab"] * 20)] == [0] * 20
    assert [row["repeated"] for row in counts(["", "a", "a", "a", "a", "a", "a", "a"])] == [0] * 8


def test_letters_common_to_all_scripts_are_foreign_nowhere() -> None:
    assert one("º ー", "foreign") == 0
    assert one("abc где", "foreign") == 3
    assert one("abc где", "foreign", ("Cyrillic",)) == 3
    assert one("日本のカメラ", "foreign", JAPANESE) == 0
