"""What publishing says on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from pipelines.hub import Difference, Published
from pipelines.summary import say


def print_difference(found: Difference, url: str, tag: str) -> None:
    """Prints every file with its size and what publishing would do to it."""
    table = Table("file", "size", "")
    table.columns[1].justify = "right"
    table.columns[0].overflow = "fold"
    for what, files in (
        ("new", found.new),
        ("changed", found.changed),
        ("same", found.same),
        ("gone", found.gone),
    ):
        for name, size in files.items():
            table.add_row(name, decimal(size), what)
    Console().print(table)
    sent = sum(found.new.values()) + sum(found.changed.values())
    say(
        f"{url}, tag {tag}: "
        + (
            "everything is there already"
            if found.nothing
            else f"{len(found.new)} new, {len(found.changed)} changed, {len(found.same)} the same, "
            f"{len(found.gone)} to be removed; at most {decimal(sent)} to upload"
        )
    )


def print_published(made: Published) -> None:
    """Prints what was done, and where it is."""
    found = made.difference
    did = (
        f"{len(found.new)} files added, {len(found.changed)} changed, {len(found.gone)} removed"
        if made.changed
        else "nothing to do, for this content is published"
    )
    say(f"{made.url}: {did}; tag {made.tag}")
