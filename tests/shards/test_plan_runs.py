"""Which chunks become one shard."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.shards.write import Run, plan_runs


def chunks_of(folder: Path, sizes: Sequence[tuple[str, int]]) -> list[tuple[str, Path]]:
    """Files of these sizes (with holes, so that they cost nothing) of these pairs."""
    chunks = []
    for place, (pair, size) in enumerate(sizes):
        path = folder / f"{place:05d}.parquet"
        with path.open("wb") as file:
            file.truncate(size)
        chunks.append((pair, path))
    return chunks


def test_nothing_to_write_needs_no_run() -> None:
    assert plan_runs([], 100) == []


def test_chunks_are_grouped_up_to_the_wanted_size(tmp_path: Path) -> None:
    chunks = chunks_of(tmp_path, [("en-ar", 60), ("en-ar", 60), ("en-ar", 60), ("en-zh", 200), ("en-zh", 1)])
    assert plan_runs(chunks, 100) == [
        Run("en-ar", 0, ("00000", "00001")),
        Run("en-ar", 1, ("00002",)),
        Run("en-zh", 0, ("00003",)),
        Run("en-zh", 1, ("00004",)),
    ]


def test_a_size_that_is_met_exactly_ends_a_run(tmp_path: Path) -> None:
    chunks = chunks_of(tmp_path, [("en-ar", 50), ("en-ar", 50), ("en-ar", 50)])
    assert [run.chunks for run in plan_runs(chunks, 100)] == [("00000", "00001"), ("00002",)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["en-ar", "en-vi", "en-zh"]), st.integers(0, 200)), max_size=12))
def test_runs_keep_every_chunk_in_order_and_never_mix_pairs(sizes: list[tuple[str, int]]) -> None:
    sizes = sorted(sizes, key=lambda size: size[0])
    with tempfile.TemporaryDirectory() as folder:
        chunks = chunks_of(Path(folder), sizes)
        runs = plan_runs(chunks, 100)
    assert [(run.pair, chunk) for run in runs for chunk in run.chunks] == [
        (pair, path.stem) for pair, path in chunks
    ]
    size_of = {path.stem: size for (_, path), (_, size) in zip(chunks, sizes, strict=True)}
    for pair in {pair for pair, _ in sizes}:
        mine = [run for run in runs if run.pair == pair]
        assert [run.number for run in mine] == list(range(len(mine)))
        for run in mine:
            assert run.chunks
            assert sum(size_of[chunk] for chunk in run.chunks[:-1]) < 100  # the last one filled it
        for run in mine[:-1]:
            assert sum(size_of[chunk] for chunk in run.chunks) >= 100
