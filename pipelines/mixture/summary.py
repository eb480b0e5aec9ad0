"""What building mixtures says on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def print_mixtures(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints what the sources gave, what each mixture holds, the seconds, and the output's places."""
    sources = Table("source", "read", "kept", "most frequent reasons")
    for count in manifest["counts"]:
        reasons = Counter(count["rejected"]).most_common(3)
        name = count["direction"] or f"{count['source']}-{count['lang']}"
        top = ", ".join(f"{reason} {rows:,}" for reason, rows in reasons)
        sources.add_row(name, f"{count['read']:,}", f"{count['kept']:,}", top)
    mixtures = Table("mixture", "train", "validation", "parts")
    for table in (sources, mixtures):
        for column in table.columns[1:3]:
            column.justify = "right"
    for name, of in manifest["mixtures"].items():
        rows = {"train": 0, "validation": 0}
        for file in manifest["outputs"]:
            parts = Path(file["path"]).parts
            if parts[:2] == ("instructions", name):
                rows[parts[2].split("-")[0]] += file["rows"]
        parts_of = ", ".join(f"{take['part']} {take['units']:,}" for take in of if take["split"] == "train")
        mixtures.add_row(name, f"{rows['train']:,}", f"{rows['validation']:,}", parts_of)
    console = Console()
    console.print(sources)
    console.print(mixtures)
    seconds = manifest["seconds"]
    stages = ", ".join(f"{stage} {time:.1f} s" for stage, time in seconds.items())
    console.print(f"{sum(seconds.values()):.1f} s: {stages}", highlight=False, soft_wrap=True)
    folder = output / "instructions"
    console.print(f"dataset: {folder} (card: {folder / 'README.md'})", soft_wrap=True)
    console.print(f"report: {output / 'report.html'}", soft_wrap=True)
