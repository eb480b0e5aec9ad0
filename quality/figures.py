"""The figures of a dataset as a whole, small tables that an audit expects things of.

Each is one pass over a few columns of the shards, or comes from the manifest alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from pipelines.cleaning.decide import identified_as_claimed
from schemas.config import RunConfig
from schemas.parallel import SPLITS
from schemas.reasons import KEPT

# the texts that may stand only once, or in one split only
_KEYS = {"id": "id", "cluster": "cluster_id", "english": "src_text"}
_BITS = {split: 1 << place for place, split in enumerate(SPLITS)}
_SPLIT_OF = {bit: split for split, bit in _BITS.items()}


def dataset_figures(rows: DataFrame, config: RunConfig) -> pd.DataFrame:
    """One row: the counts named in `suites.INVARIANTS`, and `split_deviation`."""
    found = _groups(rows).groupBy("kind", "splits", (F.col("rows") > 1).alias("many")).count().collect()

    def total(kind: str, condition: Callable[[Row], bool]) -> int:
        return sum(group["count"] for group in found if group["kind"] == kind and condition(group))

    english = dict.fromkeys(SPLITS, 0)
    for group in found:
        if group["kind"] == "english" and group["splits"] in _SPLIT_OF:
            english[_SPLIT_OF[group["splits"]]] += group["count"]
    return pd.DataFrame(
        {
            "repeated_ids": [total("id", _many)],
            "repeated_clusters": [total("cluster", _many)],
            "clusters_in_two_splits": [total("cluster", _straddles)],
            "english_in_two_splits": [total("english", _straddles)],
            "split_deviation": [_split_deviation(english, config)],
        }
    )


def _many(group: Row) -> bool:
    return bool(group["many"])


def _straddles(group: Row) -> bool:
    return group["splits"] not in (0, *_SPLIT_OF)


def _groups(rows: DataFrame) -> DataFrame:
    """Every id, cluster and English text, by its hash: `kind`, `key`, `rows`, and `splits`, the sum of `_BITS`."""
    kinds = F.array(
        *(F.struct(F.lit(kind).alias("kind"), F.xxhash64(name).alias("key")) for kind, name in _KEYS.items())
    )
    # numbers, since Spark sorts where it would have to keep the least of texts
    bit = F.lit(0)
    for split, value in _BITS.items():
        bit = F.when(F.col("split") == split, value).otherwise(bit)
    keys = rows.select(bit.alias("bit"), F.inline(kinds))
    return keys.groupBy("kind", "key").agg(F.count("*").alias("rows"), F.bit_or("bit").alias("splits"))


def offending(rows: DataFrame, figure: str) -> DataFrame:
    """The rows that `figure`, one of `suites.INVARIANTS`, counts."""
    kind = {"repeated_ids": "id", "english_in_two_splits": "english"}.get(figure, "cluster")
    wrong = ~F.col("splits").isin(0, *_SPLIT_OF) if figure.endswith("two_splits") else F.col("rows") > 1
    keys = _groups(rows).where((F.col("kind") == kind) & wrong).select("key")
    return rows.join(keys, F.xxhash64(_KEYS[kind]) == F.col("key"), "left_semi")


def _split_deviation(english: Mapping[str, int], config: RunConfig) -> float:
    """How far the splits' shares of the English texts are from the configured ones, in standard deviations.

    The greatest over the splits. Splits are drawn by hash, so a share has the deviation of a binomial.
    """
    texts = sum(english.values())
    if not texts:
        return 0.0
    shares = {"validation": config.splits.validation, "test": config.splits.test}
    shares["train"] = 1 - sum(shares.values())
    return max(
        abs(english[split] / texts - share) / math.sqrt(share * (1 - share) / texts)
        if 0 < share < 1
        else (0.0 if english[split] == texts * share else math.inf)
        for split, share in shares.items()
    )


def pair_figures(rows: DataFrame, manifest: Mapping[str, Any], config: RunConfig) -> pd.DataFrame:
    """A row for each pair: `read`, `kept`, the figures that `suites.pairs_suite` has bands for, and target lengths.

    Of a pair without kept rows, what cannot be told is null.
    """
    agree = identified_as_claimed(config, "src") & identified_as_claimed(config, "tgt")
    lengths = {
        side: F.percentile_approx(f"{side}_length", F.array(F.lit(0.5), F.lit(0.99)), 10_000)
        for side in ("src", "tgt")
    }
    found = {
        row["pair"]: row
        for row in rows.groupBy("pair")
        .agg(F.avg(_number(agree)).alias("agreement"), *(lengths[side].alias(side) for side in lengths))
        .collect()
    }
    read, kept = _totals(manifest, "read"), _totals(manifest, "kept")
    largest = max(kept.values(), default=0)
    return pd.DataFrame(
        [
            {
                "pair": pair,
                "read": read[pair],
                "kept": kept[pair],
                "kept_share": kept[pair] / read[pair] if read[pair] else None,
                "lid_agreement": found[pair]["agreement"] if pair in found else None,
                "balance": kept[pair] / largest if largest else None,
                "median_length": found[pair]["src"][0] if pair in found else None,
                "p99_length": found[pair]["src"][1] if pair in found else None,
                "median_tgt_length": found[pair]["tgt"][0] if pair in found else None,
                "p99_tgt_length": found[pair]["tgt"][1] if pair in found else None,
            }
            for pair in sorted(read)
        ]
    )


def count_figures(
    rows: DataFrame, rejected: DataFrame | None, manifest: Mapping[str, Any], of: Sequence[str]
) -> pd.DataFrame:
    """A row for each group (columns `of`) and reason (`kept` for none): how many the manifest counts, and files hold.

    Without the rejected rows, which do not travel with a published dataset, the kept ones only.
    """
    counted: dict[tuple[str, ...], int] = {}
    for count in manifest["counts"]:
        group = tuple(count[name] for name in of)
        counted[*group, KEPT] = count["kept"]
        if rejected is not None:
            counted |= {(*group, reason): number for reason, number in count["rejected"].items()}
    decided = rows.select(*of, F.lit(KEPT).alias("reason"))
    if rejected is not None:
        decided = decided.unionAll(rejected.select(*of, "reason"))
    held = {tuple(row)[:-1]: row["count"] for row in decided.groupBy(*decided.columns).count().collect()}
    keys = sorted(counted.keys() | held.keys(), key=str)
    return pd.DataFrame(
        [(*key, counted.get(key, 0), held.get(key, 0)) for key in keys],
        columns=[*decided.columns, "in_manifest", "in_files"],
    )


def corpus_figures(manifest: Mapping[str, Any], config: RunConfig) -> pd.DataFrame:
    """A row for each corpus and pair whose size `audit.rows` tells, read or not: `read`, `expected` and `deviation`.

    None where only a part of each file was read (`sources.limit`).
    """
    expected = config.audit.rows.counts if config.sources.limit is None else {}
    read = {(count["corpus"], count["pair"]): count["read"] for count in manifest["counts"]}
    found = [
        {"corpus": corpus, "pair": pair, "read": read.get((corpus, pair), 0), "expected": wanted}
        for corpus, counts in sorted(expected.items())
        for pair, wanted in sorted(counts.items())
        if pair in config.pairs
    ]
    table = pd.DataFrame(found, columns=["corpus", "pair", "read", "expected"])
    return table.assign(deviation=table["read"] / table["expected"] - 1)


def _number(condition: Column) -> Column:
    return F.coalesce(condition, F.lit(False)).cast("double")


def _totals(manifest: Mapping[str, Any], name: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for count in manifest["counts"]:
        totals[count["pair"]] = totals.get(count["pair"], 0) + count[name]
    return totals
