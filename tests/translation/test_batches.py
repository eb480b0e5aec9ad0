"""Batches keep every item, their budget and the order of lengths; the trial settles on what was fastest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.translation.batches import LARGEST, SMALLEST, BudgetTrial, cut


@given(st.lists(st.integers(0, 300)), st.integers(1, 1000))
def test_every_item_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(cut(range(len(lengths)), lengths, budget))
    assert sorted(item for batch in batches for item in batch) == list(range(len(lengths)))
    flat = [lengths[item] for batch in batches for item in batch]
    assert flat == sorted(flat, reverse=True)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[item] for item in batch) <= budget


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(50, 500))
def test_a_batch_is_as_full_as_the_budget_allows(lengths: list[int], budget: int) -> None:
    batches = list(cut(range(len(lengths)), lengths, budget))
    for batch in batches[:-1]:
        assert (len(batch) + 1) * lengths[batch[0]] > budget


def _run(speed: Callable[[int], float]) -> BudgetTrial:
    trial = BudgetTrial()
    while not trial.found:
        trial.report(1000, 1000 / speed(trial.budget))
    return trial


@pytest.mark.parametrize("best", [SMALLEST, 1024, 8192])
def test_the_trial_finds_the_fastest_budget(best: int) -> None:
    trial = _run(lambda budget: 100 * min(budget, best) / max(1, budget / best))
    assert trial.budget == best


def test_a_larger_budget_must_be_worth_its_memory() -> None:
    assert _run(lambda budget: 100 + budget / 1e6).budget == SMALLEST


def test_the_trial_ends() -> None:
    assert _run(lambda budget: budget).budget == LARGEST
