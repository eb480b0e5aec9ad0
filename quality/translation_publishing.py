"""What completes translated instructions before they are published."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.published import DatasetFolder
from quality.findings import Audit
from quality.publishing import last_steps
from quality.translation_card import write_card
from quality.translation_report import write_report
from schemas.translation_run import TranslationRun


def completing(config: TranslationRun) -> Finish:
    """The last steps of a translation (`last_steps`)."""

    def audit(spark: SparkSession, dataset: DatasetFolder, docs: Path) -> Audit:
        from quality.translation_audit import audit

        return audit(spark, dataset, config, docs)

    def describe(_: SparkSession, dataset: DatasetFolder, found: Audit) -> None:
        write_report(dataset, config, found)
        write_card(dataset)

    return last_steps(audit, describe)
