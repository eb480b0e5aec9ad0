"""What completes a dataset before it is published: its audit, then its report and its card."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.published import BuiltDataset
from quality.fertility import fertility, load_tokenizer
from quality.findings import Audit, pass_or_raise, require_great_expectations
from quality.parallel_card import write_card
from quality.parallel_report import write_report
from quality.statistics import statistics
from schemas.config import RunConfig


def completing(config: RunConfig) -> Finish:
    """The last steps of a build, by name: `audit` the staged result, then write its `report` and its card.

    Adds `audit` to the run's manifest. Raises `UserError` if the configured tokenizer cannot be read; the audit raises
    `AuditError` if a critical expectation fails.
    """
    require_great_expectations()
    encode = load_tokenizer(config.report.tokenizer) if config.report.tokenizer else None
    # Great Expectations takes seconds to import, in which Spark starts
    threading.Thread(target=importlib.import_module, args=("quality.parallel_audit",), daemon=True).start()
    audits: list[Audit] = []

    def audit(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        from quality.parallel_audit import audit

        dataset = BuiltDataset(result, manifest, config)
        found = audit(spark, dataset, result / "audit" / "data_docs", config.eval.path)
        audits.append(found)
        return pass_or_raise(found, result / "audit")

    def report(spark: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        found = statistics(spark, BuiltDataset(result, manifest, config))
        codes = {code for pair in config.pairs for code in pair.split("-")}
        unspaced = [code for code in codes if not config.language(code).spaced]
        fertilities = fertility(found.samples, encode, unspaced) if encode else []
        write_report(result / "report.html", manifest, config, audits[0], found, fertilities)
        write_card(result, manifest)
        return {}

    return {"audit": audit, "report": report}
