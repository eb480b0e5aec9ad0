"""What completes a dataset of any kind before it is published: its audit, then its report and its card."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.published import DatasetFolder
from quality.findings import Audit, pass_or_raise, require_great_expectations

Found = TypeVar("Found", bound=Audit)


def last_steps(
    audit: Callable[[SparkSession, DatasetFolder, Path], Found],
    describe: Callable[[SparkSession, DatasetFolder, Found], None],
) -> Finish:
    """The last steps of a job, by name: `audit` the staged result, then write its `report`, its card and the like.

    `audit` is given the folder of Great Expectations' Data Docs; it is best imported when it is called, for that takes
    seconds. Adds `audit` to the run's manifest; raises `AuditError` if a critical expectation fails.
    """
    require_great_expectations()
    # Spark starts meanwhile
    threading.Thread(target=importlib.import_module, args=("quality.gate",), daemon=True).start()
    found: list[Found] = []

    def audited(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        dataset = DatasetFolder(result, manifest)
        found.append(audit(spark, dataset, result / "audit" / "data_docs"))
        return pass_or_raise(found[0], result / "audit")

    def described(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        describe(spark, DatasetFolder(result, manifest), found[0])
        return {}

    return {"audit": audited, "report": described}
