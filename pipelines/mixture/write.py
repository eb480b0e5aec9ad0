"""Mixtures and rejects, written as Parquet shards by the tasks.

A task's rows come sorted by shard, so that it streams them into one file after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.atomic import replacing
from pipelines.shards.write import ShardWriter, Written, describe
from schemas.fields import Dataset

_TEXTS = ("id", "repeat", "instruction", "input", "output")
_FOUND = "path string, rows bigint, bytes bigint, sha256 string, digest string"
_MODULUS = 1 << 256


def conversation() -> Column:
    """`messages`: the user says the instruction and, after an empty line, the input, if there is any."""
    user = F.when(F.col("input") == "", F.col("instruction")).otherwise(
        F.concat_ws("\n\n", "instruction", "input")
    )
    turns = [
        F.struct(F.lit(role).alias("role"), content.alias("content"))
        for role, content in (("user", user), ("assistant", F.col("output")))
    ]
    return F.array(*turns)


def write_pieces(
    rows: DataFrame, name: Column, pieces: int, order: Sequence[str], declared: Dataset, root: Path
) -> tuple[list[Written], str]:
    """Writes rows to the file that `name` gives for each (below `root`), in `order`; returns the files and a digest.

    `pieces` is the number of files at most. Names are like `train-00000-of-00002.parquet`, and in the end without gaps.
    The digest is of the rows' folder, split, ids and texts, whatever shards they stand in: the sum of their SHA-256
    modulo 2 ** 256.
    """
    root.mkdir(parents=True, exist_ok=True)
    columns = declared.columns

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for path, found in _streams(batches):
            total = 0
            target = root / path
            with ExitStack() as stack:
                temporary = stack.enter_context(replacing(target))
                with ExitStack() as inner:
                    writer = ShardWriter(temporary, declared, inner)
                    for table in found:
                        total = (total + _digest(_place_of(path), table)) % _MODULUS
                        writer.write(table)
            done = describe(target, root)
            yield pa.RecordBatch.from_pylist(
                [
                    {
                        "path": done.path,
                        "rows": done.rows,
                        "bytes": done.bytes,
                        "sha256": done.sha256,
                        "digest": f"{total:064x}",
                    }
                ]
            )

    sorted_ = (
        rows.withColumn("file_name", name)
        .repartition(max(1, pieces), "file_name")
        .sortWithinPartitions("file_name", *order)
        .select("file_name", *columns)
    )
    found = sorted_.mapInArrow(write, _FOUND).collect()
    files = [Written(row["path"], row["rows"], row["bytes"], row["sha256"]) for row in found]
    total = sum(int(row["digest"], 16) for row in found) % _MODULUS
    return _numbered(files, root), f"{total:064x}"


def _place_of(path: str) -> str:
    """A shard's name without its number: its folder and split, as `instructions/coit-zh/train`."""
    return path.rsplit("-", 3)[0]


def _numbered(files: Iterable[Written], root: Path) -> list[Written]:
    """The files with their numbers made complete: into some shards no row's hash may have fallen."""
    found: list[Written] = []
    for place, of in groupby(
        sorted(files, key=lambda file: file.path), key=lambda file: _place_of(file.path)
    ):
        shards = list(of)
        for number, file in enumerate(shards):
            path = f"{place}-{number:05d}-of-{len(shards):05d}.parquet"
            (root / file.path).rename(root / path)  # never onto another: numbers only become smaller
            found.append(replace(file, path=path))
    return sorted(found, key=lambda file: file.path)


def _streams(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, Iterator[pa.Table]]]:
    """The runs of rows of one file, in order, each as a stream of tables that must be read before the next."""

    def tables() -> Iterator[tuple[str, pa.Table]]:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            while table.num_rows:
                path = table.column("file_name")[0].as_py()
                other = pc.index(pc.equal(table.column("file_name"), path), False).as_py()
                size = table.num_rows if other < 0 else other
                yield path, table.slice(0, size)
                table = table.slice(size)

    for path, run in groupby(tables(), key=itemgetter(0)):
        yield path, (table for _, table in run)


def _digest(place: str, table: pa.Table) -> int:
    names = [name for name in _TEXTS if name in table.column_names]
    total = 0
    for row in zip(*(table.column(name).to_pylist() for name in names), strict=True):
        total += int.from_bytes(hashlib.sha256("\0".join(map(str, (place, *row))).encode()).digest(), "big")
    return total
