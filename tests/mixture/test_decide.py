"""What other examples say of an example."""

from __future__ import annotations

from pyspark.sql import SparkSession

from pipelines.mixture.decide import _straddling


def test_what_falls_anyway_holds_nothing_back(spark: SparkSession) -> None:
    """Only a row that is kept in validation, or held out as test, takes its key from the training rows."""
    given = [
        ("fallen", "validation", ["a"], "wrong_script"),
        ("beside", "train", ["a"], None),
        ("kept", "validation", ["b"], None),
        ("crosses", "train", ["b"], None),
        ("tested", "test", ["c"], "held_out"),
        ("leaks", "validation", ["c"], None),
    ]
    rows = spark.createDataFrame(
        [(*row, None) for row in given],
        "id string, split string, keys array<string>, reason string, detail string",
    )
    found = {row["id"]: row["reason"] for row in _straddling(rows).collect()}
    assert found == {id: reason for id, _, _, reason in given} | {
        "crosses": "straddles",
        "leaks": "straddles",
    }
