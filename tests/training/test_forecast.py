"""What a dry run says, from lengths and shapes alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from token_folders import write_tokens
from training_runs import DEMO

from schemas.loading import load
from schemas.training_run import TrainingRun
from training.data import open_tokens
from training.forecast import packing_efficiency
from training.train import dry_run


def run_on(folder: Path, *overrides: str) -> TrainingRun:
    given = (f"data.tokens={folder}", f"output={folder / 'out'}", "data.pack_tokens=16", *overrides)
    return load(TrainingRun, DEMO, given)


def test_a_dry_run_tells_the_run_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = run_on(write_tokens(tmp_path, 70), "model.shape.vocab_size=4096")
    assert dry_run(config) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "rows │ 70 │" in said
    assert (
        f"{sum(place % 7 + 2 for place in range(70))}, of which {sum(place % 7 + 1 for place in range(70))}"
        in said
    )
    assert "7, of 32 examples, 3 epochs" in said
    assert "hours" in said
    assert not config.output.exists()


def test_how_full_rows_are(tmp_path: Path) -> None:
    """With many short examples to choose among, rows are full; several ranks wait for the longest row."""
    config = run_on(write_tokens(tmp_path, 1000))
    tokens, *_ = open_tokens(config.data, None, True)
    busy, full, free = packing_efficiency(tokens, config, 1)
    assert busy == 1
    assert 0.9 < full <= 1
    assert free > 0.97
    assert packing_efficiency(tokens, config, 8)[0] < 1
