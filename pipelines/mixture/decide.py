"""Which examples can be learned from: one expression over their scores, then what other examples say of them."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from schemas.mixture_run import Checks

# the more strictly a split is held out, the higher: a text that stands in several belongs to the highest
_STRICTNESS = {"train": 0, "validation": 1, "test": 2}


def decided(
    scored: DataFrame,
    licenses: Sequence[str] | None,
    checks: Checks,
    most_tokens: int | None,
    most_contamination: float,
) -> DataFrame:
    """The examples with their `reason` (null: kept) and `detail`."""
    own: list[tuple[str, Column, Column]] = [
        ("held_out", F.col("split") == "test", F.col("split")),
        (
            "license",
            F.lit(False) if licenses is None else ~F.col("license").isin(list(licenses)),
            F.col("license"),
        ),
        ("wrong_script", _below("script_share", checks.script_share), F.col("script_share")),
        (
            "wrong_language",
            _below("lid_claimed", checks.lid_claimed)
            & (F.col("lid_prob") > F.lit(checks.lid_sure).cast("float")),
            F.col("lid"),
        ),
        ("too_many_tokens", F.col("tokens") > most_tokens if most_tokens else F.lit(False), F.col("tokens")),
        (
            "contaminated",
            F.coalesce(F.col("contamination") > F.lit(most_contamination).cast("float"), F.lit(False)),
            F.col("contaminated_by"),
        ),
    ]
    known = F.col("reason").isNotNull()
    reason, detail = F.when(known, F.col("reason")), F.when(known, F.col("detail"))
    for name, holds, what in own:
        reason, detail = reason.when(holds, F.lit(name)), detail.when(holds, what.cast("string"))
    rows = scored.select(*_others(scored), reason.alias("reason"), detail.alias("detail"))
    return _straddling(_repeated(rows))


def _others(rows: DataFrame) -> list[str]:
    return [name for name in rows.columns if name not in ("reason", "detail")]


def _below(score: str, limit: float) -> Column:
    return F.coalesce(F.col(score) < F.lit(limit).cast("float"), F.lit(False))


def _repeated(rows: DataFrame) -> DataFrame:
    """General tasks whose texts stand twice in a language: the set that comes first keeps them."""
    can_repeat = F.col("reason").isNull() & (F.col("task") == "general")
    texts = Window.partitionBy(F.xxhash64("lang", "instruction", "input", "output")).orderBy("priority", "id")
    place = F.row_number().over(texts)
    told_apart = rows.where(can_repeat).select(
        *_others(rows), F.when(place > 1, F.lit("duplicate")).alias("reason"), "detail"
    )
    return told_apart.unionByName(rows.where(~can_repeat))


def _straddling(rows: DataFrame) -> DataFrame:
    """Examples that share a key with one that is held out more strictly, not one that falls for another reason."""
    strictness = F.create_map(*(F.lit(one) for pair in _STRICTNESS.items() for one in pair))[F.col("split")]
    leveled = rows.withColumn("level", strictness)
    held = (
        leveled.where("level > 0 and (reason is null or reason = 'held_out')")
        .select(F.explode("keys").alias("key"), "level")
        .groupBy("key")
        .agg(F.max("level").alias("held"))
    )
    crossing = (
        leveled.where("reason is null")
        .select("id", "level", F.explode("keys").alias("key"))
        .join(held, "key")
        .where("held > level")
        .select("id")
        .distinct()
        .withColumn("crosses", F.lit(True))
    )
    joined = rows.join(crossing, "id", "left")
    crosses = F.col("reason").isNull() & F.coalesce("crosses", F.lit(False))
    return joined.select(
        *_others(rows),
        F.when(crosses, F.lit("straddles")).otherwise(F.col("reason")).alias("reason"),
        "detail",
    )
