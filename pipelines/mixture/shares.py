"""How many rows each part gives to a mixture: weights, temperature, caps, English replay, repeats.

Rows of a translation part are pairs, which is what budgets are in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from pipelines.errors import UserError
from schemas.mixture_run import Mixture

_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class PartFacts:
    """What is known of a part: its language, direction (None: general tasks), and the training rows there are."""

    lang: str
    direction: str | None
    available: int

    @property
    def english(self) -> bool:
        """Whether it is what keeps a model's English: general tasks in English."""
        return self.direction is None and self.lang == "en"


def shares(
    name: str, mixture: Mixture, facts: Mapping[str, PartFacts], allocation: Mapping[str, int] | None
) -> dict[str, int]:
    """The training rows of each part of a mixture. Raises `UserError`, naming every part that is short."""
    limits = {part.name: _limit(facts[part.name].available, mixture, part.max) for part in mixture.parts}
    wanted = _asked(mixture, facts, allocation)
    open_ = {part.name: part.weight for part in mixture.parts if part.name not in wanted}
    english = [n for n in open_ if facts[n].english] if mixture.english_share is not None else []
    others = {n: weight for n, weight in open_.items() if n not in english}
    problems: list[str] = []
    if allocation is not None and mixture.rows is None:
        problems += [
            f"mixtures.{name}: {n}: translation.allocation has no rows for {facts[n].lang}"
            for n in others
            if facts[n].direction is not None
        ]
    if mixture.rows is None:
        wanted |= {n: limits[n] for n in others}
    else:
        left = mixture.rows - sum(wanted.values())
        if english and mixture.english_share is not None:
            left -= round(mixture.english_share * mixture.rows)
        if left < 0:
            problems.append(
                f"mixtures.{name}: its parts ask for {-left:,} rows more than its {mixture.rows:,}"
            )
        elif others:
            sized = {
                n: weight * facts[n].available ** (1 / mixture.temperature) for n, weight in others.items()
            }
            wanted |= _shared_out(sized, {n: limits[n] for n in others}, left)
    if mixture.english_share is not None:
        if not english:
            problems.append(
                f"mixtures.{name}: english_share needs a part of English general tasks without rows of its own"
            )
        else:
            share = mixture.english_share
            rows = round(
                share / (1 - share) * sum(wanted.values())
                if mixture.rows is None
                else share * mixture.rows  # what was kept free above
            )
            given = _shared_out({n: open_[n] * facts[n].available for n in english}, limits, rows)
            wanted |= given
            if sum(given.values()) < rows:
                problems.append(
                    f"mixtures.{name}: English is short: english_share asks for {rows:,} rows of {', '.join(english)}, "
                    f"which can give {sum(given.values()):,} (max_repeats: {mixture.max_repeats})"
                )
    problems += [
        f"mixtures.{name}: {part.name} is short: {wanted[part.name]:,} rows are asked for, and there are "
        f"{facts[part.name].available:,}"
        + (f" (each at most {mixture.max_repeats} times)" if mixture.max_repeats > 1 else "")
        for part in mixture.parts
        if wanted.get(part.name, 0) > facts[part.name].available * mixture.max_repeats
    ]
    if not problems and mixture.rows is not None and sum(wanted.values()) < mixture.rows:
        short = ", ".join(f"{n} {facts[n].available:,}" for n in wanted)
        problems.append(
            f"mixtures.{name}: {mixture.rows:,} rows are asked for, and all its parts give "
            f"{sum(wanted.values()):,} ({short})"
        )
    if not problems and not sum(wanted.values()):
        problems.append(f"mixtures.{name}: is empty, for none of its parts has rows")
    if problems:
        raise UserError(*problems)
    return {part.name: wanted[part.name] for part in mixture.parts}


def _limit(available: int, mixture: Mixture, most: int | None) -> int:
    # without a total nothing asks for repeats
    limit = available * (1 if mixture.rows is None and mixture.english_share is None else mixture.max_repeats)
    return limit if most is None else min(limit, most)


def _asked(
    mixture: Mixture, facts: Mapping[str, PartFacts], allocation: Mapping[str, int] | None
) -> dict[str, int]:
    """What parts ask for themselves, and what is allocated to a language, divided among its directions by weight."""
    most = {part.name: part.max for part in mixture.parts if part.max is not None}
    wanted = {
        part.name: min(part.rows, most.get(part.name, part.rows))
        for part in mixture.parts
        if part.rows is not None
    }
    if allocation is not None and mixture.rows is None:
        by_language: dict[str, dict[str, float]] = {}
        for part in mixture.parts:
            if part.name not in wanted and facts[part.name].direction is not None:
                by_language.setdefault(facts[part.name].lang, {})[part.name] = part.weight
        for lang, weights in by_language.items():
            if lang in allocation:
                rows = allocation[lang]
                wanted |= _shared_out(weights, {n: min(rows, most.get(n, rows)) for n in weights}, rows)
    return wanted


def _shared_out(weights: Mapping[str, float], limits: Mapping[str, int], rows: int) -> dict[str, int]:
    """`rows` by weight, in whole rows; what is above a limit goes to the others. Less only where all are full.

    Each row goes to the part with the highest weight / (rows it has + 1/2) (Webster's method; the first name where they
    are the same), so that more rows take none from a part, which rounding shares would do. All but the last few are
    given at once: a part has those of its quotients that are at least a divisor, found by bisection (in fractions).
    """
    exact = {n: Fraction(weight) for n, weight in weights.items() if weight and limits[n]}
    if rows >= sum(limits[n] for n in exact):
        return {n: limits[n] if n in exact else 0 for n in weights}

    def given(divisor: Fraction) -> dict[str, int]:
        return {n: min(limits[n], floor(weight / divisor + _HALF)) for n, weight in exact.items()}

    few, many = 3 * max(exact.values()), None  # divisors that give too few rows (at first none), and too many
    while rows - sum((found := given(few)).values()) > len(exact):
        middle = few / 2 if many is None else (few + many) / 2
        if sum(given(middle).values()) > rows:
            many = middle
        else:
            few = middle
    for _ in range(rows - sum(found.values())):
        open_ = [n for n in exact if found[n] < limits[n]]
        found[min(open_, key=lambda n: (-exact[n] / (found[n] + _HALF), n))] += 1
    return {n: found.get(n, 0) for n in weights}
