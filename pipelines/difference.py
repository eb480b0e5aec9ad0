"""What differs between two decisions on rows: which rows came in, which went out, which changed, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from pipelines.shards.published import BuiltDataset, read_rows
from schemas.parallel import PARALLEL, REJECTED
from schemas.reasons import KEPT

ABSENT, CHANGED = "absent", "changed"
_SAMPLES = 3  # of a change from one state to another
_COLUMNS = (
    "id",
    "pair",
    "reason",
    "split",
    "content_id",
    "file",
    "line",
    "src_lang",
    "tgt_lang",
    "src_text",
    "tgt_text",
)


@dataclass(frozen=True)
class Change:
    """So many rows of a pair went from one state to another.

    States are `kept`, `absent` (not in the dataset), or the reason of a rejected row. A row that is kept in both, with
    another normalised text or in another split, went from `kept` to `changed`.
    """

    pair: str
    before: str
    after: str
    rows: int


@dataclass(frozen=True)
class Difference:
    """All changes, the rows that stayed as they were, and samples (columns `before`, `after` and the row's own)."""

    changes: tuple[Change, ...]
    unchanged: int
    samples: tuple[Mapping[str, Any], ...]


def decided_rows(spark: SparkSession, dataset: BuiltDataset, with_rejected: bool = True) -> DataFrame:
    """The rows of a dataset with what was decided on them: columns `_COLUMNS`."""
    kept = (
        read_rows(spark, PARALLEL, dataset.kept)
        .withColumn("reason", F.lit(None).cast("string"))
        .select(*_COLUMNS)
    )
    if dataset.rejected is None or not with_rejected:
        return kept
    rejected = read_rows(spark, REJECTED, dataset.rejected).withColumn("split", F.lit(None).cast("string"))
    return kept.unionAll(rejected.select(*_COLUMNS))


def difference(old: DataFrame, new: DataFrame) -> Difference:
    """Compares two sets of decided rows (columns of `decided_rows`) by the rows' ids."""
    sides = {
        side: rows.select("id", F.struct(*_COLUMNS[1:]).alias(side))
        for side, rows in (("old", old), ("new", new))
    }
    both = sides["old"].join(sides["new"], "id", "full_outer")
    other = ~F.col("old.content_id").eqNullSafe(F.col("new.content_id")) | ~F.col("old.split").eqNullSafe(
        F.col("new.split")
    )
    before, after = _state("old"), _state("new")
    states = both.select(
        "id",
        before.alias("before"),
        F.when((before == KEPT) & (after == KEPT) & other, F.lit(CHANGED)).otherwise(after).alias("after"),
        F.coalesce("new", "old").alias("row"),
    ).persist(StorageLevel.MEMORY_AND_DISK)
    counts = states.groupBy("row.pair", "before", "after").count().collect()
    moved = states.where(F.col("before") != F.col("after"))
    place = F.row_number().over(Window.partitionBy("before", "after").orderBy("id"))
    samples = (
        moved.withColumn("place", place)
        .where(F.col("place") <= _SAMPLES)
        .orderBy("before", "after", "id")
        .collect()
    )
    states.unpersist()
    changes = [Change(row["pair"], row["before"], row["after"], row["count"]) for row in counts]
    return Difference(
        changes=tuple(
            sorted((c for c in changes if c.before != c.after), key=lambda c: (c.pair, c.before, c.after))
        ),
        unchanged=sum(c.rows for c in changes if c.before == c.after),
        samples=tuple(
            {"id": row["id"], "before": row["before"], "after": row["after"], **row["row"].asDict()}
            for row in samples
        ),
    )


def _state(side: str) -> Column:
    return F.when(F.col(side).isNull(), F.lit(ABSENT)).otherwise(
        F.coalesce(F.col(f"{side}.reason"), F.lit(KEPT))
    )


def entering(changes: Sequence[Change]) -> int:
    """Rows that are kept now, and were not before."""
    return sum(c.rows for c in changes if c.after == KEPT)


def leaving(changes: Sequence[Change]) -> int:
    """Rows that were kept before, and are not now."""
    return sum(c.rows for c in changes if c.before == KEPT and c.after != CHANGED)
