"""The units of the work: a row group of an input shard, which becomes a shard of tokens and one of rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

# what is read of an instruction row; `messages` where the shards have them
COLUMNS = ("id", "lang", "task", "direction", "instruction", "input", "output")


@dataclass(frozen=True)
class Unit:
    """A row group of a file. `number` is its place among all units."""

    number: int
    path: Path
    row_group: int
    mixture: str
    split: str


def instruction_units(folder: Path, outputs: Sequence[Mapping[str, Any]]) -> list[Unit]:
    """The row groups of the shards `<mixture>/<split>-*.parquet`, in the order of their names."""
    units: list[Unit] = []
    for file in sorted(outputs, key=lambda file: str(file["path"])):
        path = folder / file["path"]
        mixture, name = Path(file["path"]).parts[-2:]
        for group in range(pq.read_metadata(path).num_row_groups):
            units.append(Unit(len(units), path, group, mixture, name.split("-")[0]))
    return units
