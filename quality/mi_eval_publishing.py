"""What completes MI-EVAL before it is published: its audit, then the report and the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.mi_eval.build import Plan
from pipelines.shards.published import DatasetFolder
from quality.findings import Audit, pass_or_raise, require_great_expectations
from quality.mi_eval_card import write_card
from quality.mi_eval_report import write_report


def completing(plan: Plan) -> Finish:
    """The last steps of a build, by name: `audit` the staged result, then write its `report` and its card.

    Adds `audit` to the run's manifest. The audit raises `AuditError` if a critical expectation fails.
    """
    require_great_expectations()
    audits: list[Audit] = []

    def audit(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        from quality.mi_eval_audit import audit

        docs = result / "audit" / "data_docs"
        dataset = DatasetFolder(result, manifest)
        audits.append(audit(spark, dataset, plan.config, plan.training, docs))
        return pass_or_raise(audits[0], result / "audit")

    def report(_: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        write_report(result / "report.html", result, manifest, plan.config, audits[0])
        write_card(result, manifest)
        return {}

    return {"audit": audit, "report": report}
