"""What completes parallel data before it is published."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.finish import Finish
from pipelines.shards.published import BuiltDataset, DatasetFolder
from quality.fertility import fertility, load_tokenizer
from quality.findings import Audit
from quality.parallel_card import write_card
from quality.parallel_report import write_report
from quality.publishing import last_steps
from quality.statistics import statistics
from schemas.config import RunConfig


def completing(config: RunConfig) -> Finish:
    """The last steps of a build, or of deciding again (`last_steps`).

    Raises `UserError` if the configured tokenizer cannot be read.
    """
    encode = load_tokenizer(config.report.tokenizer) if config.report.tokenizer else None

    def built(dataset: DatasetFolder) -> BuiltDataset:
        return BuiltDataset(dataset.folder, dataset.manifest, config)

    def audit(spark: SparkSession, dataset: DatasetFolder, docs: Path) -> Audit:
        from quality.parallel_audit import audit

        return audit(spark, built(dataset), docs, config.eval.path)

    def describe(spark: SparkSession, dataset: DatasetFolder, audited: Audit) -> None:
        found = statistics(spark, built(dataset))
        codes = {code for pair in config.pairs for code in pair.split("-")}
        unspaced = [code for code in codes if not config.language(code).spaced]
        fertilities = fertility(found.samples, encode, unspaced) if encode else []
        write_report(dataset.folder / "report.html", dataset.manifest, config, audited, found, fertilities)
        write_card(dataset)

    return last_steps(audit, describe)
