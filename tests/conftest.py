"""What the tests share: one Spark session, and one build of the samples."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
from job_process import DEMO, Builder, MadeOnce, RunHere
from pyspark.sql import SparkSession

from pipelines.build import build, plan
from pipelines.session import get_session
from pipelines.shards.published import DatasetFolder
from quality.parallel_card import write_card
from schemas.config import RunConfig
from schemas.loading import load_config

# the same examples in every run; others with `pytest --hypothesis-profile default`
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")

# the optimising compiler of Java pays only in longer runs, and parallel collection of garbage in larger heaps; without
# them a build of the samples takes a third less CPU
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Folders that are made once for all processes of the suite, whichever of them needs one first.

    `made_once(name, make)` returns the folder that `make(folder)` filled. pytest-xdist runs session fixtures in each of
    its workers; what takes long is shared so. Tests only read there.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = shared / name
        with open(shared / f"{name}.made", "a+", encoding="utf-8") as note:
            fcntl.flock(note, fcntl.LOCK_EX)
            note.seek(0)
            if not note.read():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                note.write("yes")
        return folder

    return made


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one session of a process of the suite, on two cores."""
    session = get_session("tests", {"spark.master": "local[2]"})
    yield session
    session.stop()


@pytest.fixture(scope="session")
def build_with(spark: SparkSession) -> Builder:
    """Builds a dataset in this process with the shared session; returns the run's manifest."""

    def run(config: RunConfig, overwrite: bool = False) -> dict[str, Any]:
        def complete(_: SparkSession, result: Path, manifest: dict[str, Any]) -> dict[str, Any]:
            write_card(DatasetFolder(result, manifest))
            return {}

        return build(lambda: spark, plan(config), overwrite, {"card": complete})

    return run


@pytest.fixture
def run_here(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> RunHere:
    """Runs a job's own `main` in the suite's session: what a process of its own adds is tested with other jobs."""

    def run(job: ModuleType, *arguments: object) -> int:
        monkeypatch.setattr(job, "job_session", lambda *_: spark)
        code: int = job.main([str(argument) for argument in arguments])
        return code

    return run


@pytest.fixture(scope="session")
def built_samples(build_with: Builder, made_once: MadeOnce) -> Path:
    """The samples, built once with the demo's configuration."""

    def make(folder: Path) -> None:
        build_with(load_config(DEMO, output=str(folder / "out")))

    return made_once("samples", make) / "out"


@pytest.fixture(scope="session")
def sample_manifest(built_samples: Path) -> dict[str, Any]:
    """The manifest of the built samples."""
    loaded: dict[str, Any] = json.loads((built_samples / "manifest.json").read_text(encoding="utf-8"))
    return loaded
