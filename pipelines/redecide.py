"""Deciding again: other thresholds, licences, caps or splits, on rows that were scored before.

The corpora are not read, and the native libraries not run. Survivors of duplicate clusters are chosen anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.deciding import DECISIONS, decide
from pipelines.difference import Difference, decided_rows, difference
from pipelines.errors import UserError
from pipelines.progress import Stages
from pipelines.release import Finish, MadeFrom, decide_and_publish
from pipelines.session import tune_for
from pipelines.shards.published import BuiltDataset
from pipelines.shards.workspace import open_workspace
from schemas.config import RunConfig
from schemas.parallel import SCORED

# what scores depend on: another value of these needs the corpora
_OF_SCORES = ("pairs", "languages", "sources", "eval", "dedup.near.bands", "dedup.near.rows")


def check(dataset: BuiltDataset, config: RunConfig) -> None:
    """Raises `UserError` unless `config` can be decided by from the dataset's scores."""
    if not dataset.whole:
        raise UserError(
            f"{dataset.folder}: is a published folder, without the scored rows that deciding again needs; "
            "give the output of the run"
        )
    problems = [
        f"{key}: scores depend on it; build again with build_parallel"
        for key in _OF_SCORES
        if _value(config, key) != _value(dataset.config, key)
    ]
    if problems:
        raise UserError(*problems)


def redecide(
    make_session: Callable[[], SparkSession], dataset: BuiltDataset, config: RunConfig, finish: Finish
) -> dict[str, Any]:
    """Decides again, and replaces the dataset by the outcome in one step; returns the run's manifest.

    Raises `UserError` as `check` does, and `InvariantError`.
    """
    check(dataset, config)
    manifest = dataset.manifest
    stages = Stages()
    with open_workspace(dataset.folder, _fingerprint(dataset, config), True) as workspace:
        with stages.stage("start"):
            spark = make_session()
        tune_for(spark, sum(source["rows"] for source in manifest["inputs"]), config.spark)
        made_from = MadeFrom(manifest["inputs"], {key: manifest[key] for key in ("lid_model", "eval")})
        return decide_and_publish(
            spark, config, made_from, dataset.folder / "scored", workspace, stages, finish
        )


def preview(spark: SparkSession, dataset: BuiltDataset, config: RunConfig, folder: Path) -> Difference:
    """What deciding again would change; `folder` holds the decisions meanwhile. Raises `UserError` as `check` does."""
    check(dataset, config)
    inputs = dataset.manifest["inputs"]
    rows = sum(source["rows"] for source in inputs)
    tune_for(spark, rows, config.spark)
    combinations = sorted({(source["corpus"], source["pair"]) for source in inputs})
    scored = dataset.folder / "scored"
    try:
        decide(spark, config, scored, folder, combinations, rows)
        return difference(decided_rows(spark, dataset), _decided(spark, scored, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _decided(spark: SparkSession, scored: Path, decisions: Path) -> DataFrame:
    table = spark.read.schema(SCORED.ddl()).option("recursiveFileLookup", "true").parquet(str(scored))
    kinds = {"int64": "bigint"}
    ddl = ", ".join(f"`{field.name}` {kinds.get(str(field.type), str(field.type))}" for field in DECISIONS)
    decided = spark.read.schema(ddl).option("pathGlobFilter", "*.parquet").parquet(str(decisions))
    kept = F.col("reason").isNull()
    return table.join(decided, "row").withColumn("split", F.when(kept, F.col("split")))


def _value(config: RunConfig, key: str) -> Any:
    value: Any = config.identity()
    for part in key.split("."):
        value = value[part]
    return value


def _fingerprint(dataset: BuiltDataset, config: RunConfig) -> str:
    parts = [
        "redecide",
        dataset.manifest["content_sha256"],
        dataset.manifest["config_sha256"],
        config.sha256(),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
