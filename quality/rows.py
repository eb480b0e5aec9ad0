"""What is wrong with each row of a dataset, in a few columns, so that an audit looks at all rows once.

Derived from the declarations in `schemas/`, and from the thresholds in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.cleaning.decide import join_thresholds, row_reason, thresholds_table
from schemas.config import RunConfig
from schemas.fields import Dataset, Field


def with_faults(
    spark: SparkSession, rows: DataFrame, dataset: Dataset, manifest: Mapping[str, Any], config: RunConfig
) -> DataFrame:
    """Adds the columns of `suites.FAULTS` to kept rows; each is null where nothing is wrong.

    `missing`, `out_of_range` and `unknown_value` name the columns at fault; `reason` is decided anew from the scores.
    """
    combinations = sorted({(count["corpus"], count["pair"]) for count in manifest["counts"]})
    scored = rows.withColumn("detail", F.lit(None).cast("string"))
    joined = join_thresholds(scored, thresholds_table(spark, config, combinations))
    return joined.select(
        *rows.columns,
        _named(dataset.fields, _is_missing).alias("missing"),
        _named(dataset.fields, _is_out_of_range).alias("out_of_range"),
        _named(dataset.fields, _is_unknown).alias("unknown_value"),
        row_reason(config).alias("reason"),
    )


def _named(fields: Sequence[Field], fault: Callable[[Field], Column | None]) -> Column:
    """The names of the fields at fault, or null."""
    conditions = {field.name: fault(field) for field in fields}
    names = [
        F.when(condition, F.lit(name)) for name, condition in conditions.items() if condition is not None
    ]
    return F.nullif(F.concat_ws(" ", *names), F.lit(""))


def _is_missing(field: Field) -> Column | None:
    return None if field.nullable else F.col(field.name).isNull()


def _is_out_of_range(field: Field) -> Column | None:
    value, found = F.col(field.name), None
    if field.minimum is not None:
        found = value < field.minimum
    if field.maximum is not None:
        above = value > field.maximum
        found = above if found is None else found | above
    return None if found is None else F.coalesce(found, F.lit(False))


def _is_unknown(field: Field) -> Column | None:
    return None if field.values is None else F.coalesce(~F.col(field.name).isin(*field.values), F.lit(False))
