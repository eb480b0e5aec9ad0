"""The datasets that a mixture is made from: opened, described, and read as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import UserError
from pipelines.shards.write import sha256_of
from pipelines.splits import split_of
from schemas.config import Splits


@dataclass(frozen=True)
class Made:
    """A dataset of ours: the folder with its published shards (`<part>/<split>-….parquet`), rows by part, its hash."""

    folder: Path
    rows: dict[str, int]
    content_sha256: str

    def paths(self, parts: Iterable[str]) -> list[str]:
        """The folders of parts, of those that have rows."""
        return [str(self.folder / part) for part in parts if self.rows.get(part)]


def open_made(path: Path, key: str, kind: str, maker: str) -> Made:
    """Opens the output of a job of ours, or its published folder `kind`; `key` is where the configuration names it.

    Every file that its manifest names must be there and unaltered. Raises `UserError`.
    """
    folder = path / kind if (path / kind).is_dir() else path
    file = folder / "manifest.json"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        outputs = [(str(one["path"]), int(one["rows"]), str(one["sha256"])) for one in manifest["outputs"]]
        content = str(manifest["content_sha256"])
    except OSError:
        raise UserError(f"{key}: {path} holds no dataset; expected what {maker} wrote") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{key}: {file} is no manifest; expected what {maker} wrote") from None
    problems = []
    rows: dict[str, int] = {}
    for name, number, sha256 in outputs:
        shard = folder / name
        if ".." in Path(name).parts or len(Path(name).parts) != 2:
            problems.append(f"{key}: {file} names {name!r}; expected <part>/<shard>")
        elif not shard.is_file():
            problems.append(f"{key}: {shard} is missing; make the dataset again")
        elif sha256_of(shard) != sha256:
            problems.append(f"{key}: {shard} was altered (its checksum is not the manifest's); make it again")
        rows[name.split("/")[0]] = rows.get(name.split("/")[0], 0) + number
    if problems:
        raise UserError(*problems)
    return Made(folder, rows, content)


def translated(spark: SparkSession, made: Made, languages: Iterable[str]) -> DataFrame:
    """The rows of a translated instruction dataset, as `examples.general` takes them."""
    rows = spark.read.parquet(*made.paths(languages))
    return rows.select(
        F.col("id").alias("source_id"),
        F.col("source_id").alias("record"),
        *("lang", "instruction", "input", "output", "license", "split"),
        F.lit(None).cast("string").alias("reason"),
        F.lit(None).cast("string").alias("detail"),
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
