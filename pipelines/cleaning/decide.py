"""The decision on a row by itself: one expression over its scores and the thresholds in force.

Nothing is computed from the texts here, so a threshold can be changed and the decision taken again without reading the
corpora.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from schemas.config import RunConfig
from schemas.reasons import REASONS
from schemas.rules import RULES
from schemas.thresholds import resolve


def thresholds_table(
    spark: SparkSession, config: RunConfig, combinations: Sequence[tuple[str, str]]
) -> DataFrame:
    """The thresholds in force: for each (corpus, pair) one row for margins below `margin.strict_from`, one from there.

    Columns `corpus`, `pair`, `priority` (of the corpus: the lower wins over duplicates), `margin_from`, `margin_below`,
    and `t.<key>` for every threshold.
    """
    priority = _priorities(config, {corpus for corpus, _ in combinations})
    rows = []
    for corpus, pair in combinations:
        normal, strict = resolve(config.thresholds, config.overrides, config.strict, corpus, pair)
        edge = normal["margin.strict_from"]
        for low, high, values in ((-math.inf, edge, normal), (edge, math.inf, strict)):
            row = {"corpus": corpus, "pair": pair, "priority": priority[corpus]}
            row |= {"margin_from": low, "margin_below": high}
            rows.append(row | {f"t.{key}": value for key, value in values.items()})
    # scores are floats, but for the margin: a score equal to its threshold must compare as equal
    types = {"corpus": pa.string(), "pair": pa.string(), "priority": pa.int32()}
    schema = pa.schema(
        {name: types.get(name, pa.float64() if "margin" in name else pa.float32()) for name in rows[0]}
    )
    return spark.createDataFrame(pa.Table.from_pylist(rows, schema=schema))


def _priorities(config: RunConfig, corpora: set[str]) -> dict[str, int]:
    """The corpora in the configured order, those it does not name after them by name."""
    named = [name.lower() for name in config.sources.priority]

    def place(corpus: str) -> tuple[int, str]:
        # a test set's year belongs to its name (newstest2017 is newstest)
        return next(
            (i for i, name in enumerate(named) if corpus.lower().startswith(name)), len(named)
        ), corpus

    return {corpus: i for i, corpus in enumerate(sorted(corpora, key=place))}


def join_thresholds(scored: DataFrame, thresholds: DataFrame, how: str = "inner") -> DataFrame:
    """Puts the thresholds in force beside each row. A row without a margin is not held to the strict ones."""
    margin = F.coalesce("margin", F.lit(-math.inf))
    thresholds = F.broadcast(thresholds.withColumnsRenamed({"corpus": "t.corpus", "pair": "t.pair"}))
    return scored.join(
        thresholds,
        (scored["corpus"] == F.col("`t.corpus`"))
        & (scored["pair"] == F.col("`t.pair`"))
        & (margin >= F.col("margin_from"))
        & (margin < F.col("margin_below")),
        how,
    )


def row_reason(config: RunConfig) -> Column:
    """Why a row falls by itself, or null; needs the columns of `scored` with its thresholds beside it."""
    failing = _failing(config)
    ordered = [
        reason for reason in REASONS if reason in failing
    ]  # the vocabulary's order decides which comes first
    expression = F.when(failing[ordered[0]], F.lit(ordered[0]))
    for reason in ordered[1:]:
        expression = expression.when(failing[reason], F.lit(reason))
    return expression


def threshold(key: str) -> Column:
    """The threshold in force for a row, by its key in the configuration."""
    return F.col(f"`t.{key}`")


def _failing(config: RunConfig) -> dict[str, Column]:
    """For each reason that a row can fall for by itself, whether it holds; null where the row has no such score."""
    t = threshold
    unspaced = [code for code in {pair[3:] for pair in config.pairs} if not config.language(code).spaced]
    in_chars = F.col("tgt_lang").isin(sorted(unspaced)) if unspaced else F.lit(False)
    tgt_min = F.when(in_chars, t("length.min_chars")).otherwise(1.0)
    tgt_max = F.when(in_chars, t("length.max_chars")).otherwise(t("length.max_words"))
    allowed = config.licenses.allow
    return {
        "malformed_line": F.col("detail").isNotNull(),
        "empty": (F.col("src_length") == 0) | (F.col("tgt_length") == 0),
        "license": F.lit(False) if allowed is None else ~F.col("license").isin(allowed),
        "too_short": (F.col("src_length") < t("length.min_words")) | (F.col("tgt_length") < tgt_min),
        "too_long": (F.col("src_length") > t("length.max_words")) | (F.col("tgt_length") > tgt_max),
        "script": F.least(F.col("src_script_share"), F.col("tgt_script_share")) < t("script.min"),
        "length_ratio": ~F.col("length_ratio").between(t("length_ratio.min"), t("length_ratio.max")),
        "wrong_source_language": _not_identified(config, "src", t("lid.min_src")),
        "wrong_target_language": _not_identified(config, "tgt", t("lid.min_tgt")),
        "chinese_script": ~F.col("zh_script").isin(list(config.chinese.scripts)),
        **{
            reason: _beyond(*rule.scores, *rule.thresholds)
            for reason, rule in RULES.items()
            if rule.is_comparison
        },
    }


def _beyond(score: str, key: str) -> Column:
    value, limit = F.col(score), threshold(key)
    return value > limit if key.endswith(".max") else value < limit


def identified_as_claimed(config: RunConfig, side: str) -> Column:
    """Whether the language of a side (`src`, `tgt`) was identified as the one that it is said to be."""
    expected = F.lit(False)
    for code in sorted({code for pair in config.pairs for code in pair.split("-")}):
        labels = config.language(code).lid_labels or (code,)
        expected = expected | ((F.col(f"{side}_lang") == code) & F.col(f"lid_{side}").isin(list(labels)))
    return expected


def _not_identified(config: RunConfig, side: str, minimum: Column) -> Column:
    """Another language is believed, and the claimed one improbable."""
    believed = F.col(f"lid_{side}_prob") >= threshold("lid.sure")
    return ~identified_as_claimed(config, side) & believed & (F.col(f"lid_{side}_claimed") < minimum)
