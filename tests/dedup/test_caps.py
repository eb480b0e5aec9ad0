"""Hub sentences, and the caps on rows that share a text."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from pyspark.sql import SparkSession

from pipelines.dedup.caps import cap
from schemas.config import Caps

SCHEMA = (
    "row bigint, pair string, src_key bigint, tgt_key bigint, rank struct<margin: double, row: bigint>, "
    "mined boolean, max_partners double"
)
ONE_EACH = Caps()


class Row(NamedTuple):
    """A row for the caps: texts as numbers; a lower rank is better."""

    src: int
    tgt: int
    rank: float = 0.0
    mined: bool = True
    pair: str = "en-tr"
    max_partners: float = 3.0


def reasons(spark: SparkSession, rows: list[Row], caps: Caps = ONE_EACH) -> list[str | None]:
    """The reason of each row, looked at twice: in order, and the other way round in other partitions."""
    data = [
        (n, row.pair, row.src, row.tgt, (row.rank, n), row.mined, row.max_partners)
        for n, row in enumerate(rows)
    ]
    found = []
    for order, partitions in ((data, 1), (data[::-1], 3)):
        frame = spark.createDataFrame(order, SCHEMA).repartition(partitions)
        said = {row["row"]: row["reason"] for row in cap(frame, caps).select("row", "reason").collect()}
        assert len(said) == len(rows), "a row vanished"
        found.append([said[n] for n in range(len(rows))])
    assert found[0] == found[1]
    return found[0]


def test_the_best_row_of_a_source_stays(spark: SparkSession) -> None:
    rows = [Row(1, 11, 3.0), Row(1, 12, 1.0), Row(1, 13, 2.0), Row(2, 14, 9.0)]
    assert reasons(spark, rows) == ["source_cap", None, "source_cap", None]


def test_the_best_row_of_a_target_stays(spark: SparkSession) -> None:
    rows = [Row(1, 11, 3.0), Row(2, 11, 1.0), Row(3, 11, 2.0), Row(4, 12, 9.0)]
    assert reasons(spark, rows) == ["target_cap", None, "target_cap", None]


def test_a_text_with_more_partners_than_allowed_is_a_hub_and_all_its_rows_fall(spark: SparkSession) -> None:
    hub = [Row(1, tgt, float(tgt)) for tgt in range(11, 15)]
    assert reasons(spark, [*hub, Row(2, 20)]) == ["hub"] * 4 + [None]
    assert reasons(spark, hub[:3]) == [None, "source_cap", "source_cap"]


def test_a_hub_may_stand_on_the_target_side(spark: SparkSession) -> None:
    rows = [Row(src, 11, float(src)) for src in range(1, 5)]
    assert reasons(spark, rows) == ["hub"] * 4


def test_the_hub_threshold_is_that_of_the_row(spark: SparkSession) -> None:
    rows = [Row(1, tgt, float(tgt), max_partners=5.0) for tgt in range(11, 15)]
    assert reasons(spark, rows) == [None] + ["source_cap"] * 3


def test_rows_that_are_not_mined_are_neither_hubs_nor_capped(spark: SparkSession) -> None:
    rows = [Row(1, tgt, mined=False) for tgt in range(11, 19)]
    assert reasons(spark, rows) == [None] * 8


def test_rows_that_are_not_mined_make_no_hub_of_mined_ones(spark: SparkSession) -> None:
    rows = [*(Row(1, tgt, 5.0, mined=False) for tgt in range(11, 16)), Row(1, 16, 0.0)]
    assert reasons(spark, rows) == [None] * 6


def test_a_mined_row_falls_to_a_better_one_that_is_not_mined(spark: SparkSession) -> None:
    rows = [Row(1, 11, 1.0, mined=False), Row(1, 12, 2.0), Row(1, 13, 3.0, mined=False)]
    assert reasons(spark, rows) == [None, "source_cap", None]


def test_rows_that_fell_to_the_source_cap_do_not_count_for_the_target(spark: SparkSession) -> None:
    # row 1 falls to row 0, so row 2 is the only one that stands on target 12
    assert reasons(spark, [Row(1, 11, 1.0), Row(1, 12, 2.0), Row(2, 12, 3.0)]) == [None, "source_cap", None]


def test_rows_of_a_source_hub_do_not_make_a_target_hub(spark: SparkSession) -> None:
    hub = [Row(1, tgt, 0.0) for tgt in range(11, 15)]
    others = [Row(src, 11, float(src)) for src in (2, 3, 4)]  # with the hub's row, four on target 11
    assert reasons(spark, [*hub, *others]) == ["hub"] * 4 + [None, "target_cap", "target_cap"]


def test_each_pair_is_capped_by_itself(spark: SparkSession) -> None:
    assert reasons(spark, [Row(1, 11), Row(1, 11, pair="en-zh"), Row(1, 12, 1.0)]) == [
        None,
        None,
        "source_cap",
    ]


@pytest.mark.parametrize(
    ("caps", "expected"),
    [
        (Caps(mined_source=2), [None, None, "source_cap"]),
        (Caps(mined_source=None), [None, None, None]),
        (Caps(mined_source=3), [None, None, None]),
    ],
)
def test_the_caps_are_those_of_the_configuration(
    spark: SparkSession, caps: Caps, expected: list[str | None]
) -> None:
    assert reasons(spark, [Row(1, 11, 1.0), Row(1, 12, 2.0), Row(1, 13, 3.0)], caps) == expected


def test_other_corpora_can_be_capped_too(spark: SparkSession) -> None:
    rows = [Row(1, 11, 1.0, mined=False), Row(1, 12, 2.0, mined=False), Row(2, 11, 3.0, mined=False)]
    assert reasons(spark, rows, Caps(source=1)) == [None, "source_cap", None]
    assert reasons(spark, rows, Caps(target=1)) == [None, None, "target_cap"]
