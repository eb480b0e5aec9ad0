"""Sampling: every part's examples in an order of their own, of which a mixture takes the first.

The order is that of the hash of (seed, id), so a larger budget only adds rows, and no part depends on another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Stock:
    """What a part has in a split: `units` are pairs in a translation part, rows in a general one."""

    rows: int
    units: int
    bytes: int


@dataclass(frozen=True)
class Take:
    """What a mixture takes of a part's split: `units` out of `available`; more than these means repeats."""

    part: str
    split: str
    units: int
    available: int


def ranked(kept: DataFrame, seed: int) -> DataFrame:
    """The kept examples with `part`, their `place` (units up to and with this row), and `size` in bytes of text."""
    part = F.when(F.col("task") == "general", F.concat_ws("-", "source", "lang")).otherwise(
        F.col("direction")
    )
    order = F.xxhash64(F.lit(seed), "id")
    window = Window.partitionBy("part", "split").orderBy("order", "id")
    size = F.octet_length("instruction") + F.octet_length("input") + F.octet_length("output")
    return kept.withColumns({"part": part, "order": order, "size": size}).withColumn(
        "place", F.sum(F.greatest("pairs", F.lit(1))).over(window.rowsBetween(Window.unboundedPreceding, 0))
    )


def stock(rows: DataFrame) -> dict[tuple[str, str], Stock]:
    """What there is, by part and split."""
    found = rows.groupBy("part", "split").agg(F.count("*"), F.max("place"), F.sum("size")).collect()
    return {(row[0], row[1]): Stock(*(int(value) for value in row[2:])) for row in found}


def taken(
    rows: DataFrame, takes: Mapping[str, list[Take]], pieces: Mapping[tuple[str, str], int], seed: int
) -> DataFrame:
    """The rows of all mixtures, with `mixture`, `repeat`, their `shard` and the order in it.

    `takes` are those of each mixture, `pieces` the number of shards of each mixture's split.
    """
    table = [
        (
            mixture,
            take.part,
            take.split,
            take.units // take.available,
            take.units % take.available,
            pieces[mixture, take.split],
        )
        for mixture, of in takes.items()
        for take in of
        if take.units and take.available
    ]
    wanted = rows.sparkSession.createDataFrame(
        table, "mixture string, part string, split string, whole int, rest bigint, pieces int"
    )
    copies = F.col("whole") + F.when(F.col("place") <= F.col("rest"), 1).otherwise(0)
    joined = rows.join(F.broadcast(wanted), ["part", "split"]).withColumn("copies", copies)
    repeated = joined.where("copies > 0").withColumn(
        "repeat", F.explode(F.sequence(F.lit(0), (F.col("copies") - 1).cast("int")))
    )
    # where a row stands depends on nothing but itself and the number of shards: trainers may read in order
    order = F.xxhash64(F.lit(seed), F.lit("order"), "id", "repeat")
    shard = F.pmod(F.xxhash64(F.lit(seed), F.lit("shard"), "id", "repeat"), F.col("pieces"))
    return repeated.withColumns({"order": order, "shard": shard.cast("int")})
