"""What a translation says on the terminal: before it, what it will cost; after it, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.summary import print_places, right_aligned, say, stages, top_reasons
from pipelines.translation.cost import Estimate


def print_estimate(found: Estimate) -> None:
    """Prints segments, memory hits and tokens of each language, the measured speed and the hours."""
    names = ("into", "segments", "in the memory", "source tokens to translate")
    table = right_aligned(*names, numbers=slice(1, None))
    for pair in found.pairs:
        table.add_row(pair.tgt, f"{pair.segments:,}", f"{pair.known:,}", f"{pair.source_tokens:,}")
    Console().print(table)
    speed = found.speed
    rate = speed.target_tokens / speed.seconds if speed.seconds else 0.0
    say(
        f"measured on {speed.segments:,} segments: {rate:,.0f} target tokens/s; about "
        f"{found.seconds / 3600:,.2f} hours with {found.workers} engine{'s' if found.workers > 1 else ''}, "
        "retries of failed rows not counted"
        + (", nor the way back of the others" if found.round_trip else "")
    )


def print_translated(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints language × (read, kept, share, top three reasons), the seconds, and the output's places."""
    names = ("language", "read", "kept", "share", "kept English", "most frequent reasons")
    table = right_aligned(*names, numbers=slice(1, 5))
    for lang in dict.fromkeys(count["lang"] for count in manifest["counts"]):
        counts = [count for count in manifest["counts"] if count["lang"] == lang]
        read, kept = (sum(count[key] for count in counts) for key in ("read", "kept"))
        english = sum(count["routes"].get("keep_english", 0) for count in counts)
        share = f"{100 * kept / read:.1f} %" if read else "-"
        table.add_row(lang, f"{read:,}", f"{kept:,}", share, f"{english:,}", top_reasons(counts))
    Console().print(table)
    segments, seconds = manifest["work"]["segments"], manifest["seconds"]
    say(f"{segments:,} segments translated in {sum(seconds.values()):.1f} s: {stages(seconds)}")
    print_places(manifest, output)
