"""What completes mixtures before they are published: their audit, then the report, the card and the trainers' files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.manifest import published_files
from pipelines.shards.published import DatasetFolder
from quality.findings import Audit, pass_or_raise, require_great_expectations
from quality.mixture_card import write_card
from quality.mixture_report import write_report
from quality.mixture_trainers import write_trainer_files
from schemas.mixture_run import MixtureRun


def completing(config: MixtureRun) -> Finish:
    """The last steps of a mixture, by name: `audit` the staged result, then write its `report`, its card and the rest.

    Adds `audit` to the run's manifest. The audit raises `AuditError` if a critical expectation fails.
    """
    require_great_expectations()
    audits: list[tuple[Audit, pd.DataFrame]] = []

    def audit(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        from quality.mixture_audit import audit

        dataset = DatasetFolder(result, manifest)
        audits.append(audit(spark, dataset, config, result / "audit" / "data_docs"))
        return pass_or_raise(audits[0][0], result / "audit")

    def report(_: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        found, contents = audits[0]
        write_report(result / "report.html", result, manifest, config, found, contents)
        write_card(result, manifest, contents)
        write_trainer_files(result / "instructions", published_files(manifest))
        return {}

    return {"audit": audit, "report": report}
