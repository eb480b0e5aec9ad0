"""What completes MI-EVAL before it is published."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.mi_eval.build import Plan
from pipelines.shards.published import DatasetFolder
from quality.findings import Audit
from quality.mi_eval_card import write_card
from quality.mi_eval_report import write_report
from quality.publishing import last_steps


def completing(plan: Plan) -> Finish:
    """The last steps of a build of MI-EVAL (`last_steps`)."""

    def audit(spark: SparkSession, dataset: DatasetFolder, docs: Path) -> Audit:
        from quality.mi_eval_audit import audit

        return audit(spark, dataset, plan.config, docs, plan.training)

    def describe(_: SparkSession, dataset: DatasetFolder, found: Audit) -> None:
        write_report(dataset, plan.config, found)
        write_card(dataset)

    return last_steps(audit, describe)
