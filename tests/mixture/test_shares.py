"""How many rows each part gives to a mixture."""

from __future__ import annotations

import time
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
        ({"parts": ["alpaca-en", "en-zh"], "english_share": 0.3, "rows": 8}, None, {"alpaca-en": 2, "en-zh": 6}),
        ({"parts": ["alpaca-en", "en-zh"], "english_share": 0.3, "rows": 12}, None, {"alpaca-en": 4, "en-zh": 8}),
        ([{"name": "en-zh", "max": 30}, "zh-en"], {"zh": 100}, {"en-zh": 30, "zh-en": 70}),
        ([{"name": "en-zh", "max": 30}], {"zh": 100}, {"en-zh": 30}),
        ([{"name": "en-zh", "max": 30, "rows": 50}], None, {"en-zh": 30}),
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


def test_one_more_row_takes_none_away() -> None:
    """Rounded shares of 6:6:2 would be 4, 4, 2 of 10 rows, and 5, 5, 1 of 11."""
    weights = {"en-zh": 6, "zh-en": 6, "en-el": 2}  # weights are multiplied with the rows there are
    parts = [{"name": name, "weight": weight / FACTS[name].available} for name, weight in weights.items()]
    ten, eleven = (shared({"parts": parts, "rows": rows}) for rows in (10, 11))
    assert all(eleven[name] >= ten[name] for name in ten)


def test_millions_of_rows_are_shared_out_at_once() -> None:
    facts = {f"en-{n}": PartFacts("zh", f"en-{n}", 7_000_001 + n) for n in range(60)}
    mixture = Mixture.model_validate({"parts": list(facts), "rows": 300_000_007, "temperature": 3})
    started = time.perf_counter()
    assert sum(shares("m", mixture, facts, None).values()) == 300_000_007
    assert time.perf_counter() - started < 1


@given(
    rows=st.integers(1, 2_000),
    more=st.integers(0, 20),
    temperature=st.floats(1, 10),
    weights=st.lists(st.floats(0.1, 10), min_size=3, max_size=3),
    english=st.one_of(st.none(), st.floats(0, 0.99)),
)
def test_rows_are_all_given_and_more_only_add(
    rows: int, more: int, temperature: float, weights: list[float], english: float | None
) -> None:
    """No part gives more than it has, and none gives less where more is asked for."""
    names = ("alpaca-zh", "en-zh", "en-el")
    english_rows = 0 if english is None else round(english * (rows + more))
    parts = [{"name": name, "weight": weight} for name, weight in zip(names, weights, strict=True)]
    if english is not None:
        parts.append({"name": "alpaca-en", "weight": 1.0})
    there = sum(FACTS[name].available for name in names)
    mixture = {"parts": parts, "temperature": temperature, "english_share": english}
    if rows + more - english_rows > there or english_rows > FACTS["alpaca-en"].available:
        with pytest.raises(UserError, match=r"short|all its parts give"):
            shared(mixture | {"rows": rows + more})
        return
    less, found = (shared(mixture | {"rows": number}) for number in (rows, rows + more))
    assert (sum(less.values()), sum(found.values())) == (rows, rows + more)
    assert all(0 <= less[name] <= found[name] <= FACTS[name].available for name in found)
