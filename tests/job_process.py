"""Running jobs as processes of their own, on the samples and on small corpora cut from them."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
JOB = ROOT / "jobs" / "build_parallel.py"
CORPORA = ROOT / "samples" / "corpora"
DEMO = ROOT / "configs" / "demo.yaml"

Builder = Callable[..., dict[str, Any]]  # the fixture `build_with`
MadeOnce = Callable[[str, Callable[[Path], object]], Path]  # the fixture `made_once`
RunHere = Callable[..., int]  # the fixture `run_here`


def environment() -> dict[str, str]:
    """The environment of a job: this interpreter's tools first, and no other Spark."""
    others = ("SPARK_HOME", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "PYSPARK_GATEWAY_PORT", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in others}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}", "COLUMNS": "200"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(JOB), *map(str, arguments)]


def run(
    *arguments: object, cwd: Path | None = None, submit: tuple[str, ...] | None = None, job: str = JOB.stem
) -> subprocess.CompletedProcess[str]:
    """Runs a job to its end, through `spark-submit` where options for that are given.

    No traceback may reach the person, whatever happens.
    """
    whole = [sys.executable, str(JOB.with_stem(job)), *map(str, arguments)]
    if submit is not None:
        whole = [str(Path(sys.executable).with_name("spark-submit")), *submit, *whole[1:]]
    done = subprocess.run(
        whole,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(),
        timeout=240,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The problems that a refused run names, after a look at how it ended."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert not done.stdout, done.stdout
    return [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]


def cut(name: str, folder: Path, lines: int) -> Path:
    """The first lines of a sample corpus, as a plain file in `folder`."""
    text = gzip.decompress((CORPORA / name).read_bytes())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name.removesuffix(".gz")
    path.write_bytes(b"".join(text.splitlines(keepends=True)[:lines]))
    return path


def digests(output: Path) -> dict[str, str]:
    """SHA-256 of the dataset's files, hidden ones too: all but what tells of the run and its times."""
    of_the_run = {"manifest.json", "report.html", "audit"}
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.relative_to(output).parts[0] not in of_the_run
    }
