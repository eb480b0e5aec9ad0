"""What building mixtures says on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.summary import print_places, right_aligned, say, stages, top_reasons


def print_mixtures(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints what the sources gave, what each mixture holds, the seconds, and the output's places."""
    sources = right_aligned("source", "read", "kept", "most frequent reasons", numbers=slice(1, 3))
    for count in manifest["counts"]:
        name = count["direction"] or f"{count['source']}-{count['lang']}"
        sources.add_row(name, f"{count['read']:,}", f"{count['kept']:,}", top_reasons([count]))
    mixtures = right_aligned("mixture", "train", "validation", "parts", numbers=slice(1, 3))
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
    say(f"{sum(seconds.values()):.1f} s: {stages(seconds)}")
    print_places(manifest, output)
