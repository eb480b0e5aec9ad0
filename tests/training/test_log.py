"""The log of a run that begins again tells each step once."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.log import Log, read_log


@pytest.mark.parametrize(("start", "kept"), [(0, []), (3, [0, 3])])
def test_what_an_earlier_run_told_of_steps_that_are_taken_again_is_dropped(
    tmp_path: Path, start: int, kept: list[int]
) -> None:
    """Without a checkpoint that is all of it: the validation before the first step comes again, too."""
    (tmp_path / "log.jsonl").write_text('{"step": 0, "validation": 8}\n{"step": 3}\n{"step": 4}\n{"st')
    Log(tmp_path, start, 6, None, {}).close()
    assert [entry["step"] for entry in read_log(tmp_path / "log.jsonl")] == kept
