"""How many rows each part gives to a mixture."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UserError
from pipelines.mixture.shares import PartFacts, shares
from schemas.mixture_run import Mixture

FACTS = {
    "alpaca-en": PartFacts("en", None, 50),
    "alpaca-zh": PartFacts("zh", None, 40),
    "en-zh": PartFacts("zh", "en-zh", 900),
    "zh-en": PartFacts("zh", "zh-en", 900),
    "en-el": PartFacts("el", "en-el", 100),
}


def shared(mixture: Any, allocation: dict[str, int] | None = None) -> dict[str, int]:
    return shares("m", Mixture.model_validate(mixture), FACTS, allocation)


@pytest.mark.parametrize(
    ("mixture", "allocation", "expected"),
    [
        (["alpaca-en", "en-zh"], None, {"alpaca-en": 50, "en-zh": 900}),
        ({"parts": ["alpaca-zh"], "rows": 80, "max_repeats": 2}, None, {"alpaca-zh": 80}),
        (["alpaca-en", "en-zh"], {"zh": 120}, {"alpaca-en": 50, "en-zh": 120}),
        (["en-zh", "zh-en"], {"zh": 121}, {"en-zh": 61, "zh-en": 60}),
        (["en-zh", {"name": "zh-en", "weight": 3}], {"zh": 100}, {"en-zh": 25, "zh-en": 75}),
        ([{"name": "en-zh", "max": 30}, "en-el"], None, {"en-zh": 30, "en-el": 100}),
        ({"parts": ["en-zh", "en-el"], "rows": 100}, None, {"en-zh": 90, "en-el": 10}),
        ({"parts": ["en-zh", "en-el"], "rows": 100, "temperature": 2}, None, {"en-zh": 75, "en-el": 25}),
        ({"parts": ["en-zh", "en-el"], "rows": 990}, None, {"en-zh": 891, "en-el": 99}),
        ({"parts": ["alpaca-en", "alpaca-zh"], "rows": 90, "max_repeats": 2}, None, {"alpaca-en": 50, "alpaca-zh": 40}),
        ({"parts": ["alpaca-en", "en-zh"], "english_share": 0.2}, {"zh": 160}, {"alpaca-en": 40, "en-zh": 160}),
        ({"parts": ["alpaca-en", "en-zh"], "english_share": 0.25, "rows": 80}, None, {"alpaca-en": 20, "en-zh": 60}),
        ({"parts": ["alpaca-en", "en-zh"], "english_share": 0.0}, {"zh": 10}, {"alpaca-en": 0, "en-zh": 10}),
    ],
)  # fmt: skip
def test_shares(mixture: Any, allocation: dict[str, int] | None, expected: dict[str, int]) -> None:
    assert shared(mixture, allocation) == expected


@pytest.mark.parametrize(
    ("mixture", "sentence"),
    [
        ([{"name": "en-zh", "rows": 901}], "en-zh is short: 901 rows are asked for, and there are 900"),
        ({"parts": ["en-zh", "en-el"], "rows": 5_000}, "all its parts give 1,000"),
        ({"parts": ["en-zh"], "english_share": 0.2}, "english_share needs a part of English"),
        (
            {"parts": ["alpaca-en", {"name": "en-zh", "rows": 50}], "rows": 20},
            "ask for 30 rows more than its 20",
        ),
        (
            {"parts": ["alpaca-en", "en-zh"], "english_share": 0.5},
            "asks for 900 rows of alpaca-en, which can give 50",
        ),
    ],
)
def test_what_is_not_there_is_not_given(mixture: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        shared(mixture)


def test_a_language_that_is_allocated_nothing_is_named() -> None:
    with pytest.raises(UserError, match=r"en-el: translation.allocation has no rows for el"):
        shared(["en-zh", "en-el"], {"zh": 10})
    assert shared(["en-zh", "en-el"], {"zh": 10, "el": 0}) == {"en-zh": 10, "en-el": 0}
    assert shared(["en-zh", {"name": "en-el", "rows": 7}], {"zh": 10}) == {"en-zh": 10, "en-el": 7}


@given(
    rows=st.integers(1, 2_000),
    temperature=st.floats(1, 10),
    weights=st.lists(st.floats(0.1, 10), min_size=3, max_size=3),
)
def test_rows_are_all_given_and_no_part_beyond_what_it_has(
    rows: int, temperature: float, weights: list[float]
) -> None:
    names = ("alpaca-zh", "en-zh", "en-el")
    parts = [{"name": name, "weight": weight} for name, weight in zip(names, weights, strict=True)]
    there = sum(FACTS[name].available for name in names)
    mixture = {"parts": parts, "rows": rows, "temperature": temperature}
    if rows > there:
        with pytest.raises(UserError):
            shared(mixture)
        return
    found = shared(mixture)
    assert sum(found.values()) == rows
    assert all(0 <= found[name] <= FACTS[name].available for name in names)
