"""Shards and the hash of their content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.mixture.write import write_pieces
from schemas.fields import Dataset, Field

FIELDS = (Field("id", "string", "id"), Field("repeat", "int32", "repeat"), Field("output", "string", "text"))
DECLARED = Dataset("texts", "texts", FIELDS)
EVEN = [(f"row {n}", f"instructions/a/train-0000{2 * (n % 2)}-of-00004") for n in range(6)]


def written(spark: SparkSession, root: Path, rows: Sequence[tuple[str, str]]) -> tuple[list[str], str]:
    """Files and digest of rows given as (id, file's name without its ending)."""
    data = spark.createDataFrame(
        [(id, 0, "text", f"{name}.parquet") for id, name in rows],
        "id string, repeat int, output string, name string",
    )
    files, digest = write_pieces(data, F.col("name"), 4, ("id",), DECLARED, root)
    assert sum(file.rows for file in files) == len(rows)
    for file in files:
        assert pq.read_metadata(root / file.path).num_rows == file.rows
    assert {path.relative_to(root).as_posix() for path in root.rglob("*.parquet")} == {
        file.path for file in files
    }
    return [file.path for file in files], digest


def test_shards_are_numbered_without_gaps(spark: SparkSession, tmp_path: Path) -> None:
    rows = [*EVEN, ("other", "instructions/a/validation-00001-of-00002")]
    assert written(spark, tmp_path, rows)[0] == [
        "instructions/a/train-00000-of-00002.parquet",
        "instructions/a/train-00001-of-00002.parquet",
        "instructions/a/validation-00000-of-00001.parquet",
    ]


def test_the_digest_is_of_splits_and_mixtures_and_not_of_shards(spark: SparkSession, tmp_path: Path) -> None:
    given = {
        "as it is": EVEN,
        "in one shard": [(id, "instructions/a/train-00000-of-00001") for id, _ in EVEN],
        "a row in the other split": [*EVEN[:5], (EVEN[5][0], "instructions/a/validation-00000-of-00001")],
        "another mixture": [(id, name.replace("/a/", "/b/")) for id, name in EVEN],
    }
    digests = {name: written(spark, tmp_path / name, rows)[1] for name, rows in given.items()}
    assert digests["in one shard"] == digests["as it is"]
    assert len(set(digests.values())) == 3
