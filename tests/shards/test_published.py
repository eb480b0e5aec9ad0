"""A dataset that is not whole is refused with a sentence that says what is wrong with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.errors import UserError
from pipelines.shards.published import open_parallel
from pipelines.shards.write import sha256_of


@pytest.fixture
def copy(built_samples: Path, tmp_path: Path) -> Path:
    shutil.copytree(built_samples, tmp_path / "copy")
    return tmp_path / "copy"


def shard(folder: Path) -> Path:
    return next((folder / "parallel" / "en-el").glob("train-*.parquet"))


def edit(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


def flip_a_byte(folder: Path) -> None:
    data = bytearray(shard(folder).read_bytes())
    data[len(data) // 2] ^= 1
    shard(folder).write_bytes(data)


def rewrite_without_a_column(folder: Path) -> None:
    path = shard(folder)
    pq.write_table(pq.read_table(path).drop_columns(["license"]), path)
    manifest = json.loads((folder / "manifest.json").read_text())
    for file in manifest["outputs"]:
        if folder / file["path"] == path:
            file |= {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    edit(folder, outputs=manifest["outputs"])


def edit_file(folder: Path, **changes: Any) -> None:
    """Changes what the manifest says of the first file."""
    outputs = json.loads((folder / "manifest.json").read_text())["outputs"]
    edit(folder, outputs=[outputs[0] | changes, *outputs[1:]])


def lose_a_row(folder: Path) -> None:
    counts = json.loads((folder / "manifest.json").read_text())["counts"]
    edit(folder, counts=[counts[0] | {"kept": counts[0]["kept"] - 1}, *counts[1:]])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: shard(folder).unlink(), r"train-00000.*is missing"),
        (flip_a_byte, r"train-00000.*was altered"),
        (
            lambda folder: shutil.copy(shard(folder), folder / "parallel" / "more.parquet"),
            r"more\.parquet.*not named",
        ),
        (rewrite_without_a_column, r"train-00000.*other columns"),
        (lambda folder: edit(folder, version="0"), r"schema version 0"),
        (
            lambda folder: edit(folder, dataset="pictures"),
            r"dataset: expected one of parallel, .*found 'pictures'",
        ),
        (lambda folder: edit(folder, counts=None), r"manifest\.json: counts: Input should be a valid list"),
        (lambda folder: edit(folder, inputs=[{"corpus": "A"}]), r"inputs\.0\.pair: Field required"),
        (lose_a_row, r"counts\.0: read is not kept \+ rejected"),
        (
            lambda folder: edit_file(folder, path="../other.parquet"),
            r"outputs\.0\.path: expected a path below",
        ),
        (
            lambda folder: edit_file(folder, path="/tmp/other.parquet"),
            r"outputs\.0\.path: expected a path below",
        ),
        (lambda folder: edit_file(folder, bytes="many"), r"outputs\.0\.bytes"),
        (lambda folder: edit_file(folder, rows=1), r"holds \d+ rows, and the manifest says 1"),
        (lambda folder: edit(folder, config={"pears": []}), r"configuration is not understood \(pears\)"),
        (lambda folder: (folder / "manifest.json").write_text("{"), r"cannot be read"),
        (lambda folder: (folder / "manifest.json").unlink(), r"holds no manifest\.json"),
        (lambda folder: shutil.rmtree(folder / "parallel" / "en-el"), r"en-el/train-00000.*is missing"),
        (shutil.rmtree, r"is no folder"),
    ],
)
def test_what_is_wrong_is_said(copy: Path, damage: Callable[[Path], object], sentence: str) -> None:
    damage(copy)
    with pytest.raises(UserError, match=sentence):
        open_parallel(copy)


def test_a_build_that_was_not_published_is_told_from_one_that_was(copy: Path, tmp_path: Path) -> None:
    staged = tmp_path / "out.staging" / "0123" / "result"
    staged.parent.mkdir(parents=True)
    copy.rename(staged)
    (staged / "manifest.json").unlink()
    with pytest.raises(UserError, match="has not been published"):
        open_parallel(staged)


def test_a_run_and_its_published_folder_can_both_be_opened(copy: Path, tmp_path: Path) -> None:
    run = open_parallel(copy)
    assert run.whole
    assert run.rejected == copy / "rejected"
    (copy / "parallel").rename(tmp_path / "downloaded")
    published = open_parallel(tmp_path / "downloaded")
    assert not published.whole
    assert published.rejected is None
    assert published.kept == tmp_path / "downloaded"
    assert published.config.pairs == run.config.pairs
