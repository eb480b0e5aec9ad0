"""What fields quote of one another is one text after translation."""

from __future__ import annotations

import re

import pytest

from pipelines.translation.plan import FIELDS, plan_record


def phrases(*fields: str) -> list[str]:
    return list(plan_record(dict(zip(FIELDS, fields, strict=True))).phrases)


def translated(*fields: str, keep: tuple[str, ...] = ()) -> dict[str, str]:
    """By an engine that writes the same word differently every time it stands in another request."""
    plan = plan_record(dict(zip(FIELDS, fields, strict=True)), [name for name in FIELDS if name not in keep])
    known = {
        request: re.sub(
            r"[A-Za-z]{2,}", lambda word, number=number: f"{word.group().upper()}{number}", request
        )  # type: ignore[misc]
        for number, request in enumerate(plan.requests(), 10)
    }
    assert plan.needed(known) == []
    rebuilt = plan.rebuild(known)
    assert rebuilt.lost_quotes == rebuilt.lost_spans == 0
    return rebuilt.fields


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("Quote it.", "The old mill burnt down.", 'It says "the old mill" burnt.'), []),  # not word for word
        (("Quote it.", "I saw the old mill burn.", 'It says "the old mill" burnt.'), ["the old mill"]),
        (("Quote it.", "I saw the old mill.", "It says “the old mill.”"), ["the old mill"]),
        (("What is 'carpe diem'?", "", "To say carpe diem is to seize the day."), ["carpe diem"]),
        (("Find the verb.", "Birds fly south.", 'The verb is "fly".'), ["fly"]),
        (('Use "love" here.', "", "I love all that love is."), []),  # the topic, not a quotation
        (('Use "the" here.', "The cat and the dog.", 'It is "the".'), []),
        (("Billing, Delivery or Other?", "I paid twice.", "Billing"), ["Billing"]),
        (("Sort them.", "pear, green apple, fig", "fig, green apple, pear."), ["green apple", "pear", "fig"]),
        (("Write it.", "I don't know what I'd say.", "It doesn't, I'd say."), []),
        (("Say it.", "", 'He said "one thing" and "one thing".'), []),  # in one field alone
    ],
)
def test_shared_phrases(fields: tuple[str, str, str], expected: list[str]) -> None:
    assert sorted(phrases(*fields)) == sorted(expected)


def test_a_quotation_is_the_same_text_in_every_field() -> None:
    fields = translated("Quote it.", "I saw the old mill burn.", 'It says "the old mill" burnt.')
    quotation = fields["output"].split('"')[1]
    assert quotation in fields["input"]
    assert quotation.upper().startswith("THE")


def test_a_whole_sentence_that_is_quoted_stays_a_sentence() -> None:
    plan = plan_record(
        {
            "instruction": "Why?",
            "input": "It was cold. The pipes froze solid. We left.",
            "output": '"The pipes froze solid."',
        }
    )
    assert plan.requests() == ["Why?", "It was cold.", "We left.", "The pipes froze solid."]


def test_sorted_items_are_the_same_items() -> None:
    fields = translated("Sort them.", "pear, green apple, fig", "fig, green apple, pear.")
    assert sorted(fields["output"].rstrip(".").split(", ")) == sorted(fields["input"].split(", "))


def test_what_stays_english_is_quoted_in_english() -> None:
    fields = translated(
        'Mend "they was here".', "They said they was here.", "They were here.", keep=("input", "output")
    )
    assert '"they was here"' in fields["instruction"]
    assert fields["input"] == "They said they was here."


def test_what_a_program_prints_stays_as_it_is() -> None:
    fields = translated('Print "Hello World".', "", 'print("Hello World")')
    assert '"Hello World"' in fields["instruction"]
    assert fields["output"] == 'print("Hello World")'


def test_names_of_the_code_are_protected_in_all_fields() -> None:
    fields = translated("What does ArrayList do?", "var items = new ArrayList<>();", "An ArrayList grows.")
    assert "ArrayList" in fields["instruction"]
    assert "ArrayList" in fields["output"]
