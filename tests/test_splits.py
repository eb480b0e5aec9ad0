"""Splits: a function of the English text and the seed alone."""

from __future__ import annotations

import math

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.splits import split_of
from schemas.config import Splits

ROWS = 40_000
DEFAULT = Splits()


def keys(spark: SparkSession, rows: int = ROWS) -> DataFrame:
    """Keys as the job makes them: hashes of texts."""
    return spark.range(rows).select("id", F.xxhash64(F.concat(F.lit("text "), "id")).alias("src_key"))


def splits(frame: DataFrame, config: Splits = DEFAULT, seed: int = 0) -> dict[int, str]:
    said = frame.select("id", split_of(F.col("src_key"), config, seed).alias("split"))
    return {row["id"]: row["split"] for row in said.collect()}


@pytest.mark.parametrize(
    "config", [DEFAULT, Splits(validation=0.05, test=0.1), Splits(validation=0.3, test=0.3)], ids=str
)
def test_shares_are_those_asked_for(spark: SparkSession, config: Splits) -> None:
    found = list(splits(keys(spark), config).values())
    assert len(found) == ROWS
    shares = {"validation": config.validation, "test": config.test}
    shares["train"] = 1 - sum(shares.values())
    assert set(found) == set(shares)
    for split, share in shares.items():
        five_sigma = 5 * math.sqrt(ROWS * share * (1 - share))
        assert abs(found.count(split) - ROWS * share) < five_sigma, split


def test_a_split_of_no_share_is_empty(spark: SparkSession) -> None:
    frame = keys(spark, 5000)
    assert set(splits(frame, Splits(validation=0, test=0)).values()) == {"train"}
    assert set(splits(frame, Splits(validation=0, test=0.1)).values()) == {"train", "test"}
    assert set(splits(frame, Splits(validation=0.1, test=0)).values()) == {"train", "validation"}


def test_the_same_english_has_the_same_split_wherever_it_stands(spark: SparkSession) -> None:
    config = Splits(validation=0.2, test=0.2)
    one = splits(keys(spark, 2000), config)
    elsewhere = keys(spark, 4000).where(F.col("id") % 3 == 0).repartition(5).orderBy(F.desc("id"))
    other = splits(elsewhere, config)
    common = one.keys() & other.keys()
    assert len(common) > 600
    assert {row: one[row] for row in common} == {row: other[row] for row in common}


def test_the_seed_changes_the_splits(spark: SparkSession) -> None:
    config = Splits(validation=0.25, test=0.25)
    frame = keys(spark, 4000)
    zero, one, again = splits(frame, config, 0), splits(frame, config, 1), splits(frame, config, 0)
    assert zero == again
    same = sum(zero[row] == one[row] for row in zero)
    # independent draws agree with probability .25² + .25² + .5²
    assert abs(same - 4000 * 0.375) < 5 * math.sqrt(4000 * 0.375 * 0.625)


def test_a_larger_validation_split_keeps_what_was_in_it(spark: SparkSession) -> None:
    frame = keys(spark, 5000)
    small, large = (splits(frame, Splits(validation=share, test=0.1)) for share in (0.05, 0.1))
    kept = {row for row, split in small.items() if split == "validation"}
    assert kept < {row for row, split in large.items() if split == "validation"}
