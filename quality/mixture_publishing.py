"""What completes mixtures before they are published; beside report and card, files for trainers."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.manifest import published_files
from pipelines.shards.published import DatasetFolder
from quality.mixture_card import write_card
from quality.mixture_figures import AuditOfMixtures
from quality.mixture_report import write_report
from quality.mixture_trainers import write_trainer_files
from quality.publishing import last_steps
from schemas.mixture_run import MixtureRun


def completing(config: MixtureRun) -> Finish:
    """The last steps of a build of mixtures (`last_steps`)."""

    def audit(spark: SparkSession, dataset: DatasetFolder, docs: Path) -> AuditOfMixtures:
        from quality.mixture_audit import audit

        return audit(spark, dataset, config, docs)

    def describe(_: SparkSession, dataset: DatasetFolder, found: AuditOfMixtures) -> None:
        write_report(dataset, config, found)
        write_card(dataset, found.contents)
        write_trainer_files(dataset.kept, published_files(dataset.manifest))

    return last_steps(audit, describe)
