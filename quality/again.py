"""Auditing a dataset that was built before, of whatever kind: by the bands it was built with, or by others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pyspark.sql import SparkSession

from pipelines.errors import UserError
from pipelines.shards.published import BuiltDataset, DatasetFolder, not_understood
from quality.findings import Audit
from schemas.config import RunConfig
from schemas.datasets import PARALLEL
from schemas.loading import ConfigError, change_config
from schemas.mi_eval_run import MiEvalRun
from schemas.mixture_run import MixtureRun
from schemas.tokens_run import TokenizeRun
from schemas.translation_run import TranslationRun

# looks at the dataset; writes Great Expectations' Data Docs into the folder, if one is given
Auditor = Callable[[SparkSession, Path | None], Audit]


def auditor(dataset: DatasetFolder, overrides: Sequence[str], evals: Path | None) -> Auditor:
    """The audit of a dataset, with other bands for its figures (`audit.key=value`).

    `evals` is the folder of evaluation sets that a sample of parallel data is held against once more. Raises
    `ConfigError` and `UserError` for what is wrong with the question itself.
    """
    foreign = [given for given in overrides if not given.startswith("audit.")]
    if foreign:
        raise ConfigError([f"--set {given}: an audit takes keys under audit only" for given in foreign])
    if evals is not None and dataset.kind != PARALLEL:
        raise UserError(f"--eval: is for parallel data; {dataset.kind.job} made {dataset.folder}")
    try:
        built_with = dataset.kind.config.from_record(dataset.manifest["config"])
    except ValidationError as error:
        raise not_understood(dataset.folder, error) from None
    config = change_config(built_with, overrides)
    return lambda spark, docs: _taken(spark, dataset, config, docs, evals)


def _taken(
    spark: SparkSession, dataset: DatasetFolder, config: BaseModel, docs: Path | None, evals: Path | None
) -> Audit:
    # each is imported when it is taken: Great Expectations takes seconds, which a refusal need not wait for
    match config:
        case RunConfig():
            from quality import parallel_audit

            built = BuiltDataset(dataset.folder, dataset.manifest, config)
            return parallel_audit.audit(spark, built, docs, evals)
        case TranslationRun():
            from quality import translation_audit

            return translation_audit.audit(spark, dataset, config, docs)
        case MiEvalRun():
            from quality import mi_eval_audit

            return mi_eval_audit.audit(spark, dataset, config, docs)
        case MixtureRun():
            from quality import mixture_audit

            return mixture_audit.audit(spark, dataset, config, docs)
        case TokenizeRun():
            from quality import tokens_audit

            return tokens_audit.audit(spark, dataset, config, docs)
    raise TypeError(f"no audit is known for {type(config).__name__}")
