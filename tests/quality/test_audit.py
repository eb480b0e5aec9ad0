"""The audit finds each kind of defect, says where it is, and lets a sound dataset pass."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from pipelines.shards.published import BuiltDataset, open_dataset
from pipelines.shards.write import sha256_of
from quality.audit import Audit, audit, failure
from quality.suites import FAULTS, INVARIANTS
from schemas.config import Audit as Bands
from schemas.config import Band, ExpectedRows

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sound(spark: SparkSession, built_samples: Path) -> Audit:
    return audit(spark, open_dataset(built_samples), None)


def planted(
    samples: Path, folder: Path, change: Callable[[Rows], Rows], split: str = "train"
) -> BuiltDataset:
    """A copy of the samples with the Turkish rows of a split changed, and a manifest that fits."""
    shutil.copytree(samples, folder)
    path = next((folder / "parallel" / "en-tr").glob(f"{split}-*.parquet"))
    before = pq.read_table(path)
    after = change(before.to_pylist())
    loose = pa.schema([field.with_nullable(True) for field in before.schema])
    pq.write_table(pa.Table.from_pylist(after, schema=loose), path)
    manifest = json.loads((folder / "manifest.json").read_text())
    for file in manifest["outputs"]:
        if file["path"] == path.relative_to(folder).as_posix():
            file |= {"rows": len(after), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    return BuiltDataset(folder, manifest, open_dataset(samples).config)


def failing(found: Audit) -> set[str]:
    return {f"{finding.subject}.{finding.column}" for finding in found.failed}


def test_a_sound_dataset_passes(sound: Audit) -> None:
    assert failing(sound) == set()
    assert {finding.subject for finding in sound.findings} == {"rows", "dataset", "pairs", "counts"}
    assert {finding.column for finding in sound.findings if finding.subject == "rows"} == set(FAULTS)


FAULTY: dict[str, tuple[str, dict[str, Any]]] = {
    "null text": ("missing", {"src_text": None}),
    "no such line": ("out_of_range", {"line": 0}),
    "impossible probability": ("out_of_range", {"lid_src_prob": 1.5}),
    "unknown split": ("unknown_value", {"split": "dev"}),
    "another language": ("reason", {"lid_tgt": "fa", "lid_tgt_prob": 0.98, "lid_tgt_claimed": 0.0}),
    "contaminated": ("reason", {"contamination": 1.0, "contaminated_by": "xquad"}),
}


def test_rows_at_fault_and_a_lost_row_fail(spark: SparkSession, built_samples: Path, tmp_path: Path) -> None:
    faults = list(FAULTY.values())
    ids: list[str] = []

    def spoil(rows: Rows) -> Rows:
        ids.extend(row["id"] for row in rows)
        return [row | changes for row, (_, changes) in zip(rows, faults, strict=False)] + rows[
            len(faults) + 1 :
        ]

    found = audit(spark, planted(built_samples, tmp_path / "planted", spoil), None)
    assert failing(found) == {*(f"rows.{name}" for name in FAULTS), "counts.in_manifest = in_files"}
    message = str(failure(found))
    for finding in found.failed:
        if finding.subject == "rows":
            wrong = [row for row, (name, _) in zip(ids, faults, strict=False) if name == finding.column]
            assert sorted(row["id"] for row in finding.offending) == sorted(wrong)
            assert all(row in message for row in wrong)
    said = {
        finding.column: {row[finding.column] for row in finding.offending} for finding in found.failed[:4]
    }
    assert said == {
        "missing": {"src_text"},
        "out_of_range": {"line", "lid_src_prob"},
        "unknown_value": {"split"},
        "reason": {"wrong_target_language", "contaminated"},
    }
    (counts,) = [finding for finding in found.failed if finding.subject == "counts"]
    assert {(row["pair"], row["reason"]) for row in counts.offending} == {("en-tr", "kept")}


def test_a_row_that_stands_twice_fails(spark: SparkSession, built_samples: Path, tmp_path: Path) -> None:
    dataset = planted(built_samples, tmp_path / "planted", lambda rows: [*rows, rows[0]])
    found = audit(spark, dataset, None)
    expected = {"dataset.repeated_ids", "dataset.repeated_clusters", "counts.in_manifest = in_files"}
    assert failing(found) == expected
    (repeated,) = [finding for finding in found.failed if finding.column == "repeated_ids"]
    assert len({row["id"] for row in repeated.offending}) == 1
    assert len(repeated.offending) == 2


def test_texts_and_clusters_in_two_splits_fail(
    spark: SparkSession, built_samples: Path, tmp_path: Path
) -> None:
    """The same row under another id and split, for another line of the file."""
    dataset = planted(
        built_samples,
        tmp_path / "planted",
        lambda rows: [*rows, rows[0] | {"split": "test", "id": "0" * 32, "line": 9_999}],
    )
    found = audit(spark, dataset, None)
    assert {
        "dataset.clusters_in_two_splits",
        "dataset.english_in_two_splits",
        "dataset.repeated_clusters",
    } < failing(found)
    (cluster,) = [finding for finding in found.failed if finding.column == "clusters_in_two_splits"]
    assert {row["split"] for row in cluster.offending} == {"train", "test"}
    assert set(INVARIANTS) >= {f.column for f in found.failed if f.subject == "dataset"}


def test_bands_warn_by_default_and_gate_when_set(spark: SparkSession, built_samples: Path) -> None:
    dataset = open_dataset(built_samples)
    bands = Bands(
        balance=Band(min=1.01, severity="warning"),
        kept_share=Band(min=0.99),
        rows=ExpectedRows(counts={"WikiMatrix": {"en-zh": 1_000_000}}),
    )
    found = audit(spark, replace(dataset, config=dataset.config.model_copy(update={"audit": bands})), None)
    assert {"pairs.kept_share", "corpora.deviation"} == failing(found)
    assert [finding.column for finding in found.warned] == ["balance"]
    for finding in (*found.warned, *[f for f in found.failed if f.column == "kept_share"]):
        assert {row["pair"] for row in finding.offending} == set(dataset.config.pairs)
    assert "en-zh" in str(failure(found))
