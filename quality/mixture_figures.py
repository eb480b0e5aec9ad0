"""What mixtures hold, counted once for audit, report and card."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.shards.published import DatasetFolder, read_rows
from quality.findings import Audit
from schemas.mixture import INSTRUCTIONS


@dataclass(frozen=True)
class AuditOfMixtures(Audit):
    """What an audit of mixtures found, with the `contents` that it counted: report and card show them, too."""

    contents: pd.DataFrame = field(default_factory=pd.DataFrame)


_COUNTED = (
    "rows",
    "distinct",
    "units",
    "tokens",
    "output_tokens",
    "byte_tokens",
    "longer",
    "words",
    "characters",
)


def kept_rows(spark: SparkSession, dataset: DatasetFolder) -> DataFrame:
    """The rows of all mixtures, with `mixture` and `part`."""
    folders = F.split(F.input_file_name(), "/")
    part = F.coalesce("direction", F.concat_ws("-", "source", "lang"))
    rows = read_rows(spark, INSTRUCTIONS, dataset.kept)
    return rows.withColumns({"mixture": F.element_at(folders, -2), "part": part})


def contents(kept: DataFrame, max_tokens: int) -> pd.DataFrame:
    """A row for each mixture, split, part and licence.

    `units` are pairs in a translation part and rows in another; `longer` are rows of more than `max_tokens`; `words`
    and `characters` are the outputs', whose language is `answer`.
    """
    answer = F.when(F.col("direction").isNull(), F.col("lang")).otherwise(F.split("direction", "-")[1])
    columns = {
        "rows": F.lit(1),
        "distinct": (F.col("repeat") == 0).cast("long"),
        "units": F.greatest("pairs", F.lit(1)),
        **{name: F.col(name) for name in ("tokens", "output_tokens", "byte_tokens")},
        "longer": (F.col("tokens") > max_tokens).cast("long"),
        "words": F.size(F.split(F.trim("output"), r"\s+")),
        "characters": F.length("output"),
    }
    table: pd.DataFrame = (
        kept.withColumn("answer", answer)
        .groupBy("mixture", "split", "part", "lang", "task", "answer", "license")
        .agg(*(F.sum(column).alias(name) for name, column in columns.items()))
        .toPandas()
    )
    # missing where nothing was counted
    table = table.astype({name: "float64" for name in ("tokens", "output_tokens", "byte_tokens", "longer")})
    return table.sort_values(["mixture", "split", "part", "license"]).reset_index(drop=True)


def summed(table: pd.DataFrame, *by: str) -> pd.DataFrame:
    """The counts of `contents` added up, in the order of `by`; tokens are missing where nothing was counted."""
    return table.groupby(list(by), sort=True, dropna=False)[list(_COUNTED)].sum(min_count=1).reset_index()
