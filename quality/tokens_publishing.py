"""What completes tokenised data before it is published: its audit, then the report and the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.published import DatasetFolder
from quality.findings import Audit, pass_or_raise, require_great_expectations
from quality.tokens_card import write_card
from quality.tokens_report import write_report
from schemas.tokens_run import TokenizeRun


def completing(config: TokenizeRun) -> Finish:
    """The last steps of a tokenisation, by name: `audit` the staged result, then write its `report` and its card.

    Adds `audit` to the run's manifest. The audit raises `AuditError` if a critical expectation fails.
    """
    require_great_expectations()
    audits: list[Audit] = []

    def audit(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        from quality.tokens_audit import audit

        found = audit(spark, DatasetFolder(result, manifest), config, result / "audit" / "data_docs")
        audits.append(found)
        return pass_or_raise(found, result / "audit")

    def report(_: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        write_report(result / "report.html", result, manifest, audits[0])
        write_card(result, manifest)
        return {}

    return {"audit": audit, "report": report}
