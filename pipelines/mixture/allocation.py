"""Allocation of a budget: which rows of which language raise the mean score most (arXiv 2308.04948, section 3.3).

    maximise sum(w_i * S_i(X_i)) / sum(w_i)   subject to   sum(X_i) = C,  floor_i <= X_i <= max_i

Each S_i(X) = 100 - A_i * X ** beta_i is concave, so with b_i = -beta_i the Karush-Kuhn-Tucker conditions say it all:
there is one multiplier m with X_i = clip((w_i * A_i * b_i / m) ** (1 / (1 + b_i)), floor_i, max_i), and the sum of
these falls with m. Bisection on log m finds it in O(n log 1/eps).

A general solver is not safe here. The optimum is flat: in the paper's range the mean score changes by less than 0.1
between the uniform and the best allocation. SLSQP on raw counts from the uniform start sees the score change by less
than its tolerance, and returns the start as its solution, with success (31 % off at the paper's C = 300,000). Divided
by C, and with a tolerance of 1e-12, it agrees with what is computed here (tests/mixture/test_allocation.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import UserError
from pipelines.mixture.scaling_law import Law

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Language:
    """What is known of a language: its law, the rows there are (None: any number), its weight and floor in rows."""

    law: Law
    maximum: int | None = None
    weight: float = 1.0
    floor: int = 0


@dataclass(frozen=True)
class Allocation:
    """The rows of each language, and what one more row of the budget would add to the mean score (`multiplier`).

    It is 0 where the budget takes all there is: there is no more row.
    """

    rows: dict[str, int]
    multiplier: float
    capped: tuple[str, ...]
    floored: tuple[str, ...]


def allocate(languages: Mapping[str, Language], budget: int) -> Allocation:
    """The best allocation of `budget` rows, in whole rows that sum to it.

    A language that gets all its rows is `capped`; `floored` is one that gets its floor though it is not worth that
    much. Raises `UserError` if the budget is more than there is, or less than the floors.
    """
    _check(languages, budget)
    names = list(languages)
    scale = np.array([languages[name].law.scale for name in names])
    b = np.array([-languages[name].law.beta for name in names])
    weights = np.array([languages[name].weight for name in names])
    weights = weights / weights.sum()
    low = np.array([float(languages[name].floor) for name in names])
    high = np.array(
        [float("inf") if (most := languages[name].maximum) is None else float(most) for name in names]
    )
    log_gain = np.log(weights) + np.log(scale) + np.log(b)  # log of the marginal gain at X = 1

    def at(log_multiplier: float) -> Floats:
        free = np.exp(np.minimum((log_gain - log_multiplier) / (1 + b), 700.0))
        return np.asarray(np.clip(free, low, high))

    log_multiplier = _bisected(at, log_gain, b, budget)
    whole = _whole(at(log_multiplier), log_gain, b, low, high, budget)
    if (whole >= high).all():
        log_multiplier = -math.inf  # any small enough one gives all there is
    gain = log_gain - (1 + b) * np.log(np.maximum(whole, 1.0))
    return Allocation(
        rows={name: int(rows) for name, rows in zip(names, whole, strict=True)},
        multiplier=math.exp(log_multiplier),
        capped=tuple(n for n, rows, most in zip(names, whole, high, strict=True) if rows >= most),
        floored=tuple(
            n
            for n, rows, least, g in zip(names, whole, low, gain, strict=True)
            if least and rows <= least and g < log_multiplier
        ),
    )


def uniform(languages: Mapping[str, Language], budget: int) -> dict[str, float]:
    """As many rows for each language; what one lacks is shared by the others."""
    return _filled(languages, budget, dict.fromkeys(languages, 1.0))


def proportional(languages: Mapping[str, Language], budget: int) -> dict[str, float] | None:
    """Rows in proportion to those that there are; None if that is not known of every language."""
    known = {name: language.maximum for name, language in languages.items() if language.maximum is not None}
    if len(known) < len(languages) or not sum(known.values()):
        return None
    return {name: budget * most / sum(known.values()) for name, most in known.items()}


def mean_score(laws: Mapping[str, Law], rows: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The weighted mean of the languages' scores; a language without rows scores as with one row."""
    total = sum(weights.values())
    return sum(weights[n] * float(law.score(max(rows[n], 1.0))) for n, law in laws.items()) / total


