"""The audit of MI-EVAL: what every set passes before it is published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.dedup.training_overlap import TrainingData
from pipelines.shards.published import DatasetFolder, read_rows
from quality.figures import count_figures
from quality.findings import Audit
from quality.gate import Breaking, check, records, with_breaking
from quality.rows import by_declaration
from quality.suites import FAULTS, counts_suite, none_counted, nothing_wrong, within
from schemas.fields import Dataset
from schemas.mi_eval import MI_EVAL, REASONS, REJECTED_MI_EVAL, STAGES
from schemas.mi_eval_run import MiEvalAudit, MiEvalRun
from schemas.reasons import KEPT

_FAULTS = {name: FAULTS[name] for name in ("missing", "out_of_range", "unknown_value", "altered")} | {
    "unwanted": "a reference answer that was not asked for, or none where it was",
}
_PLACE = ("lang", "id")
# what must hold of every set, by the figure that counts the exceptions
INVARIANTS = {
    "repeated_ids": "items that stand twice in a language",
    "incomplete_ids": "items that do not stand in every language",
    "similar_to_seeds": "items as similar to a seed as none may be",
    "in_training_data": "items that overlap with the training data, which was searched once more",
}


def audit(
    spark: SparkSession,
    dataset: DatasetFolder,
    config: MiEvalRun,
    docs: Path | None,
    training: TrainingData | None = None,
) -> Audit:
    """Audits a staged or published set; writes Great Expectations' Data Docs to `docs`, if given.

    Without the training data, its overlap is not looked for once more.
    """
    kept = read_rows(spark, MI_EVAL, dataset.kept)
    rejected = read_rows(spark, REJECTED_MI_EVAL, dataset.rejected)
    rows = _with_faults(kept, MI_EVAL, config).unionByName(_with_faults(rejected, REJECTED_MI_EVAL, config))
    overlapping = _overlapping(spark, kept, config, training) if training else set()
    breaking = _breaking(kept, config, overlapping)
    invariants = dict(INVARIANTS)
    if not training:
        del invariants["in_training_data"]
    figures = _band_figures(kept, config)
    for name in invariants:
        figures[name] = breaking[name].rows.select("id").distinct().count()
    held = rejected if dataset.rejected else None
    counts = count_figures(*_by_stage(kept, held, dataset.manifest), ("stage",))
    bands = ("size_share", "classification_share", "top_verb_share")
    suite = [
        *none_counted(invariants),
        *(within(MiEvalAudit, name, getattr(config.audit, name)) for name in bands),
    ]
    tables = (
        ("rows", rows, nothing_wrong(_FAULTS)),
        ("dataset", figures, suite),
        ("counts", counts, counts_suite([*REASONS, KEPT])),
    )
    unchecked = () if training else ("the overlap with the training data, which is not here",)
    found = with_breaking(check(docs, tables), rows, _PLACE, breaking)
    return Audit(found, records(figures), unchecked)


def _with_faults(rows: DataFrame, declared: Dataset, config: MiEvalRun) -> DataFrame:
    """Where rows come from, their `reason` (null: kept), and the columns of `_FAULTS`, null where nothing is wrong."""
    null = F.lit(None).cast("string")
    kept = declared is MI_EVAL
    own = F.substring(F.sha2(F.concat_ws("\0", "instruction", "input"), 256), 1, 32)
    asked = F.col("output").isNotNull() if config.references else F.col("output").isNull()
    return rows.select(
        *("id", "lang"),
        (null if kept else F.col("reason")).alias("reason"),
        *by_declaration(declared),
        (F.when((F.col("lang") == "en") & (F.col("id") != own), own) if kept else null).alias("altered"),
        (F.when(~asked, F.lit("output")) if kept else null).alias("unwanted"),
    )


def _overlapping(
    spark: SparkSession, kept: DataFrame, config: MiEvalRun, training: TrainingData
) -> set[tuple[str, str]]:
    """The rows (id, language) that overlap with the training data. The set is small, and held here."""
    rows = kept.select("id", "lang", "instruction", "input").collect()
    found = training.overlaps(spark, [[row["instruction"], row["input"]] for row in rows])
    return {
        (row["id"], row["lang"])
        for row, overlap in zip(rows, found, strict=True)
        if overlap.share > config.training.max_overlap
    }


def _breaking(kept: DataFrame, config: MiEvalRun, overlapping: set[tuple[str, str]]) -> dict[str, Breaking]:
    """The rows that break each of `INVARIANTS`."""
    by_id = kept.groupBy("id").agg(F.count("*").alias("rows"), F.count_distinct("lang").alias("languages"))

    def of_ids(wrong: str) -> Breaking:
        return Breaking(
            kept.join(by_id.where(wrong).select("id"), "id", "left_semi"), _PLACE, ["instruction"]
        )

    limit = F.lit(config.filters.similarity).cast("float")
    pairs = [" ".join(pair) for pair in sorted(overlapping)]
    return {
        "repeated_ids": of_ids("rows > languages"),
        "incomplete_ids": of_ids(f"languages < {len(config.all_languages)}"),
        "similar_to_seeds": Breaking(
            kept.where(F.col("seed_similarity") >= limit), _PLACE, ["seed_similarity", "instruction"]
        ),
        "in_training_data": Breaking(
            kept.where(F.concat_ws(" ", "id", "lang").isin(pairs)), _PLACE, ["instruction"]
        ),
    }


def _band_figures(kept: DataFrame, config: MiEvalRun) -> pd.DataFrame:
    """One row: the figures that `MiEvalAudit` bounds."""
    items = kept.select("id").distinct().count()
    english = kept.where("lang = 'en'")
    verbs = english.groupBy("verb").count().where("verb is not null").orderBy(F.desc("count")).first()
    return pd.DataFrame(
        {
            "items": [items],
            "size_share": [items / config.size],
            "classification_share": [english.where("is_classification").count() / items if items else None],
            "top_verb_share": [verbs["count"] / items if verbs and items else None],
        }
    )


def _by_stage(
    kept: DataFrame, rejected: DataFrame | None, manifest: Mapping[str, Any]
) -> tuple[DataFrame, DataFrame | None, dict[str, Any]]:
    """What `count_figures` compares: items once, not in each language, and under the stage that they passed last."""
    items = kept.where("lang = 'en'").withColumn("stage", F.lit(STAGES[-1]))
    counts = [count if count["stage"] == STAGES[-1] else count | {"kept": 0} for count in manifest["counts"]]
    return items, rejected, {"counts": counts}
