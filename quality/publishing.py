"""What completes a dataset before it is published: its audit and its card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.shards.published import BuiltDataset
from quality.audit import audit, failure
from quality.card import write_card
from schemas.config import RunConfig


def completing(config: RunConfig) -> Callable[[SparkSession, Path, dict[str, Any]], dict[str, Any]]:
    """The last step of a build: audits the staged result and writes its card.

    Adds `audit` to the run's manifest. Raises `AuditError` if a critical expectation fails.
    """

    def complete(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        found = audit(spark, BuiltDataset(result, manifest, config), result / "audit" / "data_docs")
        if found.failed:
            raise failure(found)
        found.write(result / "audit" / "results.json")
        write_card(result, manifest)
        return {"audit": found.summary()}

    return complete
