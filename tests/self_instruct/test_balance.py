"""Verbs and objects of labelled instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.self_instruct.balance import verb_and_noun


@pytest.mark.parametrize(
    ("instruction", "verb", "noun"),
    [
        ("Write a short weather report for tomorrow.", "write", "report"),
        ("Explain how a refrigerator keeps food fresh.", "explain", None),
        ("Please write me a poem about the sea.", "write", "poem"),
        ("Can you suggest three names for a boat?", "suggest", "names"),
        ("Given a list of numbers, find the largest one.", "find", "largest"),
        ("Based on the text below, summarize the main argument.", "summarize", "argument"),
        ("Which city is the largest?", "which", None),
        ("How do birds find their way?", "how", None),
        ("Is this review positive or negative?", "is", None),
        ("Explain the equation $a^2$ in plain words.", "explain", "equation"),
        ("Describe what a keeper used to do.", "describe", None),
        ("List the first five planets.", "list", "planets"),
        ("Identify the verb in this sentence.", "identify", "verb"),
        ("Tell them the truth.", "tell", "truth"),
        ("Translate into French.", "translate", None),
        ("Rewrite the given sentence in the past tense.", "rewrite", "sentence"),
        ("Create 15 titles for a story about boats.", "create", "titles"),
        ("Compare and contrast the two phrases.", "compare", "phrases"),
        ("I have an interview tomorrow. What should I ask?", None, None),
        ("The following text has errors.", None, None),
        ("`code`", None, None),
        ("", None, None),
    ],
)
def test_labelled(instruction: str, verb: str | None, noun: str | None) -> None:
    assert verb_and_noun(instruction) == (verb, noun)


@given(st.text(max_size=80))
def test_any_text_is_taken(text: str) -> None:
    verb, noun = verb_and_noun(text)
    assert noun is None or verb is not None
