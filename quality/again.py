"""Auditing a dataset that was built before, of whatever kind: by the bands it was built with, or by others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pyspark.sql import SparkSession

from pipelines.errors import UserError
from pipelines.shards.published import BuiltDataset, DatasetFolder, not_understood
from quality.findings import Audit
from schemas.config import RunConfig
from schemas.datasets import MI_EVAL, MIXTURE, PARALLEL, TOKENS, TRANSLATED
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
    try:
        return _AUDITORS[dataset.kind.name](dataset, overrides, evals)
    except ValidationError as error:
        raise not_understood(dataset.folder, error) from None


# the audits are imported when they are taken: Great Expectations takes seconds, which a refusal need not wait for


def _parallel(dataset: DatasetFolder, overrides: Sequence[str], evals: Path | None) -> Auditor:
    built = RunConfig.model_validate(dataset.manifest["config"])
    config = change_config(built, overrides)

    def audit(spark: SparkSession, docs: Path | None) -> Audit:
        from quality.parallel_audit import audit

        return audit(spark, BuiltDataset(dataset.folder, dataset.manifest, config), docs, evals)

    return audit


def _translated(dataset: DatasetFolder, overrides: Sequence[str], evals: Path | None) -> Auditor:
    _no_evaluation_sets(dataset, evals)
    # where the engine lay is not recorded, and an audit does not ask
    made = TranslationRun.model_validate(dataset.manifest["config"] | {"engine": {"path": "."}})
    config = change_config(made, overrides)

    def audit(spark: SparkSession, docs: Path | None) -> Audit:
        from quality.translation_audit import audit

        return audit(spark, dataset, config, docs)

    return audit


def _tokens(dataset: DatasetFolder, overrides: Sequence[str], evals: Path | None) -> Auditor:
    _no_evaluation_sets(dataset, evals)
    # where shards or texts and the tokenizer lay is not recorded, and an audit does not ask
    places: Any = {"input": ".", "hub": None, "text": {}, "english_share": None, "tokenizer": "."}
    config = change_config(TokenizeRun.model_validate(dataset.manifest["config"] | places), overrides)

    def audit(spark: SparkSession, docs: Path | None) -> Audit:
        from quality.tokens_audit import audit

        return audit(spark, dataset, config, docs)

    return audit


def _mi_eval(dataset: DatasetFolder, overrides: Sequence[str], evals: Path | None) -> Auditor:
    _no_evaluation_sets(dataset, evals)
    made = MiEvalRun.model_validate(dataset.manifest["config"] | {"engine": {"path": "."}})
    config = change_config(made, overrides)

    def audit(spark: SparkSession, docs: Path | None) -> Audit:
        from quality.mi_eval_audit import audit

        return audit(spark, dataset, config, None, docs)

    return audit


def _mixture(dataset: DatasetFolder, overrides: Sequence[str], evals: Path | None) -> Auditor:
    _no_evaluation_sets(dataset, evals)
    recorded = dataset.manifest["config"]
    # where the sources lay is not recorded, and an audit does not ask
    general = {
        name: one if one["files"] else one | {"path": "."} for name, one in recorded["general"].items()
    }
    places = {key: {**recorded[key], "path": "."} for key in ("translation", "tokenizer")}
    config = change_config(MixtureRun.model_validate(recorded | places | {"general": general}), overrides)

    def audit(spark: SparkSession, docs: Path | None) -> Audit:
        from quality.mixture_audit import audit

        return audit(spark, dataset, config, docs)[0]

    return audit


def _no_evaluation_sets(dataset: DatasetFolder, evals: Path | None) -> None:
    if evals is not None:
        raise UserError(f"--eval: is for parallel data; {dataset.kind.job} made {dataset.folder}")


_AUDITORS: Mapping[str, Callable[[DatasetFolder, Sequence[str], Path | None], Auditor]] = {
    PARALLEL.name: _parallel,
    TRANSLATED.name: _translated,
    MI_EVAL.name: _mi_eval,
    MIXTURE.name: _mixture,
    TOKENS.name: _tokens,
}
