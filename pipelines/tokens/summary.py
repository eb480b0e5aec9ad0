"""What tokenising says on the terminal at its end: one table, and where things are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.summary import right_aligned, say, stages, top_reasons

_NUMBERS = ("read", "kept", "tokens", "learned", "truncated")


def print_tokenized(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints mixture and language × (read, kept, tokens, learned, truncated, reasons), and the output's places."""
    table = right_aligned("mixture", "language", *_NUMBERS, "most frequent reasons", numbers=slice(2, 7))
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for count in manifest["counts"]:
        groups.setdefault((count["mixture"], count["lang"]), []).append(count)
    for key, counts in sorted(groups.items()):
        totals = (f"{sum(count[name] for count in counts):,}" for name in _NUMBERS)
        table.add_row(*key, *totals, top_reasons(counts))
    Console().print(table)
    say(
        stages(manifest["seconds"])
        or "made before, from the same shards with the same tokenizer, template and length: nothing was done"
    )
    say(f"tokens: {output / 'tokens'}; report: {output / 'report.html'}")
