"""The audit of tokenised data: what every dataset of tokens passes before it is published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.shards.published import DatasetFolder, read_rows
from quality.figures import count_figures
from quality.findings import Audit
from quality.gate import check, records, with_breaking
from quality.rows import by_declaration
from quality.suites import FAULTS, counts_suite, none_counted, nothing_wrong, within
from schemas.fields import Dataset
from schemas.reasons import KEPT
from schemas.tokens import REASONS, REJECTED_TOKENS, TOKENS
from schemas.tokens_run import TokenizeRun, TokensAudit

_FAULTS = {name: FAULTS[name] for name in ("missing", "out_of_range", "unknown_value")} | {
    "wrong_tokens": "tokens that the length, the boundary, the vocabulary or the greatest length do not fit",
}
_INVARIANTS = {"ids_in_two_splits": "rows that stand in two splits of a mixture"}
_GROUP = ("mixture", "split", "lang", "task", "answer_lang")  # what the manifest counts rows of
_FIGURES = ("kept_share", "truncated_share", "unknown_share")


def audit(spark: SparkSession, dataset: DatasetFolder, config: TokenizeRun, docs: Path | None) -> Audit:
    """Audits a staged or published dataset; writes Great Expectations' Data Docs to `docs`, if given."""
    manifest = dataset.manifest
    kept = _placed(read_rows(spark, TOKENS, dataset.kept))
    rejected = _placed(read_rows(spark, REJECTED_TOKENS, dataset.rejected))
    rows = _with_faults(kept, TOKENS, _wrong_tokens(manifest, config)).unionByName(
        _with_faults(rejected, REJECTED_TOKENS, F.lit(None).cast("string"))
    )
    held = rejected if dataset.rejected else None
    languages = language_figures(manifest)
    repeated = kept.groupBy("mixture", "id").agg(F.count_distinct("split").alias("n")).where("n > 1").count()
    tables = (
        ("rows", rows, nothing_wrong(_FAULTS)),
        ("dataset", pd.DataFrame({"ids_in_two_splits": [repeated]}), none_counted(_INVARIANTS)),
        (
            "languages",
            languages,
            [within(TokensAudit, figure, getattr(config.audit, figure)) for figure in _FIGURES],
        ),
        ("counts", count_figures(kept, held, manifest, _GROUP), counts_suite([*REASONS, KEPT])),
    )
    found = with_breaking(check(docs, tables), rows, ("mixture", "split", "lang"))
    return Audit(found, records(languages))


def _placed(rows: DataFrame) -> DataFrame:
    """The rows with the mixture and the split that their file's path tells, and the language of the answer."""
    parts = F.split(F.input_file_name(), "/")
    return rows.withColumns(
        {
            "mixture": F.element_at(parts, -2),
            "split": F.regexp_replace(F.element_at(parts, -1), r"-\d+-of-\d+\.parquet$", ""),
            "answer_lang": F.coalesce(F.get(F.split("direction", "-"), F.lit(1)), F.col("lang")),
        }
    )


def _wrong_tokens(manifest: Mapping[str, Any], config: TokenizeRun) -> Column:
    """What is wrong with a row's tokens, or null."""
    ids, vocabulary = F.col("input_ids"), manifest["tokenizer"]["vocab_size"]
    return (
        F.when(F.size(ids) != F.col("length"), "length")
        .when(F.col("prompt_tokens") >= F.col("length"), "prompt_tokens")
        .when(F.col("length") > config.max_length, "max_length")
        .when(F.col("full_length") < F.col("length"), "full_length")
        .when((F.array_max(ids) >= vocabulary) | (F.array_min(ids) < 0), "vocabulary")
    )


def _with_faults(rows: DataFrame, declared: Dataset, wrong_tokens: Column) -> DataFrame:
    if "reason" not in rows.columns:
        rows = rows.withColumn("reason", F.lit(None).cast("string"))
    return rows.select(
        *("id", "mixture", "split", "lang", "reason"),
        *by_declaration(declared),
        wrong_tokens.alias("wrong_tokens"),
    )


def language_figures(manifest: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each mixture and language: sums of the manifest's counts, and the shares that have bands."""
    counts = pd.DataFrame(manifest["counts"])
    # English beyond its share is left out on purpose
    counts["read"] -= [found.get("over_english_share", 0) for found in counts["rejected"]]
    table = counts.groupby(["mixture", "lang"], as_index=False).sum(numeric_only=True)
    return table.assign(
        kept_share=table["kept"] / table["read"].where(table["read"] > 0),
        truncated_share=table["truncated"] / table["kept"].where(table["kept"] > 0),
        unknown_share=table["unknown"] / table["tokens"].where(table["tokens"] > 0),
    )
