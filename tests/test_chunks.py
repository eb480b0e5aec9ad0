"""Files are cut into chunks, each scored by itself: where the cuts fall changes no row."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from job_process import CORPORA, DEMO, Builder, cut
from pyspark.sql import SparkSession

from pipelines.build import build, plan
from pipelines.errors import InvariantError, UserError
from schemas.loading import load_config

NAMES = ("WikiMatrix.en-tr.tsv.gz", "WikiMatrix.en-zh.tsv.gz", "news-commentary-v18.en-zh.tsv.gz")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chunks") / "in"
    for name in NAMES:
        cut(name, folder, 50)
    return folder


def rows(output: Path, folder: str) -> list[dict[str, Any]]:
    files = sorted((output / folder).rglob("*.parquet"))
    return [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]


def test_where_a_file_is_cut_changes_no_row(
    build_with: Builder, corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = ["en-tr", "en-zh"]
    whole = build_with(
        load_config(None, sources__input=str(corpora), output=str(tmp_path / "whole"), pairs=pairs)
    )
    monkeypatch.setattr("pipelines.sources.read.CHUNK_ROWS", 16)
    apart = build_with(
        load_config(None, sources__input=str(corpora), output=str(tmp_path / "apart"), pairs=pairs)
    )
    assert apart["counts"] == whole["counts"]
    assert apart["inputs"] == whole["inputs"]
    for folder in ("parallel", "rejected", "scored"):
        assert rows(tmp_path / "apart", folder) == rows(tmp_path / "whole", folder)
    chunks = list((tmp_path / "apart" / "scored" / "en-zh").iterdir())
    read = [source["rows"] for source in apart["inputs"] if source["pair"] == "en-zh"]
    assert len(read) == 2
    assert len(chunks) == sum(-(-number // 16) for number in read) > 4


def test_rows_too_many_for_every_task_are_compared_all_the_same(
    build_with: Builder, sample_manifest: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.deciding._FEW_ROWS", 0)
    built = build_with(load_config(DEMO, output=str(tmp_path / "out")))
    assert built["content_sha256"] == sample_manifest["content_sha256"]
    assert built["counts"] == sample_manifest["counts"]


def test_without_near_duplicates_only_copies_fall(build_with: Builder, tmp_path: Path) -> None:
    given = {"sources__input": str(CORPORA), "output": str(tmp_path / "out"), "pairs": ["en-hi"]}
    built = build_with(load_config(None, ["dedup.near.enabled=false"], **given))
    fallen = {reason for count in built["counts"] for reason in count["rejected"]}
    assert "exact_duplicate" in fallen
    assert "near_duplicate" not in fallen


def test_a_file_that_breaks_off_right_behind_the_limit_is_told(build_with: Builder, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = "1.1\tThe harbour freezes over in most winters.\tLiman \u00e7o\u011fu k\u0131\u015f donar.\n" * 3
    data = gzip.compress(lines.encode(), compresslevel=0)
    (tmp_path / "in" / "WikiMatrix.en-tr.tsv.gz").write_bytes(
        data[:-8]
    )  # all text, but neither checksum nor size
    given = {"sources__input": str(tmp_path / "in"), "output": str(tmp_path / "out"), "pairs": ["en-tr"]}
    with pytest.raises(UserError, match=r"WikiMatrix\.en-tr\.tsv\.gz.*breaks off"):
        build_with(load_config(None, ["sources.limit=3"], **given))
    kept = build_with(load_config(None, ["sources.limit=2", "sources.on_truncated=keep"], **given))
    assert [source["rows"] for source in kept["inputs"]] == [2]


def test_what_completes_a_result_may_refuse_it(spark: SparkSession, corpora: Path, tmp_path: Path) -> None:
    """The audit works like this: what it raises publishes nothing."""

    def refuse(_: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        assert json.loads((result / "parallel" / "manifest.json").read_text())["counts"] == manifest["counts"]
        raise InvariantError("two clusters in two splits")

    config = load_config(None, sources__input=str(corpora), output=str(tmp_path / "out"), pairs=["en-tr"])
    with pytest.raises(InvariantError, match="two clusters"):
        build(lambda: spark, plan(config), False, {"audit": refuse})
    assert not (tmp_path / "out").exists()
