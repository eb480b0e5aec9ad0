"""What completes translated instructions before they are published: their audit, then the report and the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.published import DatasetFolder
from quality.findings import Audit, pass_or_raise, require_great_expectations
from quality.translation_card import write_card
from quality.translation_report import write_report
from schemas.translation_run import TranslationRun


def completing(config: TranslationRun) -> Finish:
    """The last steps of a translation, by name: `audit` the staged result, then write its `report` and its card.

    Adds `audit` to the run's manifest. The audit raises `AuditError` if a critical expectation fails.
    """
    require_great_expectations()
    audits: list[Audit] = []

    def audit(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        from quality.translation_audit import audit

        found = audit(spark, DatasetFolder(result, manifest), config, result / "audit" / "data_docs")
        audits.append(found)
        return pass_or_raise(found, result / "audit")

    def report(_: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        write_report(result / "report.html", result, manifest, config, audits[0])
        write_card(result, manifest)
        return {}

    return {"audit": audit, "report": report}
