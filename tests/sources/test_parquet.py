"""Parquet corpora named by the configuration."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drain import drain

from pipelines.sources.inputs import Input, RawLine
from pipelines.sources.parquet import read_parquet


def parquet(folder: Path, columns: tuple[str, ...], **data: object) -> Input:
    path = folder / "corpus.parquet"
    pq.write_table(pa.table(data), path)
    return Input("Corpus", "en-zh", "parquet", str(path), path.name, "unknown", columns)


def read(source: Input) -> list[RawLine]:
    rows, broken = drain(read_parquet(source))
    assert broken is None
    return rows


def test_rows_are_numbered_from_one_and_columns_found_by_name(tmp_path: Path) -> None:
    source = parquet(tmp_path, ("en", "zh"), zh=["猫", "狗"], other=[1, 2], en=["cat", "dog"])
    assert read(source) == [RawLine(1, None, None, "cat", "猫"), RawLine(2, None, None, "dog", "狗")]


def test_a_third_column_is_the_margin_and_may_be_null(tmp_path: Path) -> None:
    source = parquet(tmp_path, ("en", "zh", "m"), en=["cat", "dog"], zh=["猫", "狗"], m=[1.25, None])
    assert [row.margin for row in read(source)] == [1.25, None]


def test_nulls_are_empty_sides(tmp_path: Path) -> None:
    source = parquet(tmp_path, ("en", "zh"), en=["cat", None, None], zh=[None, "猫", None])
    rows = read(source)
    assert [(row.src_raw, row.tgt_raw) for row in rows] == [("cat", None), (None, "猫"), (None, None)]
    assert all(row.error is None for row in rows)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_every_kind_of_text_column_is_text(tmp_path: Path, kind: pa.DataType) -> None:
    texts = {name: pa.array([text], pa.string()).cast(kind) for name, text in (("en", "cat"), ("zh", "猫"))}
    assert read(parquet(tmp_path, ("en", "zh"), **texts)) == [RawLine(1, None, None, "cat", "猫")]


@pytest.mark.parametrize("value", [7, 1.5, True, b"cat", ["cat"], {"text": "cat"}])
def test_values_that_are_no_text_make_malformed_rows(tmp_path: Path, value: object) -> None:
    (row,) = read(parquet(tmp_path, ("en", "zh"), en=[value], zh=["猫"]))
    assert row.line == 1
    assert row.error is not None
    assert "expected text" in row.error
    assert "猫" in (row.src_raw or "")


def test_rows_of_several_row_groups_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    texts = [str(number) for number in range(2500)]
    pq.write_table(pa.table({"en": texts, "zh": texts}), path, row_group_size=700)
    rows = read(Input("Corpus", "en-zh", "parquet", str(path), path.name, "unknown", ("en", "zh")))
    assert [row.line for row in rows] == list(range(1, 2501))
    assert [row.src_raw for row in rows] == texts


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    rows, broken = drain(read_parquet(parquet(tmp_path, ("en", "chinese"), en=["cat"], zh=["猫"])))
    assert rows == []
    assert broken is not None
    assert "'chinese'" in broken
    assert "en, zh" in broken


@pytest.mark.parametrize("keep", [0, 3, -1, -20])
def test_what_is_no_whole_parquet_file_is_broken(tmp_path: Path, keep: int) -> None:
    source = parquet(tmp_path, ("en", "zh"), en=["cat"], zh=["猫"])
    path = Path(source.path)
    path.write_bytes(path.read_bytes()[:keep])
    rows, broken = drain(read_parquet(source))
    assert rows == []
    assert broken is not None


@pytest.mark.parametrize("margin", ["high", [1.0]])
def test_a_margin_that_is_no_number_is_malformed(tmp_path: Path, margin: object) -> None:
    (row,) = read(parquet(tmp_path, ("en", "zh", "m"), en=["cat"], zh=["猫"], m=[margin]))
    assert row.error is not None


@pytest.mark.parametrize("margin", [float("nan"), float("inf")])
def test_a_margin_that_is_not_finite_is_malformed(tmp_path: Path, margin: float) -> None:
    (row,) = read(parquet(tmp_path, ("en", "zh", "m"), en=["cat"], zh=["猫"], m=[margin]))
    assert row.error is not None


def test_invalid_utf8_in_a_text_column_does_not_end_in_a_traceback(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    rows, broken = drain(read_parquet(parquet(tmp_path, ("en", "zh"), en=bad, zh=["猫"])))
    assert broken is not None or rows[0].error is not None
