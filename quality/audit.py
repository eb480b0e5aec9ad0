"""The audit: Great Expectations as the gate that every dataset passes before it is published.

Rows are looked at by Spark, in one aggregation over all expectations on them; figures are small tables that take a pass
each to make, and are looked at in memory. What fails is asked for its offending rows afterwards, so that a sound
dataset pays for none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context import EphemeralDataContext
from great_expectations.expectations.expectation import Expectation
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.shards.published import BuiltDataset, read_rows
from quality import suites
from quality.figures import corpus_figures, count_figures, dataset_figures, offending, pair_figures
from quality.findings import Audit, Finding
from quality.recheck import text_faults
from quality.rows import with_faults
from schemas.parallel import PARALLEL, REJECTED
from schemas.reasons import KEPT, REASONS

_SHOWN = 20  # offending rows


def audit(spark: SparkSession, dataset: BuiltDataset, docs: Path | None, evals: Path | None) -> Audit:
    """Audits a dataset; writes Great Expectations' Data Docs to `docs`, if given.

    `evals` is the folder of evaluation sets that a sample of the rows is held against once more. Raises `UserError` if
    one of these is broken.
    """
    manifest, config = dataset.manifest, dataset.config
    kept = read_rows(spark, PARALLEL, dataset.parallel)
    rejected = read_rows(spark, REJECTED, dataset.rejected) if dataset.rejected else None
    rows = with_faults(spark, kept, PARALLEL, manifest, config)
    if rejected is not None:
        rows = rows.unionByName(with_faults(spark, rejected, REJECTED, manifest, config))
    context = _context(docs)
    shards = context.data_sources.add_spark("shards", persist=False).add_dataframe_asset("rows")
    figures = context.data_sources.add_pandas("figures")
    definition = shards.add_batch_definition_whole_dataframe("rows")
    findings = _validate(context, definition, rows, suites.rows_suite())
    texts = text_faults(kept, manifest, config, evals)
    pairs = pair_figures(kept, manifest, config)
    for name, table, expectations in (
        ("texts", texts, suites.texts_suite(texts.columns)),
        ("dataset", dataset_figures(kept, config), suites.dataset_suite(config.audit)),
        ("pairs", pairs, suites.pairs_suite(config.audit)),
        ("counts", count_figures(kept, rejected, manifest), suites.counts_suite([*REASONS, KEPT])),
        ("corpora", corpus_figures(manifest, config), suites.corpora_suite(config.audit)),
    ):
        if len(table):
            definition = figures.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
            findings += _validate(context, definition, table, expectations)
    if docs is not None:
        context.build_data_docs()
    shown = tuple({name: _plain(value) for name, value in row.items()} for row in pairs.to_dict("records"))
    return Audit(tuple(_with_rows(finding, rows, kept) for finding in findings), shown)


def _context(docs: Path | None) -> EphemeralDataContext:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    context.variables.analytics_enabled = False
    for name in list(context.list_data_docs_sites()):
        context.delete_data_docs_site(name)
    if docs is not None:
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.absolute())}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        context.add_data_docs_site(
            "docs",
            {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index},
        )
    return context


def _validate(
    context: EphemeralDataContext,
    definition: BatchDefinition[Any],
    frame: Any,
    expectations: Sequence[Expectation],
) -> list[Finding]:
    name = definition.name
    suite = context.suites.add(gx.ExpectationSuite(name, expectations=list(expectations)))
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name=name, data=definition, suite=suite)
    )
    # without examples all expectations on rows take one Spark job; with them each takes two of its own
    form: dict[str, Any] = {"result_format": "BASIC", "partial_unexpected_count": 0}
    if not isinstance(frame, DataFrame):
        named = [
            column for column in ("id", "corpus", "pair", "file", "line", "reason") if column in frame.columns
        ]
        form = {"result_format": "COMPLETE", "unexpected_index_column_names": named}
    results = validation.run(batch_parameters={"dataframe": frame}, result_format=form)
    return [_finding(name, result, frame) for result in results.results]


def _finding(subject: str, result: ExpectationValidationResult, frame: Any) -> Finding:
    config: Any = result.expectation_config
    kwargs = config.kwargs
    column = kwargs.get("column") or f"{kwargs.get('column_A')} = {kwargs.get('column_B')}"
    found = result.result or {}
    raised = result.exception_info or {}
    message = raised.get("exception_message") or next(
        (inner.get("exception_message") for inner in raised.values() if isinstance(inner, dict)), None
    )
    if message:
        observed = f"could not be checked: {message}"
    elif "observed_value" in found:
        observed = str(found["observed_value"])
    elif subject in ("dataset", "pairs", "corpora"):
        observed = _spread(frame[column].dropna().tolist())
    else:
        observed = f"{found.get('unexpected_count') or 0:,} of {found.get('element_count') or 0:,}"  # null of no rows
    rows = () if result.success or subject == "rows" else found.get("unexpected_index_list") or ()
    places = [row for row in rows if isinstance(row, dict)]
    return Finding(
        subject=subject,
        expectation=config.type,
        column=column,
        severity=str(getattr(config.severity, "value", config.severity)),
        success=bool(result.success),
        meaning=str(config.notes or ""),
        expected=_expected(kwargs),
        observed=observed,
        offending=tuple({name: _plain(value) for name, value in row.items()} for row in places[:_SHOWN]),
    )


def _expected(kwargs: Mapping[str, Any]) -> str:
    if "value_set" in kwargs:
        return f"one of {', '.join(map(str, kwargs['value_set']))}"
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None or high is not None:
        return f"at least {low}" if high is None else f"at most {high}"
    return "none"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "nothing"
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)  # JSON knows neither


def _with_rows(finding: Finding, rows: DataFrame, kept: DataFrame) -> Finding:
    """The finding with the rows that break it, where these are rows of the dataset."""
    if finding.success:
        return finding
    if finding.subject == "rows":
        broken, shown = rows.where(F.col(finding.column).isNotNull()), ["reason", finding.column]
    elif finding.column in suites.INVARIANTS:
        broken, shown = offending(kept, finding.column), ["cluster_id", "split"]
    else:
        return finding
    ordered = broken.orderBy("pair", "file", "line").select("id", "pair", "file", "line", *shown)
    return replace(finding, offending=tuple(row.asDict() for row in ordered.limit(_SHOWN).collect()))
