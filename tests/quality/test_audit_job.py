"""The audit as a person meets it: a build that it stops, and `jobs/audit.py`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from job_process import RunHere, cut, errors, run
from pyspark.sql import SparkSession

import jobs.audit
from pipelines.build import build, plan
from quality.findings import AuditError
from quality.parallel_publishing import completing
from schemas.loading import load_config


def test_a_build_that_fails_its_audit_publishes_nothing_and_goes_on_when_the_band_is_loosened(
    spark: SparkSession, tmp_path: Path
) -> None:
    for name in ("WikiMatrix.en-tr.tsv.gz", "WikiMatrix.en-zh.tsv.gz"):
        cut(name, tmp_path / "in", 30)

    def try_with(band: str) -> dict[str, Any]:
        config = load_config(
            None,
            [band],
            sources__input=tmp_path / "in",
            output=str(tmp_path / "out"),
            pairs=["en-tr", "en-zh"],
        )
        return build(lambda: spark, plan(config), False, completing(config))

    with pytest.raises(AuditError) as stopped:
        try_with("audit.kept_share.min=0.999")
    said = str(stopped.value)
    assert "pairs.kept_share: rows kept / rows read, for each pair; expected at least 0.999" in said
    assert "pair 'en-tr'" in said
    assert not (tmp_path / "out").exists()
    (results,) = (tmp_path / "out.staging").glob("*/result/audit/results.json")
    assert str(results.parent) in said
    assert json.loads(results.read_text())["passed"] is False
    staged = {
        path.name: path.stat().st_ino for path in (tmp_path / "out.staging").glob("*/scored/*/*.parquet")
    }

    manifest = try_with("audit.kept_share={min: 0.999, severity: warning}")
    scored = {path.name: path.stat().st_ino for path in (tmp_path / "out" / "scored").rglob("*.parquet")}
    assert scored == staged, "staged chunks were scored again"
    (warning,) = [found for found in manifest["audit"]["warnings"] if found["column"] == "kept_share"]
    assert {row["pair"] for row in warning["offending"]} == {"en-tr", "en-zh"}
    assert json.loads((tmp_path / "out" / "audit" / "results.json").read_text())["passed"] is True
    assert (tmp_path / "out" / "audit" / "data_docs" / "index.html").exists()


def test_a_downloaded_dataset_is_audited_again(
    run_here: RunHere, built_samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(built_samples / "parallel", tmp_path / "downloaded")
    given = ("--output", tmp_path / "audit", "--set", "audit.kept_share.min=0.999")
    assert run_here(jobs.audit, tmp_path / "downloaded", *given) == 3
    said = capsys.readouterr()
    assert "pairs.kept_share" in said.err
    assert "counts" in said.out
    results = json.loads((tmp_path / "audit" / "results.json").read_text())
    assert [finding["column"] for finding in results["findings"] if not finding["success"]] == ["kept_share"]


def test_what_is_no_whole_dataset_is_refused_before_spark_starts(built_samples: Path, tmp_path: Path) -> None:
    shutil.copytree(built_samples, tmp_path / "copy")
    shard = next((tmp_path / "copy" / "parallel" / "en-hi").glob("train-*"))
    shard.unlink()
    (fault,) = errors(run(tmp_path / "copy", job="audit"))
    assert fault == f"{shard}: is missing; fetch the dataset again, or build it again"
