"""The order of training: a pure function of data, seed and position, found at once, over all rows once an epoch."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_folders import write_tokens

from pipelines.errors import UserError
from schemas.training_run import DataConfig
from training.data import Tokens, open_tokens, permuted


@given(st.integers(1, 3000), st.binary(min_size=4, max_size=8))
def test_the_order_is_a_permutation(n: int, key: bytes) -> None:
    assert sorted(permuted(np.arange(n), n, key).tolist()) == list(range(n))


def test_the_order_is_well_mixed() -> None:
    """Neither neighbours nor halves stay together: positions and places are not correlated."""
    n = 40_000
    found = permuted(np.arange(n), n, b"key").astype(float)
    assert abs(np.corrcoef(np.arange(n), found)[0, 1]) < 0.03
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.03
    first_half = np.count_nonzero(found[: n // 2] < n / 2)
    assert abs(first_half - n / 4) < 4 * np.sqrt(n) / 4


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    folder = write_tokens(tmp_path_factory.mktemp("tokens"), 50)
    return open_tokens(DataConfig(tokens=folder, mixture="coit-zh"), folder / "cache", True)[0]


def test_each_epoch_has_every_row_once_in_an_order_of_its_own(tokens: Tokens) -> None:
    seen = [int(row[0]) for step in range(10) for row in tokens.rows(tokens.step(step, 16, 3, 0)).ids]
    assert len(seen) == 150
    epochs = [seen[start : start + 50] for start in (0, 50, 100)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len(tokens.step(9, 16, 3, 0)) == 6  # the last step has what is left


def test_rows_come_with_their_boundary_and_group(tokens: Tokens) -> None:
    examples = tokens.rows(np.array([9, 2]))
    assert [row.tolist() for row in examples.ids] == [[9] * 4, [2] * 4]
    assert examples.groups == ["en general", "zh general"]
    assert examples.learned == 6


def test_a_flat_file_that_is_not_whole_is_made_anew(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path, 50)
    config = DataConfig(tokens=folder, mixture="coit-zh")
    open_tokens(config, tmp_path / "cache", False)
    (flat,) = (tmp_path / "cache").glob("*.int32")
    flat.write_bytes(flat.read_bytes()[:40])
    assert open_tokens(config, tmp_path / "cache", False)[0].rows(np.array([49])).ids[0].tolist() == [49] * 2


def test_another_seed_or_other_data_is_another_order(tokens: Tokens) -> None:
    orders = [tokens.at(np.arange(50), seed).tolist() for seed in (0, 1)]
    assert orders[0] != orders[1]
    assert orders[0] == tokens.at(np.arange(50), 0).tolist()


def test_a_step_far_ahead_is_found_at_once(tokens: Tokens) -> None:
    tokens.rows(tokens.step(1, 128, 1e9, 0))
    took = []
    for _ in range(5):
        began = time.perf_counter()
        tokens.rows(tokens.step(10**7, 128, 1e9, 0))  # some 26 million epochs on
        took.append(time.perf_counter() - began)
    assert min(took) < 0.05


def test_what_is_no_whole_dataset_is_refused(tmp_path: Path) -> None:
    def opened(folder: Path, mixture: str = "coit-zh") -> None:
        open_tokens(DataConfig(tokens=folder, mixture=mixture), tmp_path / "cache", True)

    with pytest.raises(UserError, match=r"holds no manifest\.json"):
        opened(tmp_path)
    good = write_tokens(tmp_path / "good", 8)
    with pytest.raises(UserError, match="has no mixture 'muit'; it has coit-zh"):
        opened(good, "muit")
    with pytest.raises(UserError, match="has no rows to train on"):
        opened(write_tokens(tmp_path / "held", 8, splits=("validation",)))
    with pytest.raises(UserError, match=r"empty shard coit-zh/train-00001-of-00002\.parquet"):
        opened(write_tokens(tmp_path / "empty", 1))
    shard = good / "coit-zh" / "train-00000-of-00002.parquet"
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="was altered"):
        opened(good)
    shard.unlink()
    with pytest.raises(UserError, match="is missing"):
        opened(good)
