"""Great Expectations as the gate: expectations on tables in, findings out.

Rows are looked at by Spark, in one aggregation over all expectations on them; figures are small tables that take a pass
each to make, and are looked at in memory. What fails is asked for its offending rows afterwards, so that a sound
dataset pays for none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import great_expectations as gx
import pandas as pd
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context import EphemeralDataContext
from great_expectations.expectations.expectation import Expectation
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from quality.findings import Finding

_SHOWN = 20  # offending rows
_NAMES = (
    "id",
    "corpus",
    "pair",
    "file",
    "lang",
    "line",
    "index",
    "reason",
)  # columns that say where something is


class Breaking(NamedTuple):
    """Rows that break an expectation, the columns that say where they are, which order them, and others to show."""

    rows: DataFrame
    place: Sequence[str]
    shown: Sequence[str]


def check(docs: Path | None, tables: Iterable[tuple[str, Any, Sequence[Expectation]]]) -> list[Finding]:
    """What becomes of the expectations on Spark or pandas tables, each with the findings' subject before it.

    Of an empty pandas table nothing is expected. Data Docs are written to `docs`, if given.
    """
    context = _context(docs)
    spark = context.data_sources.add_spark("shards", persist=False)
    pandas = context.data_sources.add_pandas("figures")
    findings: list[Finding] = []
    for subject, table, expectations in tables:
        if isinstance(table, DataFrame) or len(table):
            source = spark if isinstance(table, DataFrame) else pandas
            asset = source.add_dataframe_asset(subject)
            definition = asset.add_batch_definition_whole_dataframe(subject)
            findings += _validate(context, definition, table, expectations)
    if docs is not None:
        context.build_data_docs()
    return findings


def with_breaking(
    findings: Iterable[Finding],
    rows: DataFrame,
    place: Sequence[str],
    of_figures: Mapping[str, Breaking] | None = None,
) -> tuple[Finding, ...]:
    """The findings, those that failed with the first rows that break them, in the order of their place.

    These are of `rows`, where each row was looked at (subject `rows`), and of `of_figures`, where a figure counts them.
    """

    def shown(finding: Finding) -> Finding:
        if finding.success:
            return finding
        if finding.subject == "rows":
            faulty = rows.where(F.col(finding.column).isNotNull())
            return _with_offending(finding, Breaking(faulty, place, ["reason", finding.column]))
        breaking = (of_figures or {}).get(finding.column)
        return finding if breaking is None else _with_offending(finding, breaking)

    return tuple(shown(finding) for finding in findings)


def _with_offending(finding: Finding, breaking: Breaking) -> Finding:
    ordered = breaking.rows.orderBy(*breaking.place).select("id", *breaking.place, *breaking.shown)
    return replace(finding, offending=tuple(row.asDict() for row in ordered.limit(_SHOWN).collect()))


def records(table: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """The rows of a table as JSON knows them."""
    return tuple({name: _plain(value) for name, value in row.items()} for row in table.to_dict("records"))


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
        named = [column for column in _NAMES if column in frame.columns]
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
    elif "min_value" in kwargs or "max_value" in kwargs:
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
