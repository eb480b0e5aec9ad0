"""What a set has cost, and whether the next request still fits.

Costs are counted in the order of the requests, whether an answer came from the store or from the generator, so that a
set stops at the same place however often its run was killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.self_instruct.requests import Answer, Request, prompt_tokens_at_most
from schemas.generator import Budget, Prices


@dataclass
class Ledger:
    """The tokens and money of all answers of a set so far."""

    prices: Prices
    budget: Budget
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    spent: bool = False  # whether requests were held back because the next might not fit

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def money(self) -> float:
        return money(self.prices, self.prompt_tokens, self.completion_tokens)

    def affordable(self, requests: Sequence[Request]) -> int:
        """How many of the requests, from the first on, fit even if each costs as much as it can."""
        prompt, completion = self.prompt_tokens, self.completion_tokens
        for place, request in enumerate(requests):
            prompt += prompt_tokens_at_most(request.prompt)
            completion += request.sampling.max_tokens
            over_tokens = self.budget.tokens is not None and prompt + completion > self.budget.tokens
            over_money = (
                self.budget.money is not None and money(self.prices, prompt, completion) > self.budget.money
            )
            if over_tokens or over_money:
                return place
        return len(requests)

    def add(self, answer: Answer) -> None:
        self.requests += 1
        self.prompt_tokens += answer.prompt_tokens
        self.completion_tokens += answer.completion_tokens


def money(prices: Prices, prompt_tokens: float, completion_tokens: float) -> float:
    """The price of so many tokens."""
    return (prompt_tokens * prices.input + completion_tokens * prices.output) / 1e6
