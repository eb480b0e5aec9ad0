"""How chunks are shared out to tasks, and found again in what Spark hands back."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dedup.minhash import Bander
from pipelines.errors import InvariantError
from pipelines.lid import default_model
from pipelines.scoring import Chunk, Scorer, bundle, by_chunk
from pipelines.sources.inputs import RAW_LINES, Input
from pipelines.sources.read import CHUNK_ROWS, chunk_path
from schemas.languages import LANGUAGES

rows = st.lists(st.integers(1, 40_000), min_size=1, max_size=40)


@given(rows, st.integers(1, 16))
def test_every_chunk_is_in_one_bundle_and_none_is_too_large(counts: list[int], cores: int) -> None:
    bundles = bundle(counts, cores)
    assert [place for taken in bundles for place in taken] == list(range(len(counts)))
    limit = min(CHUNK_ROWS, -(-sum(counts) // cores))
    for taken in bundles:
        assert len(taken) == 1 or sum(counts[place] for place in taken) <= limit


def test_small_chunks_share_a_task_and_large_ones_have_their_own() -> None:
    assert bundle([100] * 14, 2) == [range(7), range(7, 14)]
    assert bundle([5, 5, CHUNK_ROWS, CHUNK_ROWS, 5], 2) == [range(2), range(2, 3), range(3, 4), range(4, 5)]
    assert bundle([9], 4) == [range(1)]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 6)), max_size=5, unique_by=lambda c: c[0]), st.data()
)
def test_chunks_are_whole_however_spark_cut_them(chunks: list[tuple[int, int]], data: st.DataObject) -> None:
    flat = [(place, row) for place, count in chunks for row in range(count)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(flat)), max_size=4)))
    pieces = [flat[a:b] for a, b in zip([0, *cuts], [*cuts, len(flat)], strict=True)]
    schema = pa.schema([("chunk", pa.int32()), ("row", pa.int32())])
    batches = [
        pa.RecordBatch.from_pylist([{"chunk": place, "row": row} for place, row in piece], schema=schema)
        for piece in pieces
    ]
    found = [
        (place, [r for batch in held for r in batch.column("row").to_pylist()])
        for place, held in by_chunk(batches)
    ]
    assert found == [(place, list(range(count))) for place, count in chunks]


@pytest.mark.parametrize("order", [[2, 1, 0], [1, 2], []])
def test_rows_that_come_back_otherwise_are_not_written(tmp_path: Path, order: list[int]) -> None:
    lines = [
        {"line": n, "src_raw": f"The boat is number {n}.", "tgt_raw": f"Tekne {n} numara."} for n in (1, 2, 3)
    ]
    pq.write_table(pa.Table.from_pylist(lines, schema=RAW_LINES), chunk_path(tmp_path, 0, 0))
    source = Input("Tatoeba", "en-tr", "tsv", "boats.tsv", "boats.tsv", "CC-BY-2.0-FR")
    scorer = Scorer(
        inputs=(source,),
        languages={code: LANGUAGES[code] for code in ("en", "tr")},
        lid_model=str(default_model()),
        eval_index=None,
        bander=Bander.make(8, 2),
        raw=tmp_path,
        scored=tmp_path / "scored",
    )
    chunk = Chunk(0, 0, 3)
    (prepared,) = scorer.prepare(0, chunk)
    with pytest.raises(InvariantError, match=r"boats\.tsv"):
        scorer.write(chunk, [prepared.take(pa.array(order))] if order else [])
    assert not scorer.scored_path(0, 0).exists()
