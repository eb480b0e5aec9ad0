"""What answers are cut into: whatever a generator says, each piece is a task, an instance, or has a reason."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.self_instruct.parse import Instance, Piece, instances, is_classification, tasks
from pipelines.self_instruct.requests import Answer
from schemas.mi_eval import OF_INSTANCES, REASONS


def answer(text: str, finish: str = "stop", refusal: bool = False) -> Answer:
    return Answer(text, finish, refusal, 1, 1, True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("9. Sing a song.\n10. Name a bird.", ["Sing a song.", "Name a bird."]),
        (" Sing a song.\n10. Name a bird.", ["Sing a song.", "Name a bird."]),
        ("9) Sing\n   a song.\n\n**10.** Name a bird.", ["Sing a song.", "Name a bird."]),
        ("9. Add 3.5 and 4.\n10. What is 2. about?", ["Add 3.5 and 4.", "What is 2. about?"]),
        ("Sure:\n9. Sing a song.", [Piece("Sure:", "malformed"), "Sing a song."]),
        ("Here is one.\n11. Sing.", [Piece("Here is one.", "malformed"), "Sing."]),
        ("9.\n10. Sing.", [Piece("", "malformed"), "Sing."]),
        ("no list at all", [Piece("no list at all", "malformed")]),
        ("", [Piece("", "no_answer")]),
        (" \n ", [Piece("", "no_answer")]),
        ("I'm sorry, but no.", [Piece("I'm sorry, but no.", "refusal")]),
        ("As an AI language model, I", [Piece("As an AI language model, I", "refusal")]),
    ],
)
def test_lists_of_tasks(text: str, found: list[str | Piece]) -> None:
    assert tasks(answer(text), 8) == [one if isinstance(one, Piece) else Piece(one) for one in found]


def test_the_last_task_of_a_cut_answer_is_cut_off() -> None:
    assert tasks(answer("9. Sing a song.\n10. Name a", "length"), 8)[-1] == Piece("Name a", "cut_off")


def test_a_provider_that_refuses_is_a_refusal_whatever_the_text() -> None:
    assert tasks(answer("", "content_filter", True), 8) == [Piece("", "refusal")]
    assert instances(answer("Output: x", "content_filter", True), False)[0].reason == "refusal"


@pytest.mark.parametrize(
    ("text", "yes"),
    [("Yes", True), (" yes.", True), ("**Yes**", True), ("No", False), ("Yesterday", False), ("", False)],
)
def test_yes_and_no(text: str, yes: bool) -> None:
    assert is_classification(answer(text)) is yes


def test_inputs_come_first() -> None:
    text = "Example 1\nInput: one\ntwo\nOutput: three\n\nfour\nExample 2\nInput: <noinput>\nOutput: five"
    assert instances(answer(text), False) == [Instance("one\ntwo", "three\n\nfour"), Instance("", "five")]
    assert instances(answer("Output: alone"), False) == [Instance("", "alone")]
    assert instances(answer("**Output:** bold"), False) == [Instance("", "bold")]
    assert instances(answer("Output: a\n\nTask: another\nOutput: b"), False) == [Instance("", "a")]
    assert instances(answer("Example 1\nnothing"), False) == [Instance("", "nothing", "no_instance")]


def test_labels_come_first() -> None:
    text = "Class label: good\nInput: It was\nfine.\nClass label: bad\nInput: None of it."
    assert instances(answer(text), True) == [
        Instance("It was\nfine.", "good"),
        Instance("None of it.", "bad"),
    ]
    assert instances(answer("Class label: yes"), True) == [Instance("", "yes")]
    assert instances(answer("good"), True) == [Instance("", "good", "no_instance")]


def test_the_last_instance_of_a_cut_answer_is_incomplete() -> None:
    found = instances(answer("Example 1\nOutput: whole\nExample 2\nOutput: ha", "length"), False)
    assert found == [Instance("", "whole"), Instance("", "ha", "incomplete_instance")]
    assert found[1].reason in OF_INSTANCES


def test_where_a_further_task_was_cut_off_the_instances_are_whole() -> None:
    assert instances(answer("Output: whole\n\nTask: anoth", "length"), False) == [Instance("", "whole")]


def test_a_long_answer_is_no_refusal_for_how_it_begins() -> None:
    text = f"I cannot but begin with a word of praise. {'It goes on. ' * 50}\nOutput: Well."
    assert instances(answer(text), False) == [Instance("", "Well.")]
    assert instances(answer("I cannot do that.\nOutput: Well."), False)[0].reason == "refusal"


_TEXT = st.text(st.sampled_from("19. \n)*:IOExampleinputl\ud800<>é中"), max_size=80) | st.text(max_size=60)


@given(_TEXT, st.sampled_from(["stop", "length"]), st.booleans())
def test_any_answer_is_cut_into_pieces_with_known_reasons(
    text: str, finish: str, classification: bool
) -> None:
    pieces = [*tasks(answer(text, finish), 8), *instances(answer(text, finish), classification)]
    assert len(pieces) >= 2
    assert all(piece.reason is None or piece.reason in REASONS for piece in pieces)
    assert all(piece.reason or piece.text for piece in tasks(answer(text, finish), 8))


@pytest.mark.parametrize(
    "bad", ["9. \n" * 20_000, " " * 100_000, "*#" * 50_000, "Example 1\n" * 20_000, "Input:" * 30_000]
)
def test_hostile_answers_take_no_time(bad: str) -> None:
    started = time.monotonic()
    tasks(answer(bad), 8)
    instances(answer(bad), False)
    instances(answer(bad), True)
    assert time.monotonic() - started < 20
