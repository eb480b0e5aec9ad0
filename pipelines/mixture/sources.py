"""The datasets that a mixture is made from: opened, described, and read as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import UserError
from pipelines.shards.published import open_published
from pipelines.splits import split_of
from schemas.config import Splits
from schemas.datasets import Kind


@dataclass(frozen=True)
class Made:
    """A dataset of ours: the folder with its published shards (`<part>/<split>-….parquet`), rows by part, its hash."""

    folder: Path
    rows: dict[str, int]
    content_sha256: str

    def paths(self, parts: Iterable[str]) -> list[str]:
        """The folders of parts, of those that have rows."""
        return [str(self.folder / part) for part in parts if self.rows.get(part)]


def open_made(path: Path, key: str, kind: Kind) -> Made:
    """Opens the output of a job of ours, or its published folder; `key` is where the configuration names it.

    Every published file must be there and unaltered. Raises `UserError`.
    """
    try:
        dataset = open_published(path, kind)
    except UserError as error:
        raise UserError(*(f"{key}: {problem}" for problem in error.problems)) from None
    rows: dict[str, int] = {}
    for file in dataset.manifest["outputs"]:
        part = Path(file["path"]).parts[0]
        rows[part] = rows.get(part, 0) + file["rows"]
    return Made(dataset.folder, rows, dataset.manifest["content_sha256"])


def translated(spark: SparkSession, made: Made, languages: Iterable[str]) -> DataFrame:
    """The rows of a translated instruction dataset, as `examples.general` takes them."""
    rows = spark.read.parquet(*made.paths(languages))
    english = (F.col("route") == "keep_english") & (F.col("lang") != "en")
    return rows.select(
        F.col("id").alias("source_id"),
        F.col("source_id").alias("record"),
        *("lang", "instruction", "input", "output", "license", "split"),
        F.when(english, F.lit("kept_english")).alias("reason"),
        F.when(english, F.col("route_reason")).alias("detail"),
    )


def from_file(
    rows: DataFrame, name: str, lang: str, license: str, aligned: bool, splits: Splits, seed: int
) -> DataFrame:
    """The records of an instruction file (`chunks.RECORDS`), as `examples.general` takes them.

    The split is by the hash of the record: its place where the files of all languages hold the same, else its id.
    """
    record: Any = (
        F.concat_ws("\0", F.lit(name), F.col("index").cast("string")) if aligned else F.col("source_id")
    )
    return rows.select(
        "source_id",
        record.alias("record"),
        F.lit(lang).alias("lang"),
        *("instruction", "input", "output"),
        F.lit(license).alias("license"),
        split_of(record, splits, seed).alias("split"),
        *("reason", "detail"),
    )
