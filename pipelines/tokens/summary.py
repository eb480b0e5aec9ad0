"""What tokenising says on the terminal at its end: one table, and where things are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def print_tokenized(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints mixture and language × (read, kept, tokens, learned, truncated, reasons), and the output's places."""
    table = Table(
        "mixture", "language", "read", "kept", "tokens", "learned", "truncated", "most frequent reasons"
    )
    for column in table.columns[2:7]:
        column.justify = "right"
    totals: dict[tuple[str, str], Counter[str]] = {}
    reasons: dict[tuple[str, str], Counter[str]] = {}
    for count in manifest["counts"]:
        key = (count["mixture"], count["lang"])
        numbers = {name: count[name] for name in ("read", "kept", "tokens", "learned", "truncated")}
        totals.setdefault(key, Counter()).update(numbers)
        reasons.setdefault(key, Counter()).update(count["rejected"])
    for key, total in sorted(totals.items()):
        top = ", ".join(f"{reason} {rows:,}" for reason, rows in reasons[key].most_common(3))
        numbers_shown = (f"{total[name]:,}" for name in ("read", "kept", "tokens", "learned", "truncated"))
        table.add_row(*key, *numbers_shown, top)
    console = Console()
    console.print(table)
    seconds = manifest["seconds"]
    console.print(
        ", ".join(f"{stage} {time:.1f} s" for stage, time in seconds.items())
        if seconds
        else "made before, from the same shards with the same tokenizer, template and length: nothing was done",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"tokens: {output / 'tokens'}; report: {output / 'report.html'}", soft_wrap=True)
