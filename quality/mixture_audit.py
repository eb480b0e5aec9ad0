"""The audit of mixtures: what every one passes before it is published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.expectations.expectation import Expectation
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.mixture.write import conversation
from pipelines.shards.published import DatasetFolder, read_rows
from quality.gate import Breaking, check, records, with_breaking
from quality.mixture_figures import AuditOfMixtures, contents, kept_rows, summed
from quality.rows import by_declaration
from quality.suites import FAULTS, counts_suite, none_counted, nothing_wrong, within
from schemas.fields import Dataset
from schemas.mixture import INSTRUCTIONS, REASONS, REJECTED
from schemas.mixture_run import MixtureAudit, MixtureRun

_FAULTS = {
    **{name: FAULTS[name] for name in ("missing", "out_of_range", "unknown_value")},
    "altered": "conversations that do not say what the fields say",
}
# what must hold of every dataset, by the figure that counts the exceptions
_INVARIANTS = {
    "repeated_ids": "rows of a mixture with the same id and number of repeat",
    "keys_in_two_splits": "English texts, records and clusters in two splits, over all mixtures and languages",
}


def audit(
    spark: SparkSession, dataset: DatasetFolder, config: MixtureRun, docs: Path | None
) -> AuditOfMixtures:
    """Audits a staged or published dataset; writes Great Expectations' Data Docs to `docs`, if given."""
    manifest = dataset.manifest
    kept, rejected = kept_rows(spark, dataset), read_rows(spark, REJECTED, dataset.rejected)
    table = contents(kept, config.tokenizer.max_tokens)
    rows = _with_faults(kept.withColumn("reason", F.lit(None).cast("string")), INSTRUCTIONS, True)
    rows = rows.unionByName(_with_faults(rejected, REJECTED, False))
    languages, mixtures = _languages(table), _mixtures(table)
    tables = (
        ("rows", rows, nothing_wrong(_FAULTS)),
        ("dataset", _dataset_figures(kept), none_counted(_INVARIANTS)),
        ("parts", _parts(manifest, table), _parts_suite(config.translation.max_sentences)),
        ("languages", languages, [within(MixtureAudit, "byte_share", config.audit.byte_share)]),
        ("mixtures", mixtures, [within(MixtureAudit, "repeated_share", config.audit.repeated_share)]),
        ("counts", _count_figures(rejected, manifest, dataset.whole), counts_suite(list(REASONS))),
    )
    found = with_breaking(check(docs, tables), rows, ("lang", "source"), _breaking(kept))
    return AuditOfMixtures(found, records(languages), contents=table)


def _with_faults(rows: DataFrame, declared: Dataset, kept: bool) -> DataFrame:
    """Where rows come from, their `reason` (null: kept), and the columns of `_FAULTS`, null where nothing is wrong."""
    altered: Column = F.lit(None).cast("string")
    if kept:
        altered = F.when(F.col("messages") != conversation(), F.lit("messages"))
    return rows.select(
        F.col("source_ids")[0].alias("id"),
        *("lang", "source", "reason"),
        *by_declaration(declared),
        altered.alias("altered"),
    )


def _dataset_figures(kept: DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "repeated_ids": [_repeated(kept).count()],
            "keys_in_two_splits": [_crossing(kept).count()],
        }
    )


def _repeated(kept: DataFrame) -> DataFrame:
    return kept.groupBy("mixture", "id", "repeat").count().where("count > 1").select("mixture", "id")


def _crossing(kept: DataFrame) -> DataFrame:
    keys = kept.select(F.explode("keys").alias("key"), "split")
    return (
        keys.groupBy("key").agg(F.count_distinct("split").alias("splits")).where("splits > 1").select("key")
    )


def _parts(manifest: Mapping[str, Any], table: pd.DataFrame) -> pd.DataFrame:
    """A row for each mixture, split and part: `lacking` is what was to be taken, less what the files hold."""
    held = {
        (row["mixture"], row["split"], row["part"]): int(row["units"])
        for row in summed(table, "mixture", "split", "part").to_dict("records")
    }
    rows = [
        {
            "mixture": name,
            "split": take["split"],
            "part": take["part"],
            "lacking": take["units"] - held.pop((name, take["split"], take["part"]), 0),
        }
        for name, of in manifest["mixtures"].items()
        for take in of
    ]
    rows += [{"mixture": m, "split": s, "part": p, "lacking": -units} for (m, s, p), units in held.items()]
    return pd.DataFrame(rows)


def _parts_suite(max_sentences: int) -> list[Expectation]:
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="lacking",
            min_value=0,
            max_value=max_sentences - 1,
            notes="rows (pairs) to be taken, less those that the files hold: none but the rest of an example",
        )
    ]


def _languages(table: pd.DataFrame) -> pd.DataFrame:
    by = summed(table, "lang")
    counted = by["tokens"].notna()
    return by.assign(byte_share=(by["byte_tokens"] / by["tokens"]).where(counted))[
        ["lang", "rows", "byte_share"]
    ]


def _mixtures(table: pd.DataFrame) -> pd.DataFrame:
    by = summed(table, "mixture")
    return by.assign(repeated_share=1 - by["distinct"] / by["rows"])[["mixture", "rows", "repeated_share"]]


def _count_figures(rejected: DataFrame, manifest: Mapping[str, Any], whole: bool) -> pd.DataFrame:
    """A row for each source, part and reason: how many source rows the manifest counts, and the files hold.

    None of a published folder alone, with which rejected rows do not travel.
    """
    if not whole:
        return pd.DataFrame()
    counted = {
        (count["source"], count["direction"] or count["lang"], reason): rows
        for count in manifest["counts"]
        for reason, rows in count["rejected"].items()
    }
    part = F.coalesce("direction", "lang")
    held = {
        tuple(row)[:3]: row["rows"]
        for row in rejected.groupBy("source", part.alias("part"), "reason")
        .agg(F.sum(F.size("source_ids")).alias("rows"))
        .collect()
    }
    return pd.DataFrame(
        [
            (*key, counted.get(key, 0), held.get(key, 0))
            for key in sorted(counted.keys() | held.keys(), key=str)
        ],
        columns=["source", "part", "reason", "in_manifest", "in_files"],
    )


def _breaking(kept: DataFrame) -> dict[str, Breaking]:
    """The rows that break each of `_INVARIANTS`."""
    place = ("mixture", "split", "part")
    repeated = kept.join(_repeated(kept), ["mixture", "id"], "left_semi")
    crossing = kept.withColumn("key", F.explode("keys")).join(_crossing(kept), "key", "left_semi")
    return {
        "repeated_ids": Breaking(repeated, place, ["repeat"]),
        "keys_in_two_splits": Breaking(crossing, ("key", *place), []),
    }
