"""Hub sentences, and caps on rows that share a text.

A mined text with many different counterparts is a *hub*: the nearest neighbour of everything and the translation of
nothing; all its rows fall. Of the rows that share a source (target) text, only the best few stay.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from schemas.config import Caps


def cap(rows: DataFrame, caps: Caps) -> DataFrame:
    """Adds `reason` (`hub`, `source_cap`, `target_cap` or null).

    `rows` are the rows still standing, one for each content, with `pair`, `src_key`, `tgt_key`, `rank`, `mined`
    (boolean) and `max_partners`. The target's cap counts only rows that the source's cap left.
    """
    source = _side(rows, "src_key", caps.mined_source, caps.source, "source_cap", F.lit(None).cast("string"))
    return _side(source, "tgt_key", caps.mined_target, caps.target, "target_cap", F.col("reason"))


def _side(
    rows: DataFrame, key: str, mined: int | None, other: int | None, name: str, before: Column
) -> DataFrame:
    rows = rows.withColumn("reason", before)
    standing = F.col("reason").isNull()
    # fallen rows get a partition of their own kind, so that they are not counted
    window = Window.partitionBy("pair", key, standing)
    partners = F.sum(F.col("mined").cast("int")).over(window)
    place = F.row_number().over(window.orderBy("rank"))
    limit = F.when(F.col("mined"), F.lit(mined)).otherwise(F.lit(other))
    return (
        rows.withColumn("partners", partners)
        .withColumn("place", place)
        .withColumn(
            "reason",
            F.when(~standing, F.col("reason"))
            .when(F.col("mined") & (F.col("partners") > F.col("max_partners")), F.lit("hub"))
            .when(F.col("place") > limit, F.lit(name)),
        )
        .drop("partners", "place")
    )
