"""What building parallel data says at its end: one table, and where things are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.summary import print_places, right_aligned, say, stages, top_reasons


def print_summary(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints pair × (read, kept, share, top three reasons), the seconds, and the output's places."""
    names = ("pair", "read", "kept", "share", "most frequent reasons", "seconds")
    table = right_aligned(*names, numbers=slice(1, 4))
    total = sum(count["read"] for count in manifest["counts"])
    seconds = sum(manifest["seconds"].values())
    for pair in sorted({count["pair"] for count in manifest["counts"]}):
        counts = [count for count in manifest["counts"] if count["pair"] == pair]
        read, kept = (sum(count[key] for count in counts) for key in ("read", "kept"))
        share = f"{100 * kept / read:.1f} %" if read else "-"
        # the pairs are worked on together, so a pair's seconds are its share of the rows
        took = f"{seconds * read / max(total, 1):.1f}"
        table.add_row(pair, f"{read:,}", f"{kept:,}", share, top_reasons(counts), took)
    Console().print(table)
    say(f"{total:,} rows in {seconds:.1f} s: {stages(manifest['seconds'])}")
    print_places(manifest, output)
