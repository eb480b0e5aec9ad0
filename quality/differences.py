"""What differs between two datasets, on the terminal and as a page."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.difference import Difference, entering, leaving
from pipelines.summary import say
from quality import pages
from schemas.config import RunConfig


def print_difference(found: Difference) -> None:
    """Prints how many rows went from which state to which, by pair, and samples."""
    table = Table("pair", "before", "after", "rows")
    table.columns[-1].justify = "right"
    for change in found.changes:
        table.add_row(change.pair, change.before, change.after, f"{change.rows:,}")
    if found.changes:
        Console().print(table)
    for row in found.samples:
        say(f"{row['before']} -> {row['after']}: {row['file']}:{row['line']}, id {row['id']}")
        say(f"  {row['src_text']} | {row['tgt_text']}")
    say(
        f"{entering(found.changes):,} rows enter, {leaving(found.changes):,} leave, "
        f"{found.unchanged:,} rows stay as they are"
    )


def write_page(path: Path, found: Difference, old: str, new: str, config: RunConfig) -> None:
    """Writes the same as one HTML file that opens anywhere."""
    groups = [
        {"before": before, "after": after, "rows": [pages.shown_row(row, config) for row in rows]}
        for (before, after), rows in groupby(found.samples, key=lambda row: (row["before"], row["after"]))
    ]
    view = {
        "old": old,
        "new": new,
        "changes": found.changes,
        "unchanged": found.unchanged,
        "entering": entering(found.changes),
        "leaving": leaving(found.changes),
        "groups": groups,
    }
    pages.write_page(path, "diff.html.j2", [view])
