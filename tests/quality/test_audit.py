"""The audit finds each kind of defect, says where it is, and lets a sound dataset pass."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from job_process import DEMO
from pyspark.sql import SparkSession

from pipelines.shards.published import BuiltDataset, open_parallel, read_rows
from pipelines.shards.write import sha256_of
from quality.findings import Audit, failure
from quality.parallel_audit import audit
from quality.recheck import text_faults
from quality.suites import FAULTS, INVARIANTS, RECHECKED
from schemas.config import Audit as Bands
from schemas.config import Band, ExpectedRows
from schemas.parallel import PARALLEL

Rows = list[dict[str, Any]]
TURKISH = "parallel/en-tr/train-*"
EVALS = DEMO.parent.parent / "samples" / "eval"


@pytest.fixture(scope="module")
def sound(spark: SparkSession, built_samples: Path) -> Audit:
    return audit(spark, open_parallel(built_samples), None, EVALS)


def planted(samples: Path, folder: Path, changes: dict[str, Callable[[Rows], Rows]]) -> BuiltDataset:
    """A copy of the samples with the rows of some shards (by glob) changed, and a manifest that fits."""
    shutil.copytree(samples, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for shard, change in changes.items():
        path = next(folder.glob(shard))
        before = pq.read_table(path)
        after = change(before.to_pylist())
        loose = pa.schema([field.with_nullable(True) for field in before.schema])
        pq.write_table(pa.Table.from_pylist(after, schema=loose), path)
        for file in manifest["outputs"]:
            if file["path"] == path.relative_to(folder).as_posix():
                file |= {"rows": len(after), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    return BuiltDataset(folder, manifest, open_parallel(samples).config)


def with_texts(row: dict[str, Any], src: str, tgt: str) -> dict[str, Any]:
    """A row whose texts were exchanged by something that knew how to make the content's hash fit."""
    content = hashlib.sha256("\0".join((row["pair"], src, tgt)).encode()).hexdigest()[:32]
    return row | {"src_text": src, "tgt_text": tgt, "content_id": content, "cluster_id": content}


def failing(found: Audit) -> set[str]:
    return {f"{finding.subject}.{finding.column}" for finding in found.failed}


def test_a_sound_dataset_passes(sound: Audit) -> None:
    assert failing(sound) == set()
    subjects = {"rows", "texts", "dataset", "pairs", "counts"}
    assert {finding.subject for finding in sound.findings} == subjects
    for subject, columns in (("rows", FAULTS), ("texts", RECHECKED)):
        assert {finding.column for finding in sound.findings if finding.subject == subject} == set(columns)


FAULTY: dict[str, tuple[str, dict[str, Any]]] = {
    "null text": ("missing", {"src_text": None}),
    "no such line": ("out_of_range", {"line": 0}),
    "impossible probability": ("out_of_range", {"lid_src_prob": 1.5}),
    "unknown split": ("unknown_value", {"split": "dev"}),
    "unknown corpus": ("unknown_value", {"corpus": "Elsewhere"}),
    "altered text": ("altered", {"tgt_text": "Eski köprü taştan yapılmış ve hâlâ ayakta."}),
    "another language": ("decided_anew", {"lid_tgt": "fa", "lid_tgt_prob": 0.98, "lid_tgt_claimed": 0.0}),
    "contaminated": ("decided_anew", {"contamination": 1.0, "contaminated_by": "xquad"}),
}


def test_rows_at_fault_and_a_lost_row_fail(spark: SparkSession, built_samples: Path, tmp_path: Path) -> None:
    faults = list(FAULTY.values())
    ids: list[str] = []

    def spoil(rows: Rows) -> Rows:
        ids.extend(row["id"] for row in rows)
        return [row | changes for row, (_, changes) in zip(rows, faults, strict=False)] + rows[
            len(faults) + 1 :
        ]

    found = audit(spark, planted(built_samples, tmp_path / "planted", {TURKISH: spoil}), None, None)
    assert failing(found) == {*(f"rows.{name}" for name in FAULTS), "counts.in_manifest = in_files"}
    message = str(failure(found))
    wrong: dict[str, set[str]] = {name: set() for name in FAULTS}
    for row, (name, changes) in zip(ids, faults, strict=False):
        wrong[name].add(row)
        if changes.keys() & {"src_text", "tgt_text"}:
            wrong["altered"].add(row)
    for finding in found.failed:
        if finding.subject == "rows":
            assert {row["id"] for row in finding.offending} == wrong[finding.column]
            assert all(row in message for row in wrong[finding.column])
    said = {f.column: {row[f.column] for row in f.offending} for f in found.failed if f.subject == "rows"}
    assert said["missing"] == {"src_text"}
    assert said["out_of_range"] == {"line", "lid_src_prob"}
    assert said["unknown_value"] == {"split", "corpus"}
    assert said["decided_anew"] == {"wrong_target_language", "contaminated"}
    (counts,) = [finding for finding in found.failed if finding.subject == "counts"]
    assert {(row["pair"], row["reason"]) for row in counts.offending} == {("en-tr", "kept")}
    assert "Elsewhere" in {row["corpus"] for row in counts.offending}


