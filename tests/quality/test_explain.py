"""The life of a row of each reason, and of kept ones."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from job_process import run

from pipelines.errors import UserError
from pipelines.shards.published import BuiltDataset, open_parallel
from quality.explain import MOST_ROWS, evidence, explain
from schemas.reasons import REASONS
from schemas.rules import RULES


@pytest.fixture(scope="module")
def dataset(built_samples: Path) -> BuiltDataset:
    return open_parallel(built_samples)


@pytest.fixture(scope="module")
def rejected(dataset: BuiltDataset) -> dict[str, str]:
    """An id for each reason that the samples hold."""
    assert dataset.rejected is not None
    found = {}
    for path in sorted(dataset.rejected.rglob("*.parquet")):
        for row in pq.ParquetFile(path).read(columns=["id", "reason"]).to_pylist():
            found[row["reason"]] = row["id"]
    return found


def bare(text: str) -> str:
    """A text as caps compare it: without case, and punctuation around it."""
    return text.lower().strip(" .!?…,;:\"'。！？।؟")


def test_every_reason_has_its_rule_in_the_order_of_the_vocabulary() -> None:
    assert list(RULES) == list(REASONS)


def test_a_row_of_each_reason_is_explained(dataset: BuiltDataset, rejected: dict[str, str]) -> None:
    assert len(rejected) > 25
    for reason, row_id in rejected.items():
        (life,), _ = explain(dataset, row_id, None)
        assert life.row["reason"] == reason
        row = pq.ParquetFile(dataset.folder / life.shard).read().slice(life.place - 1, 1).to_pylist()[0]
        assert row["id"] == row_id
        told = {name: (values, limits) for name, values, limits in evidence(life, dataset.config)}
        assert list(told) == list(REASONS)
        if reason in ("exact_duplicate", "near_duplicate"):
            assert life.survivor is not None
            assert life.survivor["content_id"] == life.row["cluster_id"]
            assert life.survivor["split"]
        if reason in ("hub", "source_cap", "target_cap"):
            sides = {"source_cap": ["src_text"], "target_cap": ["tgt_text"]}.get(
                reason, ["src_text", "tgt_text"]
            )
            assert life.relatives
            for other in life.relatives:
                assert other["id"] != row_id
                assert any(bare(other[side]) == bare(life.row[side]) for side in sides)
        assert told[reason][1] or not RULES[reason].thresholds


def test_the_thresholds_are_those_in_force(dataset: BuiltDataset, rejected: dict[str, str]) -> None:
    (life,), _ = explain(dataset, rejected["low_margin"], None)
    told = {name: (values, limits) for name, values, limits in evidence(life, dataset.config)}
    values, limits = told["low_margin"]
    assert limits == "margin.min 1.04"
    assert float(values.split()[1]) < 1.04


def test_rows_with_a_high_margin_are_held_to_the_strict_thresholds(dataset: BuiltDataset) -> None:
    rows = [
        row
        for path in sorted(dataset.kept.rglob("*.parquet"))
        for row in pq.ParquetFile(path).read(columns=["id", "margin"]).to_pylist()
        if row["margin"] is not None
    ]
    high, low = max(rows, key=lambda row: row["margin"]), min(rows, key=lambda row: row["margin"])
    assert high["margin"] >= 1.15 > low["margin"]
    for row, copy_max in ((high, 0.5), (low, 0.7)):
        (life,), _ = explain(dataset, row["id"], None)
        assert life.strict == (row is high)
        assert life.thresholds["copy.max"] == copy_max


def test_a_kept_row_is_found_by_its_text_in_a_published_folder_too(built_samples: Path) -> None:
    published = open_parallel(built_samples / "parallel")
    path = next((built_samples / "parallel" / "en-zh").glob("train-*"))
    row = pq.read_table(path).slice(7, 1).to_pylist()[0]
    lives, more = explain(published, None, row["tgt_text"])
    assert not more
    (life,) = [life for life in lives if life.row["id"] == row["id"]]
    assert (life.row["reason"], life.place, life.shard) == (None, 8, f"en-zh/{path.name}")
    lives, more = explain(published, None, "e")
    assert (len(lives), more) == (MOST_ROWS, True)
    with pytest.raises(UserError, match="no row with id 0123; rejected rows are not in a published folder"):
        explain(published, "0123", None)


def test_the_job_prints_the_life_of_a_row(built_samples: Path, rejected: dict[str, str]) -> None:
    done = run(built_samples, "--id", rejected["near_duplicate"], job="explain")
    assert done.returncode == 0, done.stderr
    assert "rejected: near_duplicate" in done.stdout
    assert "the better row: " in done.stdout
    assert "length_ratio.min 0.6" in done.stdout  # News-Commentary has its own
