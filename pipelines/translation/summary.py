"""What a translation says on the terminal: before it, what it will cost; after it, what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipelines.translation.cost import Estimate


def print_estimate(found: Estimate) -> None:
    """Prints segments, memory hits and tokens of each language, the measured speed and the hours."""
    table = Table("into", "segments", "in the memory", "source tokens to translate")
    for column in table.columns[1:]:
        column.justify = "right"
    for pair in found.pairs:
        table.add_row(pair.tgt, f"{pair.segments:,}", f"{pair.known:,}", f"{pair.source_tokens:,}")
    console = Console()
    console.print(table)
    speed = found.speed
    rate = speed.target_tokens / speed.seconds if speed.seconds else 0.0
    console.print(
        f"measured on {speed.segments:,} segments: {rate:,.0f} target tokens/s; about "
        f"{found.seconds / 3600:,.2f} hours with {found.workers} engine{'s' if found.workers > 1 else ''}, "
        "retries of failed rows not counted"
        + (", nor the way back of the others" if found.round_trip else ""),
        highlight=False,
        soft_wrap=True,
    )


def print_translated(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints language × (read, kept, share, top three reasons), the seconds, and the output's places."""
    table = Table("language", "read", "kept", "share", "kept English", "most frequent reasons")
    for column in table.columns[1:5]:
        column.justify = "right"
    for lang in dict.fromkeys(count["lang"] for count in manifest["counts"]):
        counts = [count for count in manifest["counts"] if count["lang"] == lang]
        read, kept = (sum(count[key] for count in counts) for key in ("read", "kept"))
        english = sum(count["routes"].get("keep_english", 0) for count in counts)
        reasons: Counter[str] = Counter()
        for count in counts:
            reasons.update(count["rejected"])
        top = ", ".join(f"{reason} {rows:,}" for reason, rows in reasons.most_common(3))
        share = f"{100 * kept / read:.1f} %" if read else "-"
        table.add_row(lang, f"{read:,}", f"{kept:,}", share, f"{english:,}", top)
    console = Console()
    console.print(table)
    seconds = manifest["seconds"]
    work = manifest["work"]
    console.print(
        f"{work['segments']:,} segments translated in {sum(seconds.values()):.1f} s: "
        + ", ".join(f"{stage} {time:.1f} s" for stage, time in seconds.items()),
        highlight=False,
        soft_wrap=True,
    )
    folder = output / "instructions"
    console.print(f"dataset: {folder} (card: {folder / 'README.md'})", soft_wrap=True)
    console.print(f"report: {output / 'report.html'}", soft_wrap=True)
