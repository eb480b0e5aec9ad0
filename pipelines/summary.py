"""What a job says at its end: one table, and where things are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def print_notices(notices: Sequence[str]) -> None:
    """Prints what was left out, to standard error."""
    console = Console(stderr=True)
    for notice in notices:
        console.print(notice, highlight=False, soft_wrap=True)


def print_summary(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints pair × (read, kept, share, top three reasons), the seconds, and the output's places."""
    table = Table("pair", "read", "kept", "share", "most frequent reasons", "seconds")
    for column in table.columns[1:4]:
        column.justify = "right"
    total = sum(count["read"] for count in manifest["counts"])
    seconds = sum(manifest["seconds"].values())
    for pair in sorted({count["pair"] for count in manifest["counts"]}):
        counts = [count for count in manifest["counts"] if count["pair"] == pair]
        read, kept = (sum(count[key] for count in counts) for key in ("read", "kept"))
        reasons: Counter[str] = Counter()
        for count in counts:
            reasons.update(count["rejected"])
        top = ", ".join(f"{reason} {rows:,}" for reason, rows in reasons.most_common(3))
        share = f"{100 * kept / read:.1f} %" if read else "-"
        # the pairs are worked on together, so a pair's seconds are its share of the rows
        table.add_row(pair, f"{read:,}", f"{kept:,}", share, top, f"{seconds * read / max(total, 1):.1f}")
    console = Console()
    console.print(table)
    stages = ", ".join(f"{stage} {time:.1f} s" for stage, time in manifest["seconds"].items())
    console.print(f"{total:,} rows in {seconds:.1f} s: {stages}", highlight=False, soft_wrap=True)
    console.print(
        f"dataset: {output / 'parallel'} (card: {output / 'parallel' / 'README.md'})", soft_wrap=True
    )
    console.print(
        f"rejected rows: {output / 'rejected'}; manifest: {output / 'manifest.json'}", soft_wrap=True
    )
    console.print(f"report: {output / 'report.html'}", soft_wrap=True)
