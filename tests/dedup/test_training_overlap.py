"""Which n-grams of a few texts stand in much training data, whatever files it lies in."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from pipelines.dedup.training_overlap import TrainingData, training_files
from pipelines.errors import UserError
from pipelines.mi_eval.build import read_seeds, record_texts

WORDS = "the old keeper of the lighthouse counted every ship that came in before the storm".split()  # noqa: SIM905
SENTENCE = " ".join(WORDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Records in compressed JSON, Parquet of several row groups, and what is no data."""
    records = [{"instruction": "Unrelated task here.", "output": f"Well: {SENTENCE.upper()}, and so on."}]
    (tmp_path / "records.json.gz").write_bytes(gzip.compress(json.dumps(records).encode()))
    rows = [{"tgt_text": f"filler number {number}", "id": "0" * 32} for number in range(30)]
    rows[25]["tgt_text"] = "灯塔的老守护者在暴风雨来临之前数遍了每一艘进港的船"
    rows[26]["id"] = "one two three four five six seven eight nine"
    (tmp_path / "pairs").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pairs" / "train.parquet", row_group_size=7)
    (tmp_path / "pairs" / "manifest.json").write_text('["a b c d e f g h i"]')
    return tmp_path


def data(folder: Path) -> TrainingData:
    files = training_files([folder], (".json", ".parquet"))
    return TrainingData(tuple(files), record_texts, 8, 12)


def test_shares_are_of_a_text_s_own_ngrams(spark: SparkSession, folder: Path) -> None:
    groups = [
        [SENTENCE],
        ["nothing of this was ever written down by any keeper of a lighthouse"],
        [" ".join(WORDS[:8]) + " one two three four five six seven eight", "short"],
        ["老守护者在暴风雨来临之前数遍了每一艘进港的船"],
        ["one two three four five six seven eight nine"],
        [],
    ]
    found = data(folder).overlaps(spark, groups)
    assert [round(one.share, 3) for one in found] == [1.0, 0.0, round(1 / 9, 3), 1.0, 0.0, 0.0]
    assert [one.file for one in found] == [
        "records.json.gz",
        None,
        "records.json.gz",
        "pairs/train.parquet",
        None,
        None,
    ]


def test_nothing_is_in_nothing(spark: SparkSession, folder: Path) -> None:
    assert data(folder).overlaps(spark, []) == []
    assert [one.share for one in data(folder).overlaps(spark, [["too short"]])] == [0.0]


def test_a_file_that_cannot_be_read_is_named(spark: SparkSession, folder: Path) -> None:
    (folder / "cut.json").write_text('[{"instruction": "One task.", "output": "Yes."}, {"instruc')
    with pytest.raises(UserError, match=r"training: .*cut\.json: cannot be read \(.*breaks off"):
        data(folder).overlaps(spark, [[SENTENCE]])
    with pytest.raises(UserError, match=r"seeds: .*cut\.json: .*breaks off.*fetch it again"):
        read_seeds([folder / "cut.json"])
    (folder / "pairs" / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"training: .*bad\.parquet: is no Parquet file"):
        data(folder).overlaps(spark, [[SENTENCE]])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", json.dumps({"text": SENTENCE})),
        (
            "a.json",
            json.dumps([{"messages": [{"role": r, "content": SENTENCE} for r in ("user", "bot", "x")]}]),
        ),
        ("a.json", json.dumps([{"instruction": "Say it.", "output": f"{SENTENCE}. {'filler ' * 4000}"}])),
        ("a.json", json.dumps([{"instruction": SENTENCE, "output": ""}])),
        ("a.jsonl", json.dumps({"text": SENTENCE + " \ud800"})),
        ("a.jsonl", json.dumps({"text": SENTENCE})[:-2]),
        ("a.jsonl", '{"a":' * 900 + json.dumps(SENTENCE) + "}" * 900),
    ],
    ids=["text", "turns", "too long", "no output", "surrogate", "cut", "deep"],
)
def test_what_is_no_instruction_record_is_training_data_too(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert any(SENTENCE in text for text in record_texts(tmp_path / name))


def test_conversations_in_parquet_are_training_data(spark: SparkSession, tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": SENTENCE}]
    pq.write_table(pa.table({"id": ["a"], "messages": [messages]}), tmp_path / "chat.parquet")
    (found,) = data(tmp_path).overlaps(spark, [[SENTENCE]])
    assert found.share == 1


def test_a_file_without_any_text_is_an_error(spark: SparkSession, folder: Path) -> None:
    """Held against it, everything would pass."""
    (folder / "numbers.json").write_text('[{"tokens": [1, 2, 3]}]')
    pq.write_table(pa.table({"tokens": [[1, 2, 3]]}), folder / "pairs" / "tokens.parquet")
    with pytest.raises(UserError) as raised:
        data(folder).overlaps(spark, [[SENTENCE]])
    assert [problem.rsplit("/", 1)[1] for problem in raised.value.problems] == [
        "numbers.json: holds no text",
        "tokens.parquet: holds no text",
    ]


def test_a_path_without_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match=r"training: .* holds no training data; expected \.json"):
        training_files([tmp_path, tmp_path / "nowhere"], (".json",))
