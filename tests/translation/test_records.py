"""Reading instruction files: every record comes out, as a record or as a reject with its index."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UserError
from pipelines.streams import BrokenFile
from pipelines.translation.records import Record, Reject, read_records
from schemas.instructions import REASONS

GOOD = {"instruction": "Name a fruit.", "input": "", "output": "Pear"}
HELLO = {"role": "user", "content": "Hello"}
TEXT = {"type": "text"}


def read(path: Path, content: str | bytes) -> list[Record | Reject]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_records(path))


def outcome(row: Record | Reject) -> Any:
    return row.fields if isinstance(row, Record) else row.reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (GOOD, GOOD),
        ({"instruction": "Name a fruit.", "output": "Pear"}, GOOD),
        (GOOD | {"input": None}, GOOD),
        (GOOD | {"text": "other columns do no harm"}, GOOD),
        (GOOD | {"input": "<NoInput>"}, GOOD),
        (GOOD | {"input": '"N/A"'}, GOOD),
        (GOOD | {"input": "No input is required."}, GOOD),
        (GOOD | {"input": "No inputs reached the valve."}, GOOD | {"input": "No inputs reached the valve."}),
        ({"messages": [{"role": "user", "content": "Name a fruit."}, {"role": "assistant", "content": "Pear"}]}, GOOD),
        (
            {
                "messages": [
                    {"role": "user", "content": [TEXT | {"text": "Name "}, TEXT | {"text": "a fruit."}]},
                    {"role": "assistant", "content": "Pear"},
                ]
            },
            GOOD,
        ),
        ({"messages": [{"role": "system", "content": "Be brief."}, HELLO]}, "not_single_turn"),
        ({"messages": [HELLO, {"role": "assistant", "content": "Ho"}] * 2}, "not_single_turn"),
        ({"messages": "Hi"}, "broken_record"),
        ({"messages": [HELLO, {"role": "assistant", "content": [{"type": "image"}]}]}, "not_a_string"),
        ("Name a fruit.", "broken_record"),
        (None, "broken_record"),
        ({}, "missing_field"),
        ({"instruction": "Name a fruit."}, "missing_field"),
        (GOOD | {"output": 7}, "not_a_string"),
        (GOOD | {"input": ["a"]}, "not_a_string"),
        (GOOD | {"output": " \n"}, "empty_output"),
        (GOOD | {"instruction": ""}, "empty_instruction"),
        (GOOD | {"output": "a" * 100_000}, "too_long"),
        (GOOD | {"output": "Pear \ud83d"}, "invalid_text"),
        (GOOD | {"output": "<nooutput>"}, "generator_marker"),
        (GOOD | {"output": "<noinput>\nA pear"}, "generator_marker"),
        (GOOD | {"output": "Pear\n\n12. Instruction: Name a nut.\n12. Input:\n"}, "merged_records"),
        (GOOD | {"output": "12. Instruct the crew."}, GOOD | {"output": "12. Instruct the crew."}),
    ],
)  # fmt: skip
def test_a_value_is_a_record_or_a_reject(tmp_path: Path, value: Any, expected: Any) -> None:
    array = read(tmp_path / "a.json", json.dumps([GOOD, value, GOOD]))
    lines = read(tmp_path / "a.jsonl", "\n".join(map(json.dumps, [GOOD, value, GOOD])))
    for rows in (array, lines):
        assert [outcome(row) for row in rows] == [GOOD, expected, GOOD]
        assert [row.index for row in rows] == [0, 1, 2]
        assert all(isinstance(row, Record) or row.reason in REASONS for row in rows)


def test_what_was_normalised_is_flagged(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.json", json.dumps([GOOD, GOOD | {"input": "Noinput"}]))
    assert [row.flags for row in rows if isinstance(row, Record)] == [(), ("no_input",)]


def test_the_id_depends_on_file_index_and_record_alone(tmp_path: Path) -> None:
    first = read(tmp_path / "a.json", json.dumps([GOOD, GOOD]))
    assert len({row.id for row in first}) == 2
    (tmp_path / "elsewhere").mkdir()
    assert read(tmp_path / "elsewhere" / "a.json", json.dumps([GOOD, GOOD])) == first
    assert read(tmp_path / "b.json", json.dumps([GOOD]))[0].id != first[0].id


@pytest.mark.parametrize(
    "broken",
    [
        '{"instruction": "a" "output": "b"}',
        '{"instruction": "a", "output": b}',
        '{"instruction": "a", output}',
        '{"instruction": "unclosed, "output": "b"}',
    ],
)
def test_a_broken_element_of_an_array_is_a_reject_and_the_next_is_read(tmp_path: Path, broken: str) -> None:
    good = json.dumps(GOOD)
    rows = read(tmp_path / "a.json", f"[{good}, {broken}, {good}]")
    assert [outcome(row) for row in rows] == [GOOD, "broken_record", GOOD]
    assert isinstance(rows[1], Reject)
    assert rows[1].raw == broken
    rows = read(tmp_path / "a.json", f"[{good}, {broken}]")
    assert [outcome(row) for row in rows] == [GOOD, "broken_record"]
    rows = read(tmp_path / "a.jsonl", f"{good}\n{broken}\n\n{good}")
    assert [(row.index, outcome(row)) for row in rows] == [(0, GOOD), (1, "broken_record"), (3, GOOD)]


def test_bytes_that_are_no_utf8_spoil_their_record_alone(tmp_path: Path) -> None:
    good = json.dumps(GOOD).encode()
    bad = good.replace(b"Pear", b"Pe\xe9r")
    assert [outcome(row) for row in read(tmp_path / "a.json", b"[" + b",".join((good, bad, good)) + b"]")] == [
        GOOD, "invalid_text", GOOD,
    ]  # fmt: skip
    rows = read(tmp_path / "a.jsonl", b"\n".join((good, bad, good)))
    assert [outcome(row) for row in rows] == [GOOD, "invalid_text", GOOD]
    assert isinstance(rows[1], Reject)
    assert "Pe\\xe9r" in rows[1].raw


def test_an_array_that_breaks_off_gives_what_it_holds_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" + json.dumps(GOOD) + ", " + json.dumps(GOOD)[:30])
    rows = []
    with pytest.raises(BrokenFile, match="breaks off after record 1"):
        rows.extend(iter_into(rows, path))
    assert [outcome(row) for row in rows] == [GOOD, "broken_record"]


def iter_into(rows: list[Record | Reject], path: Path) -> list[Record | Reject]:
    for row in read_records(path):
        rows.append(row)
    return []


def test_compressed_files_byte_order_marks_and_lines_called_json(tmp_path: Path) -> None:
    content = json.dumps([GOOD, GOOD], indent=4).encode()
    assert len(read(tmp_path / "a.json.gz", gzip.compress(b"\xef\xbb\xbf" + content))) == 2
    assert len(read(tmp_path / "b.json", json.dumps(GOOD) + "\n" + json.dumps(GOOD) + "\n")) == 2
    assert read(tmp_path / "c.json", "") == []
    assert read(tmp_path / "d.json", "[]") == []


def test_large_arrays_are_read_across_blocks(tmp_path: Path) -> None:
    records = [GOOD | {"input": f"é{i} " * 200} for i in range(4000)]
    rows = read(tmp_path / "a.json", json.dumps(records, ensure_ascii=False, indent=2))
    assert [outcome(row) for row in rows] == records


def test_parquet_of_both_kinds(tmp_path: Path) -> None:
    flat = [GOOD, GOOD | {"input": None}, GOOD | {"output": None}]
    pq.write_table(pa.Table.from_pylist(flat), tmp_path / "a.parquet")
    assert [outcome(row) for row in read_records(tmp_path / "a.parquet")] == [GOOD, GOOD, "missing_field"]
    turns = [{"role": "user", "content": "Name a fruit."}, {"role": "assistant", "content": "Pear"}]
    pq.write_table(
        pa.Table.from_pylist([{"messages": turns}, {"messages": turns * 2}]), tmp_path / "b.parquet"
    )
    assert [outcome(row) for row in read_records(tmp_path / "b.parquet")] == [GOOD, "not_single_turn"]


def test_files_that_are_nothing_of_the_kind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        list(read_records(tmp_path / "none.json"))
    (tmp_path / "a.csv").write_text("a,b")
    with pytest.raises(UserError, match=r"\.json, \.jsonl or \.parquet"):
        list(read_records(tmp_path / "a.csv"))
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="found text"):
        list(read_records(tmp_path / "a.parquet"))
    (tmp_path / "b.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(BrokenFile):
        list(read_records(tmp_path / "b.parquet"))


NAMES = st.sampled_from(["instruction", "input", "output", "messages", "role"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@given(st.lists(VALUES))
def test_any_array_gives_one_row_for_each_element(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    assert [row.index for row in read(path, json.dumps(values))] == list(range(len(values)))
