"""The audit of translated instructions: what every dataset of them passes before it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

import pandas as pd
from great_expectations.expectations.expectation import Expectation
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.shards.published import DatasetFolder, read_rows
from quality.figures import count_figures
from quality.findings import Audit
from quality.gate import Breaking, check, records, with_breaking
from quality.rows import by_declaration
from quality.suites import FAULTS, counts_suite, none_counted, nothing_wrong, within
from schemas.fields import Dataset
from schemas.instructions import INSTRUCTIONS, REASONS, REJECTED_INSTRUCTIONS
from schemas.reasons import KEPT
from schemas.translation import CONDITIONS, Checks
from schemas.translation_run import TranslationAudit, TranslationRun

_FAULTS = {name: FAULTS[name] for name in ("missing", "out_of_range", "unknown_value", "decided_anew")}
_TRANSLATED = ("translate", "instruction_only")
# what must hold of every dataset, by the figure that counts the exceptions
_INVARIANTS = {
    "repeated_ids": "ids that stand in several rows",
    "repeated_sources": "records that stand twice in a language, kept or rejected",
    "sources_in_two_splits": "records that stand in two splits, over all languages",
}


def audit(spark: SparkSession, dataset: DatasetFolder, config: TranslationRun, docs: Path | None) -> Audit:
    """Audits a staged or published dataset; writes Great Expectations' Data Docs to `docs`, if given."""
    manifest = dataset.manifest
    kept = read_rows(spark, INSTRUCTIONS, dataset.kept)
    rejected = read_rows(spark, REJECTED_INSTRUCTIONS, dataset.rejected)
    rows = _with_faults(kept.withColumn("reason", F.lit(None).cast("string")), INSTRUCTIONS, config.checks)
    rows = rows.unionByName(_with_faults(rejected, REJECTED_INSTRUCTIONS, config.checks))
    names = ["id", "source_id", "lang", "file", "index", "split"]
    both = kept.select(*names).unionByName(rejected.withColumn("split", F.lit(None)).select(*names))
    languages = language_figures(kept, manifest, config)
    held = rejected if dataset.rejected else None
    counts = count_figures(kept, held, manifest, ("file", "lang"))
    tables = (
        ("rows", rows, nothing_wrong(_FAULTS)),
        ("dataset", _dataset_figures(kept, both, manifest), _dataset_suite(config.audit)),
        ("languages", languages, _languages_suite(config.audit)),
        ("counts", counts, counts_suite([*REASONS, KEPT])),
    )
    place = ("file", "index", "lang")
    breaking = {name: Breaking(_offending(both, name), place, ["source_id", "split"]) for name in _INVARIANTS}
    return Audit(with_breaking(check(docs, tables), rows, place, breaking), records(languages))


def _with_faults(rows: DataFrame, declared: Dataset, checks: Checks) -> DataFrame:
    """Where rows come from, their `reason` (null: kept), and the columns of `_FAULTS`, null where nothing is wrong."""
    # a reason that is not of the checks was given before there was a translation to check
    own = F.when(F.col("reason").isin(*CONDITIONS), F.col("reason"))
    anew = _decided(checks)
    otherwise = F.when(~anew.eqNullSafe(own), F.coalesce(anew, F.lit(KEPT)))
    return rows.select(
        *("id", "lang", "file", "index", "reason"),
        *by_declaration(declared),
        F.when(F.col("route").isin(*_TRANSLATED), otherwise).alias("decided_anew"),
    )


def _decided(checks: Checks) -> Column:
    """Why a translation falls by its scores, or null: `checks.decide` as one expression."""
    decided = F.lit(None).cast("string")
    for reason in reversed([reason for reason in REASONS if reason in CONDITIONS]):
        comparisons = [
            F.col(score) < limit if sign == "<" else F.col(score) > limit
            for score, sign, limit in (
                (score, sign, F.lit(getattr(checks, key)).cast("float"))
                for score, sign, key in CONDITIONS[reason]
            )
        ]
        decided = F.when(F.coalesce(reduce(and_, comparisons), F.lit(False)), F.lit(reason)).otherwise(
            decided
        )
    return decided


def _dataset_figures(kept: DataFrame, both: DataFrame, manifest: Mapping[str, Any]) -> pd.DataFrame:
    languages = {count["lang"] for count in manifest["counts"]}
    by_source = both.groupBy("source_id").agg(
        F.count("*").alias("rows"),
        F.count_distinct("lang").alias("languages"),
        F.count_distinct("split").alias("splits"),
        F.count("split").alias("kept"),
    )
    found = by_source.agg(
        F.sum((F.col("rows") > F.col("languages")).cast("long")).alias("repeated_sources"),
        F.sum((F.col("splits") > 1).cast("long")).alias("sources_in_two_splits"),
        F.sum((F.col("kept") == len(languages)).cast("long")).alias("common"),
    ).collect()[0]
    repeated = kept.groupBy("id").count().where("count > 1").count()
    read = sum(source["records"] for source in manifest["inputs"])
    return pd.DataFrame(
        {
            "repeated_ids": [repeated],
            "repeated_sources": [found["repeated_sources"] or 0],
            "sources_in_two_splits": [found["sources_in_two_splits"] or 0],
            "common_share": [(found["common"] or 0) / read if read else None],
        }
    )


def _dataset_suite(bands: TranslationAudit) -> list[Expectation]:
    return [*none_counted(_INVARIANTS), within(TranslationAudit, "common_share", bands.common_share)]


def _languages_suite(bands: TranslationAudit) -> list[Expectation]:
    names = ("kept_share", "translated_share", "lid_agreement")
    return [within(TranslationAudit, name, getattr(bands, name)) for name in names]


def language_figures(kept: DataFrame, manifest: Mapping[str, Any], config: TranslationRun) -> pd.DataFrame:
    """A row for each target language: `read`, `kept`, and the shares that `TranslationAudit` has bands for."""
    labels = F.lit(False)
    for code in config.languages:
        labels = labels | (
            (F.col("lang") == code) & F.col("lid").isin(list(config.language(code).lid_labels or (code,)))
        )
    judged = F.col("lid").isNotNull()
    found = {
        row["lang"]: row
        for row in kept.groupBy("lang")
        .agg(
            F.sum((judged & labels).cast("long")).alias("agree"),
            F.sum(judged.cast("long")).alias("judged"),
            F.sum((F.col("route") == "translate").cast("long")).alias("whole"),
        )
        .collect()
    }
    table = []
    for lang in config.languages:
        counts = [count for count in manifest["counts"] if count["lang"] == lang]
        read, number = (sum(count[name] for count in counts) for name in ("read", "kept"))
        row = found.get(lang)
        table.append(
            {
                "lang": lang,
                "read": read,
                "kept": number,
                "kept_share": number / read if read else None,
                "translated_share": row["whole"] / number if row and number else None,
                "lid_agreement": row["agree"] / row["judged"] if row and row["judged"] else None,
            }
        )
    return pd.DataFrame(table)


def _offending(both: DataFrame, figure: str) -> DataFrame:
    """The rows that `figure`, one of `_INVARIANTS`, counts."""
    rows = both.where("split is not null") if figure == "repeated_ids" else both
    keys: Sequence[str] = {"repeated_ids": ["id"], "repeated_sources": ["source_id", "lang"]}.get(
        figure, ["source_id"]
    )
    many = F.count_distinct("split") > 1 if figure == "sources_in_two_splits" else F.count("*") > 1
    return rows.join(
        rows.groupBy(*keys).agg(many.alias("wrong")).where("wrong").select(*keys), [*keys], "left_semi"
    )