def test_texts_and_reasons_that_are_not_what_the_scores_say_fail(
    spark: SparkSession, built_samples: Path, tmp_path: Path
) -> None:
    """A text in another language, and one of an evaluation set, with sound scores beside them; two misnamed rejects."""
    evaluation = json.loads((EVALS / "xquad.en.json").read_text())
    question = evaluation["data"][0]["paragraphs"][0]["qas"][0]["question"]
    ids: list[str] = []

    def exchange(rows: Rows) -> Rows:
        german = with_texts(rows[0], rows[0]["src_text"], "Die Brücke wurde im vorigen Jahrhundert erbaut.")
        return [german, with_texts(rows[1], question, rows[1]["tgt_text"]), *rows[2:]]

    def misname(rows: Rows) -> Rows:
        alone = [row for row in rows if row["reason"] == "low_margin"]
        corpus = alone[0]["corpus"]  # of the same, so that no count changes
        among = [row for row in rows if row["reason"] == "near_duplicate" and row["corpus"] == corpus]
        ids.extend((alone[0]["id"], among[0]["id"]))
        other = {alone[0]["id"]: "near_duplicate", among[0]["id"]: "low_margin"}
        return [row | {"reason": other.get(row["id"], row["reason"])} for row in rows]

    changes = {TURKISH: exchange, "rejected/en-tr/*": misname}
    dataset = planted(built_samples, tmp_path / "planted", changes)
    found = audit(spark, dataset, None, EVALS)
    assert failing(found) == {"texts.other_language", "texts.found_in", "rows.decided_anew"}
    offending = {finding.column: finding.offending for finding in found.failed}
    assert [row["other_language"] for row in offending["other_language"]] == ["de"]
    assert [row["found_in"] for row in offending["found_in"]] == ["xquad.en.json"]
    assert {row["id"]: (row["reason"], row["decided_anew"]) for row in offending["decided_anew"]} == {
        ids[0]: ("near_duplicate", "low_margin"),
        ids[1]: ("low_margin", "kept"),
    }


def test_languages_are_identified_again_only_by_the_model_that_the_dataset_was_made_with(
    spark: SparkSession, built_samples: Path
) -> None:
    dataset = open_parallel(built_samples)
    rows = read_rows(spark, PARALLEL, dataset.kept)
    other = dataset.manifest | {"lid_model": {"name": "lid.176.bin", "sha256": "0"}}
    assert "other_language" not in text_faults(rows, other, dataset.config, EVALS)
    assert "other_language" in text_faults(rows, dataset.manifest, dataset.config, EVALS)


def test_rows_texts_and_clusters_that_stand_twice_fail(
    spark: SparkSession, built_samples: Path, tmp_path: Path
) -> None:
    """A row that is written twice, and one that stands in another split under another id and line."""
    dataset = planted(
        built_samples,
        tmp_path / "planted",
        {TURKISH: lambda rows: [*rows, rows[0], rows[1] | {"split": "test", "id": "0" * 32, "line": 9_999}]},
    )
    found = audit(spark, dataset, None, None)
    assert failing(found) == {*(f"dataset.{name}" for name in INVARIANTS), "counts.in_manifest = in_files"}
    offending = {finding.column: finding.offending for finding in found.failed}
    assert len({row["id"] for row in offending["repeated_ids"]}) == 1
    assert len(offending["repeated_ids"]) == 2
    assert len(offending["repeated_clusters"]) == 4
    for figure in ("clusters_in_two_splits", "english_in_two_splits"):
        assert {row["split"] for row in offending[figure]} == {"train", "test"}


def test_bands_warn_by_default_and_gate_when_set(spark: SparkSession, built_samples: Path) -> None:
    dataset = open_parallel(built_samples)
    bands = Bands(
        balance=Band(min=1.01, severity="warning"),
        kept_share=Band(min=0.99),
        rows=ExpectedRows(counts={"WikiMatrix": {"en-zh": 1_000_000}}),
    )
    found = audit(
        spark, replace(dataset, config=dataset.config.model_copy(update={"audit": bands})), None, None
    )
    assert {"pairs.kept_share", "corpora.deviation"} == failing(found)
    assert [finding.column for finding in found.warned] == ["balance"]
    for finding in (*found.warned, *[f for f in found.failed if f.column == "kept_share"]):
        assert {row["pair"] for row in finding.offending} == set(dataset.config.pairs)
    assert "en-zh" in str(failure(found))
