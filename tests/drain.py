"""Reading a source to its end, whole or broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from pipelines.streams import BrokenFile

Row = TypeVar("Row")


def drain(rows: Iterator[Row]) -> tuple[list[Row], str | None]:
    """All rows up to the end, and what was broken there."""
    read: list[Row] = []
    try:
        read.extend(rows)
    except BrokenFile as error:
        return read, str(error)
    return read, None
