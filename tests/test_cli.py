"""How every job ends: the exit code and what a person is told."""

from __future__ import annotations

import sys

import pytest

from pipelines.cli import run_job
from pipelines.errors import InvariantError, UserError
from schemas.loading import ConfigError


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        (None, 0, []),
        (
            UserError("a.gz: breaks off", "b.gz: is no gzip"),
            2,
            ["error: a.gz: breaks off", "error: b.gz: is no gzip"],
        ),
        (ConfigError(["seed: soon is no number"]), 2, ["error: seed: soon is no number"]),
        (
            InvariantError("3 rows read, 2 decided on"),
            3,
            ["nothing was published: 3 rows read, 2 decided on"],
        ),
    ],
)
def test_an_ending_has_its_exit_code_and_words(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ending: Exception | None,
    code: int,
    said: list[str],
) -> None:
    def main(argv: list[str]) -> int:
        assert argv == ["--limit", "3"]
        if ending:
            raise ending
        return 0

    monkeypatch.setattr(sys, "argv", ["job.py", "--limit", "3"])
    with pytest.raises(SystemExit) as ended:
        run_job(main)
    assert ended.value.code == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(said)
    assert all(words in line for words, line in zip(said, lines, strict=True))


def test_another_error_is_not_hidden() -> None:
    def main(argv: list[str]) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_job(main)
