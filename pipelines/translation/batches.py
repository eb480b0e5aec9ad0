"""Batches of about equal cost: sorted by length, cut by a budget of tokens, which a short trial finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")

SMALLEST, LARGEST = 256, 1 << 17  # budgets that are tried, in tokens
_WORTH = 1.03  # a larger batch takes more memory, so it must be faster by that much


def cut(items: Sequence[Item], lengths: Sequence[int], budget: int) -> Iterator[list[Item]]:
    """Batches of `items`, longest first, of at most `budget` tokens each, padding included.

    `lengths` are in tokens. An item longer than the budget is a batch of its own. Items of one length keep their order.
    """
    order = sorted(range(len(items)), key=lambda index: -lengths[index])
    start = 0
    while start < len(order):
        longest = max(1, lengths[order[start]])
        end = start + max(1, budget // longest)
        yield [items[index] for index in order[start:end]]
        start = end


@dataclass
class BudgetTrial:
    """Finds the token budget that translates most tokens a second, by doubling it as long as that helps.

    `budget` is what to use next; `report` takes what it brought. `found` says that the trial is over. What was
    translated in the trial is translated; nothing is done twice.
    """

    budget: int = SMALLEST
    found: bool = False
    speeds: dict[int, float] = field(default_factory=dict)

    def report(self, tokens: int, seconds: float) -> None:
        """Takes the tokens translated with the present budget, and the seconds it took."""
        best = max(self.speeds, key=self.speeds.__getitem__, default=None)
        self.speeds[self.budget] = speed = tokens / max(seconds, 1e-9)
        if best is not None and speed < _WORTH * self.speeds[best]:
            self.budget, self.found = best, True
        elif self.budget >= LARGEST:
            self.found = True
        else:
            self.budget *= 2
