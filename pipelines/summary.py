"""What the jobs that make a dataset have in common in what they say at their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.datasets import KINDS


def print_notices(notices: Sequence[str]) -> None:
    """Prints what was left out, to standard error."""
    console = Console(stderr=True)
    for notice in notices:
        say(notice, console)


def say(text: str, console: Console | None = None) -> None:
    """Prints a text as it stands, whole lines too: they are to be found in a log."""
    (console or Console()).print(text, highlight=False, soft_wrap=True, markup=False)


def right_aligned(*names: str, numbers: slice) -> Table:
    """A table with these columns, `numbers` of them to the right."""
    table = Table(*names)
    for column in table.columns[numbers]:
        column.justify = "right"
    return table


def top_reasons(counts: Iterable[Mapping[str, Any]], most: int = 3) -> str:
    """The most frequent reasons of the counts' rejected rows."""
    reasons: Counter[str] = Counter()
    for count in counts:
        reasons.update(count["rejected"])
    return ", ".join(f"{reason} {rows:,}" for reason, rows in reasons.most_common(most))


def stages(seconds: Mapping[str, float]) -> str:
    """How long each stage took."""
    return ", ".join(f"{stage} {time:.1f} s" for stage, time in seconds.items())


def print_places(manifest: Mapping[str, Any], output: Path) -> None:
    """Prints where the dataset, its card and its report are."""
    folder = output / KINDS[manifest["dataset"]].published
    say(f"dataset: {folder} (card: {folder / 'README.md'})")
    say(f"rejected rows: {output / 'rejected'}; manifest: {output / 'manifest.json'}")
    say(f"report: {output / 'report.html'}")
