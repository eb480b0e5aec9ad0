"""The decision on a row by itself: one expression over its scores and the thresholds in force.

Nothing is computed from the texts here, so a threshold can be changed and the decision taken again without reading the
corpora.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from schemas.config import RunConfig
from schemas.reasons import REASONS
from schemas.thresholds import resolve


def thresholds_table(spark: SparkSession, config: RunConfig, combinations: Sequence[tuple[str, str]]) -> DataFrame:
    """The thresholds in force, one row for each (corpus, pair); columns `t.<key>` and, above strict_from, `s.<key>`."""
    rows = []
    for corpus, pair in combinations:
        normal, strict = resolve(config.thresholds, config.overrides, config.strict, corpus, pair)
        values = {f"t.{key}": float(value) for key, value in normal.items()}
        values |= {f"s.{key}": float(value) for key, value in strict.items()}
        rows.append({"corpus": corpus, "pair": pair, **values})
    names = list(rows[0])
    ddl = ", ".join(f"`{name}` {'string' if name in ('corpus', 'pair') else 'double'}" for name in names)
    return spark.createDataFrame([tuple(row[name] for name in names) for row in rows], ddl)


def row_reason(config: RunConfig) -> Column:
    """Why a row falls by itself, or null; needs the columns of `scored` and of `thresholds_table`."""
    is_strict = F.coalesce(F.col("margin") >= F.col("`t.margin.strict_from`"), F.lit(False))

    def t(key: str) -> Column:
        return F.when(is_strict, F.col(f"`s.{key}`")).otherwise(F.col(f"`t.{key}`"))

    failing = _failing(config, t)
    ordered = [reason for reason in REASONS if reason in failing]  # the vocabulary's order decides which comes first
    expression = F.when(failing[ordered[0]], F.lit(ordered[0]))
    for reason in ordered[1:]:
        expression = expression.when(failing[reason], F.lit(reason))
    return expression


def _failing(config: RunConfig, t: Callable[[str], Column]) -> dict[str, Column]:
    unspaced = [code for code in {pair[3:] for pair in config.pairs} if not config.language(code).spaced]
    in_chars = F.col("tgt_lang").isin(sorted(unspaced)) if unspaced else F.lit(False)
    tgt_min = F.when(in_chars, t("length.min_chars")).otherwise(t("length.min_words"))
    tgt_max = F.when(in_chars, t("length.max_chars")).otherwise(t("length.max_words"))
    allowed = config.licenses.allow
    scripts = F.col("zh_script").isin(list(config.chinese.scripts))
    return {
        "malformed_line": F.col("detail").isNotNull(),
        "empty": (F.col("src_length") == 0) | (F.col("tgt_length") == 0),
        "license": F.lit(False) if allowed is None else ~F.col("license").isin(allowed),
        "markup": F.col("markup") > t("markup.max"),
        "boilerplate": F.col("boilerplate") > t("boilerplate.max"),
        "broken_text": F.col("broken_text") > t("broken_text.max"),
        "too_short": (F.col("src_length") < t("length.min_words")) | (F.col("tgt_length") < tgt_min),
        "too_long": (F.col("src_length") > t("length.max_words")) | (F.col("tgt_length") > tgt_max),
        "long_word": F.col("longest_word") > t("long_word.max"),
        "alphabet": F.col("alphabet_share") < t("alphabet.min"),
        "digits": F.col("digit_share") > t("digits.max"),
        "script": F.least(F.col("src_script_share"), F.col("tgt_script_share")) < t("script.min"),
        "copy": F.col("copy") > t("copy.max"),
        "repetition": F.col("repetition") > t("repetition.max"),
        "listing": F.col("listing") > t("listing.max"),
        "title_case": F.col("title_case") > t("title_case.max"),
        "length_ratio": ~F.col("length_ratio").between(t("length_ratio.min"), t("length_ratio.max")),
        "number_mismatch": F.col("number_overlap") < t("numbers.min"),
        "url_mismatch": F.col("url_mismatch") > t("urls.max"),
        "brackets": F.col("bracket_mismatch") > t("brackets.max"),
        "punctuation": F.col("terminal_mismatch") > t("punctuation.max"),
        "low_margin": F.coalesce(F.col("margin") < t("margin.min"), F.lit(False)),
        "wrong_source_language": F.col("lid_src_claimed") < t("lid.min_src"),
        "wrong_target_language": F.col("lid_tgt_claimed") < t("lid.min_tgt"),
        "chinese_script": F.coalesce(~scripts, F.lit(False)),
        "contaminated": F.coalesce(F.col("contamination") > t("contamination.max"), F.lit(False)),
    }
