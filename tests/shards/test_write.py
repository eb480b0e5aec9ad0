"""Shards of scored chunks and the decisions on them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from pipelines.deciding import DECISIONS
from pipelines.errors import InvariantError
from pipelines.shards.write import Run, ShardWriter, write_shards
from schemas.fields import Dataset, Field


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


def test_a_row_that_comes_in_moves_few_bytes_of_a_shard(tmp_path: Path) -> None:
    """Content-defined chunking: what stands before and after the row is in the same pages, which the Hub keeps once."""
    random = np.random.default_rng(0)
    texts = [random.bytes(200).hex() for _ in range(20_000)]
    declared = Dataset("texts", "", (Field("text", "string", ""),))
    written = []
    for name, rows in (("a", texts), ("b", [*texts[:7_000], "new", *texts[7_000:]])):
        with ExitStack() as stack:
            ShardWriter(tmp_path / name, declared, stack).write(pa.table({"text": rows}, declared.arrow()))
        written.append((tmp_path / name).read_bytes())
    before, after = written
    assert before[-600_000:-400_000] in after
