"""What is wrong with each row of a dataset, in a few columns, so that an audit looks at all rows once.

Derived from the declarations in `schemas/`, and from the thresholds in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines import keys
from pipelines.cleaning.decide import join_thresholds, row_reason, thresholds_table
from schemas.config import RunConfig
from schemas.fields import Dataset, Field
from schemas.reasons import AMONG_ROWS, KEPT


def with_faults(
    spark: SparkSession, rows: DataFrame, dataset: Dataset, manifest: Mapping[str, Any], config: RunConfig
) -> DataFrame:
    """Where kept or rejected rows come from, their `reason` (null: kept), and the columns of `suites.FAULTS`.

    Each of these is null where nothing is wrong. `missing`, `out_of_range` and `unknown_value` name the columns at
    fault (`corpus` where the manifest counts no rows of this corpus and pair); `altered` is the content that the texts
    have, where the row says another; `decided_anew` is what the scores come to, where the row was decided on otherwise.
    """
    combinations = sorted({(count["corpus"], count["pair"]) for count in manifest["counts"]})
    given = rows if "reason" in rows.columns else rows.withColumns(_nobody("reason", "detail"))
    joined = join_thresholds(given, thresholds_table(spark, config, combinations), "left")
    stray = F.when(F.col("priority").isNull(), F.lit("corpus"))
    return joined.select(
        *("id", "corpus", "pair", "file", "line", "reason"),
        missing(dataset.fields).alias("missing"),
        out_of_range(dataset.fields).alias("out_of_range"),
        _or_null(F.concat_ws(" ", unknown_value(dataset.fields), stray)).alias("unknown_value"),
        _or_null(F.when(keys.content_id() != F.col("content_id"), keys.content_id())).alias("altered"),
        _decided_anew(config).alias("decided_anew"),
    )


def _nobody(*names: str) -> dict[str, Column]:
    return {name: F.lit(None).cast("string") for name in names}


def _decided_anew(config: RunConfig) -> Column:
    """Why the row falls by itself (`kept` if it does not), where that is not what it says of itself."""
    # whether it falls for another row's sake is not told by its own scores, but then it does not fall by itself
    own = F.when(F.col("reason").isin(*AMONG_ROWS), F.lit(KEPT)).otherwise(F.coalesce("reason", F.lit(KEPT)))
    anew = F.coalesce(row_reason(config), F.lit(KEPT))
    return F.when(anew != own, anew)


def by_declaration(declared: Dataset) -> list[Column]:
    """What is wrong with rows by what is declared: `missing`, `out_of_range`, `unknown_value` (`suites.FAULTS`)."""
    return [
        missing(declared.fields).alias("missing"),
        out_of_range(declared.fields).alias("out_of_range"),
        unknown_value(declared.fields).alias("unknown_value"),
    ]


def missing(fields: Sequence[Field]) -> Column:
    """The names of the fields that may not be null, and are; or null."""
    return _named(fields, _is_missing)


def out_of_range(fields: Sequence[Field]) -> Column:
    """The names of the fields whose value is outside of the declared range, or null."""
    return _named(fields, _is_out_of_range)


def unknown_value(fields: Sequence[Field]) -> Column:
    """The names of the fields whose value is not in the declared vocabulary, or null."""
    return _named(fields, _is_unknown)


def _named(fields: Sequence[Field], fault: Callable[[Field], Column | None]) -> Column:
    """The names of the fields at fault, or null."""
    conditions = {field.name: fault(field) for field in fields}
    names = [
        F.when(condition, F.lit(name)) for name, condition in conditions.items() if condition is not None
    ]
    return _or_null(F.concat_ws(" ", *names))


def _or_null(text: Column) -> Column:
    return F.nullif(text, F.lit(""))


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
