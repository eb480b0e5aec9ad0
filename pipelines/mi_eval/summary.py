"""What a build of MI-EVAL says on the terminal: before it, what it will cost; after it, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.mi_eval.estimate import Estimate
from pipelines.summary import print_places, right_aligned, say, stages, top_reasons
from schemas.mi_eval_run import MiEvalRun

_STOPPED = {
    "size": "the set is complete",
    "budget": "the budget is spent",
    "fruitless": "several rounds brought nothing new",
}


def print_estimate(found: Estimate, config: MiEvalRun) -> None:
    """Prints the requests, tokens and money of each step, and what they are reckoned from."""
    names = ("step", "requests", "prompt tokens", "answer tokens", "at most", "money")
    table = right_aligned(*names, numbers=slice(1, None))
    for step in found.steps:
        table.add_row(
            step.name,
            f"{step.requests:,}",
            f"{step.prompt_tokens:,}",
            f"{step.completion_tokens:,}",
            f"{step.most_completion_tokens:,}",
            f"{step.money:,.2f}",
        )
    Console().print(table)
    prices = config.generator.prices
    budget = config.generator.budget
    limits = [f"{budget.tokens:,} tokens"] if budget.tokens is not None else []
    limits += [f"{budget.money:,.2f} money"] if budget.money is not None else []
    say(
        f"about {found.tokens:,} tokens, {found.money:,.2f} money at {prices.input:g} and {prices.output:g} a million, "
        f"for {config.size:,} items from {found.seeds:,} seeds; reckoned with {found.kept_share:.0%} of the tasks "
        f"passing the filters, and {found.passed_share:.0%} of these all languages. {found.stored:,} answers are "
        f"stored, and cost nothing again. Budget: {' and '.join(limits) or 'none'}. Nothing was asked"
    )


def print_built(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints stage × (read, kept, top reasons), the costs, why it ended, and the output's places."""
    table = right_aligned("stage", "read", "kept", "most frequent reasons", numbers=slice(1, 3))
    for count in manifest["counts"]:
        table.add_row(count["stage"], f"{count['read']:,}", f"{count['kept']:,}", top_reasons([count], 4))
    Console().print(table)
    used = manifest["generator"]
    tokens = used["prompt_tokens"] + used["completion_tokens"]
    seconds = manifest["seconds"]
    say(
        f"{_STOPPED[manifest['stopped']]}: {manifest['counts'][-1]['kept']:,} items of {manifest['config']['size']:,} "
        f"asked for, after {manifest['rounds']} rounds; {used['requests']:,} requests, of which "
        f"{manifest['work']['requests']:,} were asked now; {tokens:,} tokens, {used['money']:,.2f} money"
    )
    say(f"{sum(seconds.values()):.1f} s: {stages(seconds)}")
    print_places(manifest, output)