def gains(
    replicates: Sequence[Mapping[str, Law]],
    rows: Mapping[str, float],
    baseline: Mapping[str, float],
    weights: Mapping[str, float],
    level: float = 0.9,
) -> tuple[float, float] | None:
    """The interval, over a bootstrap's laws, of what `rows` gain over `baseline`; None without replicates."""
    if not replicates:
        return None
    found = [mean_score(laws, rows, weights) - mean_score(laws, baseline, weights) for laws in replicates]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _check(languages: Mapping[str, Language], budget: int) -> None:
    if budget < 1:
        raise UserError(f"budget: expected one row or more, found {budget:,}")
    problems = [
        f"floor: {name} has {language.maximum:,} rows, fewer than its floor of {language.floor:,}"
        for name, language in languages.items()
        if language.maximum is not None and language.floor > language.maximum
    ]
    floors = sum(language.floor for language in languages.values())
    if floors > budget:
        problems.append(f"floor: the floors sum to {floors:,} rows, more than the budget of {budget:,}")
    known = [language.maximum for language in languages.values()]
    there = sum(most for most in known if most is not None)
    if None not in known and budget > there:
        each = ", ".join(f"{name} {language.maximum:,}" for name, language in languages.items())
        problems.append(
            f"budget: {budget:,} rows are more than the {there:,} there are; every language is short ({each})"
        )
    if problems:
        raise UserError(*problems)


def _bisected(at: Any, log_gain: Floats, b: Floats, budget: int) -> float:
    """The multiplier's logarithm at which the rows sum to the budget."""
    # so large that every language gets less than a row, and so small that each alone would get the budget
    high = float(log_gain.max())
    low = float((log_gain - (1 + b) * math.log(budget + 1.0)).min())
    while high - low > 1e-15 * max(1.0, abs(high), abs(low)):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if at(middle).sum() > budget:
            low = middle
        else:
            high = middle
    return high


def _whole(rows: Floats, log_gain: Floats, b: Floats, low: Floats, high: Floats, budget: int) -> Floats:
    """Whole rows that sum to the budget: rounded down, and the rest where the next row is worth most."""
    whole = np.minimum(np.maximum(np.floor(rows + 1e-6), low), high)
    while (left := budget - int(whole.sum())) > 0:
        gain = np.where(whole < high, log_gain - (1 + b) * np.log(np.maximum(whole, 0.5)), -np.inf)
        best = np.argsort(-gain, kind="stable")[:left]
        whole[best[gain[best] > -np.inf]] += 1
    while (over := int(whole.sum()) - budget) > 0:  # by the rounding of floats alone
        gain = np.where(whole > low, log_gain - (1 + b) * np.log(np.maximum(whole, 0.5)), np.inf)
        whole[np.argsort(gain, kind="stable")[:over]] -= 1
    return whole


def _filled(languages: Mapping[str, Language], budget: int, shares: Mapping[str, float]) -> dict[str, float]:
    """The budget by shares; what is above a language's maximum goes to the others, by theirs."""
    rows: dict[str, float] = {}
    open_, left = dict(shares), float(budget)
    while open_:
        total = sum(open_.values())
        full = [
            name
            for name, share in open_.items()
            if (most := languages[name].maximum) is not None and left * share / total > most
        ]
        if not full:
            return rows | {name: left * share / total for name, share in open_.items()}
        for name in full:
            rows[name] = float(languages[name].maximum or 0)
            left -= rows[name]
            del open_[name]
    return rows
