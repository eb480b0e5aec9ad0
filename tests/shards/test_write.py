"""Shards of scored chunks and the decisions on them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from pipelines.deciding import DECISIONS
from pipelines.errors import InvariantError
from pipelines.shards.write import Run, write_shards


def test_decisions_on_other_rows_are_an_invariant_broken(
    spark: SparkSession, built_samples: Path, tmp_path: Path
) -> None:
    scored = sorted((built_samples / "scored" / "en-tr").glob("*.parquet"))[0]
    rows = pq.read_table(scored).column("row").to_pylist()
    (tmp_path / "decisions").mkdir()
    columns = [rows[:-1], [None] * (len(rows) - 1), ["c"] * (len(rows) - 1), ["train"] * (len(rows) - 1)]
    decided = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, DECISIONS, strict=True)],
        schema=DECISIONS,
    )
    pq.write_table(decided, tmp_path / "decisions" / scored.name)
    with pytest.raises(InvariantError, match="does not decide on the rows"):
        write_shards(
            spark,
            [Run("en-tr", 0, (scored.stem,))],
            built_samples / "scored",
            tmp_path / "decisions",
            tmp_path / "pieces",
            tmp_path / "out",
        )
    assert not list((tmp_path / "out").rglob("*.parquet"))
