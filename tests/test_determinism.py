"""The same input and configuration give the same bytes, however Spark is set up and wherever the files lie."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from job_process import Builder, cut, digests, run
from pyspark.sql import SparkSession

from schemas.loading import load_config

NAMES = ("WikiMatrix.en-tr.tsv.gz", "news-commentary-v18.en-zh.tsv.gz")
LINES = 60
RUN = {
    "pairs": ["en-tr", "en-zh"],
    "splits": {"validation": 0.1, "test": 0.1},
    "licenses": {"known": {"WikiMatrix": "CC0-1.0"}},
}
ONE_PARTITION = {"spark.sql.shuffle.partitions": "1"}
OTHERWISE = {"spark.sql.shuffle.partitions": "9", "spark.sql.execution.arrow.maxRecordsPerBatch": "7"}


def corpora(folder: Path, backwards: bool) -> Path:
    """The same files, made in one order or the other, young or old."""
    for name in reversed(NAMES) if backwards else NAMES:
        path = cut(name, folder, LINES)
        if backwards:
            os.utime(path, (1_000_000_000, 1_000_000_000 + len(name)))
    return folder


def content(output: Path) -> str:
    return str(json.loads((output / "manifest.json").read_text(encoding="utf-8"))["content_sha256"])


@pytest.fixture(scope="module")
def one_core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by `spark-submit` with its own master, from another folder than the project's."""
    folder = tmp_path_factory.mktemp("one")
    (folder / "run.yaml").write_text(yaml.safe_dump(RUN | {"spark": ONE_PARTITION}))
    corpora(folder / "in", backwards=False)
    given = ("--config", "run.yaml", "--input", "in", "--output", "made/out")
    done = run(*given, cwd=folder, submit=("--master", "local[1]"))
    assert done.returncode == 0, done.stderr
    return folder / "made" / "out"


@pytest.fixture
def set_otherwise(spark: SparkSession) -> Iterator[None]:
    """The suite's session, on two cores, with other partitions and Arrow batches."""
    before = {key: spark.conf.get(key) for key in OTHERWISE}
    for key, value in OTHERWISE.items():
        spark.conf.set(key, value)
    yield
    for key, value in before.items():
        spark.conf.set(key, value)


def test_spark_submit_writes_below_the_folder_it_was_started_in(one_core: Path) -> None:
    found = {path.name for path in one_core.parent.parent.iterdir()}
    assert found - {"artifacts", "spark-warehouse"} == {"run.yaml", "in", "made"}
    assert [path.name for path in one_core.parent.iterdir()] == ["out"]


@pytest.mark.usefixtures("set_otherwise")
def test_cores_partitions_batches_other_work_and_the_order_of_files_change_no_byte(
    build_with: Builder, one_core: Path, tmp_path: Path
) -> None:
    source = corpora(tmp_path / "in", backwards=True)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(RUN | {"spark": OTHERWISE}))
    manifest = build_with(
        load_config(tmp_path / "run.yaml", output=str(tmp_path / "out"), sources__input=str(source))
    )
    assert digests(tmp_path / "out") == digests(one_core)
    assert manifest["content_sha256"] == content(one_core)
    kinds = {name.split("/")[0] for name in digests(one_core)}
    assert kinds == {"parallel", "rejected", "scored"}
    assert sum(count["kept"] for count in manifest["counts"]) > LINES // 2
    assert any(count["rejected"] for count in manifest["counts"])


def test_another_seed_changes_the_splits_alone(build_with: Builder, one_core: Path, tmp_path: Path) -> None:
    source = corpora(tmp_path / "in", backwards=False)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(RUN))
    manifest = build_with(
        load_config(
            tmp_path / "run.yaml", ["seed=1"], output=str(tmp_path / "out"), sources__input=str(source)
        )
    )
    before, after = digests(one_core), digests(tmp_path / "out")
    assert manifest["content_sha256"] != content(one_core)
    for name in before:
        if name.startswith(("scored/", "rejected/")):
            assert before[name] == after[name], name
