"""What a build of MI-EVAL says on the terminal: before it, what it will cost; after it, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipelines.mi_eval.estimate import Estimate
from schemas.mi_eval_run import MiEvalRun

_STOPPED = {
    "size": "the set is complete",
    "budget": "the budget is spent",
    "fruitless": "several rounds brought nothing new",
}


def print_estimate(found: Estimate, config: MiEvalRun) -> None:
    """Prints the requests, tokens and money of each step, and what they are reckoned from."""
    table = Table("step", "requests", "prompt tokens", "answer tokens", "at most", "money")
    for column in table.columns[1:]:
        column.justify = "right"
    for step in found.steps:
        table.add_row(
            step.name,
            f"{step.requests:,}",
            f"{step.prompt_tokens:,}",
            f"{step.completion_tokens:,}",
            f"{step.most_completion_tokens:,}",
            f"{step.money:,.2f}",
        )
    console = Console()
    console.print(table)
    prices = config.generator.prices
    budget = config.generator.budget
    limits = [f"{budget.tokens:,} tokens"] if budget.tokens is not None else []
    limits += [f"{budget.money:,.2f} money"] if budget.money is not None else []
    console.print(
        f"about {found.tokens:,} tokens, {found.money:,.2f} money at {prices.input:g} and {prices.output:g} a million, "
        f"for {config.size:,} items from {found.seeds:,} seeds; reckoned with {found.kept_share:.0%} of the tasks "
        f"passing the filters, and {found.passed_share:.0%} of these all languages. {found.stored:,} answers are "
        f"stored, and cost nothing again. Budget: {' and '.join(limits) or 'none'}. Nothing was asked",
        highlight=False,
        soft_wrap=True,
    )


def print_built(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints stage × (read, kept, top reasons), the costs, why it ended, and the output's places."""
    table = Table("stage", "read", "kept", "most frequent reasons")
    for column in table.columns[1:3]:
        column.justify = "right"
    for count in manifest["counts"]:
        reasons = sorted(count["rejected"].items(), key=lambda found: (-found[1], found[0]))[:4]
        top = ", ".join(f"{reason} {rows:,}" for reason, rows in reasons)
        table.add_row(count["stage"], f"{count['read']:,}", f"{count['kept']:,}", top)
    console = Console()
    console.print(table)
    used = manifest["generator"]
    tokens = used["prompt_tokens"] + used["completion_tokens"]
    seconds = manifest["seconds"]
    console.print(
        f"{_STOPPED[manifest['stopped']]}: {manifest['counts'][-1]['kept']:,} items of {manifest['config']['size']:,} "
        f"asked for, after {manifest['rounds']} rounds; {used['requests']:,} requests, of which "
        f"{manifest['work']['requests']:,} were asked now; {tokens:,} tokens, {used['money']:,.2f} money",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"{sum(seconds.values()):.1f} s: "
        + ", ".join(f"{name} {time:.1f} s" for name, time in seconds.items()),
        highlight=False,
        soft_wrap=True,
    )
    folder = output / "mi_eval"
    console.print(f"dataset: {folder} (card: {folder / 'README.md'})", soft_wrap=True)
    console.print(f"report: {output / 'report.html'}", soft_wrap=True)
