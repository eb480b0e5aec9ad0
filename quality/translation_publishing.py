"""What completes translated instructions before they are published: their audit, then the report and the card."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.errors import UserError
from pipelines.translate import Finish
from quality.findings import Audit, failure
from quality.translation_card import write_card
from quality.translation_report import write_report
from schemas.translation_run import TranslationRun


def completing(config: TranslationRun) -> Finish:
    """The last steps of a translation, by name: `audit` the staged result, then write its `report` and its card.

    Adds `audit` to the run's manifest. The audit raises `AuditError` if a critical expectation fails.
    """
    if importlib.util.find_spec("great_expectations") is None:
        raise UserError("the audit needs Great Expectations: pip install 'polyinstruct[audit,report]'")
    audits: list[Audit] = []

    def audit(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        from quality.translation_audit import audit

        found = audit(spark, result, manifest, config, result / "audit" / "data_docs")
        found.write(result / "audit" / "results.json")
        if found.failed:
            raise failure(found, f"all results are in {result / 'audit'} until the next run")
        audits.append(found)
        return {"audit": found.summary()}

    def report(_: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        write_report(result / "report.html", result, manifest, config, audits[0])
        write_card(result, manifest)
        return {}

    return {"audit": audit, "report": report}
