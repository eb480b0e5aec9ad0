"""What completes tokenised data before it is published."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.published import DatasetFolder
from quality.findings import Audit
from quality.publishing import last_steps
from quality.tokens_card import write_card
from quality.tokens_report import write_report
from schemas.tokens_run import TokenizeRun


def completing(config: TokenizeRun) -> Finish:
    """The last steps of a tokenisation (`last_steps`)."""

    def audit(spark: SparkSession, dataset: DatasetFolder, docs: Path) -> Audit:
        from quality.tokens_audit import audit

        return audit(spark, dataset, config, docs)

    def describe(_: SparkSession, dataset: DatasetFolder, found: Audit) -> None:
        write_report(dataset, found)
        write_card(dataset)

    return last_steps(audit, describe)
