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
from pipelines.finish import Finish
from pipelines.progress import Stages
from pipelines.release import MadeFrom, decide_and_publish
from pipelines.session import tune_for
from pipelines.shards.published import BuiltDataset, read_rows
from pipelines.shards.workspace import code_sha256, open_workspace
from schemas.config import RunConfig
from schemas.parallel import SCORED

# the keys that decisions, and what is made of them, depend on; of others the scores or the corpora do
_DECIDED_BY = (
    "thresholds", "overrides", "strict", "licenses.allow", "chinese", "dedup.near.enabled", "dedup.near.threshold",
    "dedup.caps", "splits", "seed", "sources.priority", "shards", "audit", "report", "spark",
)  # fmt: skip


def check(dataset: BuiltDataset, config: RunConfig) -> None:
    """Raises `UserError` unless `config` can be decided by from the dataset's scores."""
    if not dataset.whole:
        raise UserError(
            f"{dataset.folder}: is a published folder, without the scored rows that deciding again needs; "
            "give the output of the run"
        )
    before, after = (_flat(of.model_dump(mode="json", by_alias=True)) for of in (dataset.config, config))
    problems = [
        f"{key}: cannot be decided again, since scores or corpora depend on it; build again with build_parallel"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
        and not f"{key}.".startswith(tuple(f"{name}." for name in _DECIDED_BY))
    ]
    if not (dataset.folder / "scored").is_dir():
        problems.append(f"{dataset.folder / 'scored'}: is missing; build again with build_parallel")
    if problems:
        raise UserError(*problems)


def _flat(nested: Any, prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` -> `{"a.b": 1}`."""
    if not isinstance(nested, dict) or not nested:
        return {prefix: nested}
    found: dict[str, Any] = {}
    for key, value in nested.items():
        found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return found


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
    kinds = {"int64": "bigint"}
    ddl = ", ".join(f"`{field.name}` {kinds.get(str(field.type), str(field.type))}" for field in DECISIONS)
    decided = spark.read.schema(ddl).option("pathGlobFilter", "*.parquet").parquet(str(decisions))
    kept = F.col("reason").isNull()
    return (
        read_rows(spark, SCORED, scored)
        .join(decided, "row")
        .withColumn("split", F.when(kept, F.col("split")))
    )


def _fingerprint(dataset: BuiltDataset, config: RunConfig) -> str:
    manifest = dataset.manifest
    parts = [code_sha256(), manifest["content_sha256"], manifest["config_sha256"], config.sha256()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
