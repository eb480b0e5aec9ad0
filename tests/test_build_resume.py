"""A run that was killed goes on where it stopped, nothing half-made is ever seen, and two runs do not meet."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from job_process import Builder, command, cut, digests, environment, errors, run
from pyspark.sql import SparkSession

from pipelines.build import build, plan
from pipelines.errors import UserError
from schemas.config import RunConfig
from schemas.loading import load_config

NAMES = (
    "WikiMatrix.en-tr.tsv.gz",
    "WikiMatrix.en-vi.tsv.gz",
    "news-commentary-v18.en-hi.tsv.gz",
    "news-commentary-v18.en-zh.tsv.gz",
)
PAIRS = "en-hi,en-tr,en-vi,en-zh"
PATIENCE_S = 150


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume") / "in"
    for name in NAMES:
        cut(name, folder, 40)
    return folder


def config(corpora: Path, output: Path) -> RunConfig:
    return load_config(None, sources__input=str(corpora), output=str(output), pairs=PAIRS.split(","))


@pytest.fixture(scope="module")
def undisturbed(build_with: Builder, corpora: Path) -> Path:
    output = corpora.parent / "undisturbed"
    build_with(config(corpora, output))
    return output


def staged(output: Path, pattern: str) -> list[Path]:
    """Finished files in the staging folder of an output (temporary ones begin with a dot)."""
    staging = output.with_name(f"{output.name}.staging")
    return sorted(path for path in staging.glob(f"*/{pattern}") if not path.name.startswith("."))


def start(corpora: Path, output: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("--input", corpora, "--output", output, "--pairs", PAIRS),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def wait_for(job: subprocess.Popen[str], moment: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not moment():
        assert job.poll() is None, "the job ended before the moment came"
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.002)


def kill_when(job: subprocess.Popen[str], moment: Callable[[], object]) -> None:
    """Kills the job and its Java at once, as `kill -9` does, as soon as `moment()` is true.

    Its Python workers, which outlive them by a moment, are waited for: they end their chunk.
    """
    try:
        wait_for(job, moment)
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
        job.communicate()
    deadline = time.monotonic() + PATIENCE_S
    while lives(job.pid):
        assert time.monotonic() < deadline, "workers are left"
        time.sleep(0.01)


def lives(session: int) -> bool:
    """Whether a process of this session is there."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, found = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        if int(found) == session and state != "Z":
            return True
    return False


def lock_is_free(output: Path) -> bool:
    with open(output.with_name(f"{output.name}.staging") / "lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def interrupt_when(job: subprocess.Popen[str], moment: Callable[[], object]) -> None:
    """Interrupts the job as a terminal does: the whole process group, once `moment()` is true."""
    wait_for(job, moment)
    os.killpg(job.pid, signal.SIGINT)
    said = job.communicate(timeout=120)[0]
    assert job.returncode == 130, said
    assert "interrupted; run the same command again" in said
    assert "Traceback" not in said


def cut_short(path: Path) -> None:
    """As a file is that was being written when its process was killed."""
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.timeout(600)
def test_a_run_stopped_again_and_again_ends_with_the_same_bytes(
    build_with: Builder, corpora: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """And while it works, another run into the same output is refused.

    Processes are stopped while they read, score and write. What one leaves that is killed while it decides is laid out
    here, and the last run is made in this process: a start of Spark takes longer than any of these stages.
    """
    output = tmp_path / "out"
    before: dict[str, tuple[int, int]] = {}
    for stop, moment in (
        (interrupt_when, "raw/*.parquet"),
        (kill_when, "scored/*/*.parquet"),
        (kill_when, "result/parallel/*/*.parquet"),
    ):
        job = start(corpora, output)
        if stop is interrupt_when:
            wait_for(job, lambda: staged(output, ""))
            (problem,) = errors(run("--input", corpora, "--output", output, "--pairs", PAIRS))
            assert str(output) in problem
            assert "another run" in problem
        stop(job, lambda pattern=moment: staged(output, pattern))
        assert not output.exists(), f"stopped at {moment}, and the output is there"
        assert lock_is_free(output)
        if moment.startswith("scored"):
            chunks = staged(output, moment)
            before = {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in chunks}
            # what a worker leaves that was killed with a chunk half written
            chunks[0].with_name(f".{chunks[0].name}.0123456789abcdef").write_bytes(b"PAR1, cut off")
    assert before
    (all_decided,) = staged(output, "decisions/counts.json")
    all_decided.unlink()
    cut_short(staged(output, "decisions/*.parquet")[0])
    build_with(config(corpora, output))
    assert digests(output) == digests(undisturbed)
    assert not output.with_name("out.staging").exists()
    after = {
        path.name: (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in (output / "scored").rglob("*.parquet")
    }
    assert {name: after[name] for name in before} == before, "staged chunks were scored again"


def test_a_run_that_ends_while_its_card_is_written_is_taken_up_again(
    spark: SparkSession, build_with: Builder, corpora: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """That moment is too short to be met by a kill."""
    output = tmp_path / "out"

    def end_halfway(_: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        (result / "parallel" / "README.md").write_text("# cut o")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(lambda: spark, plan(config(corpora, output)), False, {"card": end_halfway})
    assert not output.exists()
    assert lock_is_free(output)
    build_with(config(corpora, output))
    assert digests(output) == digests(undisturbed)


def test_a_finished_output_is_not_replaced_unasked(corpora: Path, undisturbed: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")}
    (problem,) = errors(run("--input", corpora, "--output", undisturbed, "--pairs", PAIRS))
    assert str(undisturbed) in problem
    assert "--overwrite" in problem
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")} == before
    assert not undisturbed.with_name("undisturbed.staging").exists()


def test_overwrite_replaces_a_finished_output_whole_and_takes_up_no_work_of_another_configuration(
    build_with: Builder, corpora: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """The work that a killed run left is for its own configuration alone."""
    output = tmp_path / "out"
    shutil.copytree(undisturbed, output)
    (output / "parallel" / "stray.parquet").write_bytes(b"of the old output")
    cut_short(next((output / "parallel" / "en-tr").glob("train-*")))
    other = tmp_path / "out.staging" / "0123456789abcdef" / "scored" / "en-tr"
    other.mkdir(parents=True)
    (other / "00000-00000.parquet").write_bytes(b"of another configuration")
    with pytest.raises(UserError, match="--overwrite"):
        build_with(config(corpora, output))
    build_with(config(corpora, output), overwrite=True)
    assert digests(output) == digests(undisturbed)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
