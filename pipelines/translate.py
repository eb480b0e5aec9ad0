"""Translating instructions: English records in, rows in each language out.

read ─► ask ─► translate (─► and back) ─► assemble (─► the same again for rows that failed) ─► write ─► publish. What
the engine said goes into the translation memory, so nothing is translated twice, whatever happens; the other stages
leave their work in the workspace, and find there what an earlier run of the same fingerprint left.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from pipelines import lid
from pipelines.errors import UserError
from pipelines.finish import Finish, finish_and_publish
from pipelines.progress import Stages
from pipelines.session import java_version, tune_for
from pipelines.shards.workspace import code_sha256, open_workspace
from pipelines.shards.write import sha256_of
from pipelines.translation import cost
from pipelines.translation.answers import Source, answer, ask, asked_in, in_tasks
from pipelines.translation.attempt import BACK, ENGLISH, FIRST, ROUNDS, Attempt
from pipelines.translation.checks import retry_for
from pipelines.translation.chunks import ReadFile, chunk_path, read_files
from pipelines.translation.engine_files import EngineDirectory, open_directory
from pipelines.translation.manifest import run_manifest
from pipelines.translation.memory import Work, open_memory
from pipelines.translation.write import write_languages
from schemas.translation import RETRIES, Retry
from schemas.translation_config import Decoding
from schemas.translation_run import TranslationRun


@dataclass(frozen=True)
class Plan:
    """What is known, and checked, before Spark starts."""

    config: TranslationRun
    engine: EngineDirectory
    back: EngineDirectory | None  # that of the round trip
    lid_model: Path

    @property
    def signature(self) -> str:
        """The engine as rows name it."""
        return _signature(self.engine)

    def made_by(self) -> dict[str, Any]:
        """What the manifest tells of the engine."""
        told = {"family", "model", "revision", "license", "quantization"}
        made = self.engine.manifest
        names = {"identity": made.identity(), "signature": self.signature}
        if self.back is not None:
            names["round_trip"] = _signature(self.back)
        return names | made.model_dump(mode="json", include=told)

    def fingerprint(self) -> str:
        """Of everything the output depends on; files by size and time of change, for reading them takes long."""
        stats = [
            (str(path.absolute()), path.stat().st_size, path.stat().st_mtime_ns) for path in self.config.input
        ]
        parts = [
            code_sha256(),
            self.config.sha256(),
            self.engine.manifest.identity(),
            self.signature,
            self.back and self.back.manifest.identity(),
            sha256_of(self.lid_model),
            stats,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def plan(config: TranslationRun) -> Plan:
    """Checks everything that can be checked without reading the records. Raises `UserError` with all problems."""
    problems = [problem for path in config.input if (problem := _unreadable(path))]
    engine = back = None
    try:
        engine = open_directory(config.engine.path)
        engine.require((ENGLISH, code) for code in config.languages)
        if config.round_trip is not None:
            back = open_directory(config.back.path)
            back.require((code, ENGLISH) for code in config.languages)
    except UserError as error:
        problems += error.problems
    if config.round_trip is not None and importlib.util.find_spec("sacrebleu") is None:
        problems.append("round_trip: needs sacrebleu: pip install 'polyinstruct[eval]'")
    model = config.lid.model or lid.default_model()
    try:
        lid.load_model(str(model))
    except UserError as error:
        problems += error.problems
    if problems or engine is None:
        raise UserError(*problems)
    return Plan(config, engine, back, model)


def _signature(engine: EngineDirectory) -> str:
    made = engine.manifest
    return f"{made.model}@{made.revision[:12]} {made.quantization} {made.identity()[:16]}"


def _unreadable(path: Path) -> str | None:
    if not path.is_file():
        return f"input: {path}: no such file"
    try:
        path.open("rb").close()
    except OSError as error:
        return f"input: {path}: cannot be read ({error.strerror})"
    return None


def estimate(make_session: Callable[[], SparkSession], plan: Plan, folder: Path) -> cost.Estimate:
    """What the run would cost: nothing is translated but, where the speed is not known, a few segments.

    `folder` holds the records meanwhile, where Spark's workers can read them; the output and unfinished work are left
    alone. Raises `UserError`.
    """
    config, stages = plan.config, Stages()
    with open_memory(config.memory_folder, plan.engine.manifest, config.decoding) as memory:
        spark, read = _start(make_session, plan, folder, stages)
        attempt = _attempt(plan, folder, FIRST, Retry())
        ask(spark, attempt, _chunks(read), 1, stages)
        segments = asked_in(spark, attempt, 1)
        with stages.stage("plan"):
            pairs = cost.plan(spark, memory, segments, plan.engine)
            speed = cost.measured_speed(spark, memory, segments, config.engine, config.decoding)
    return cost.Estimate(tuple(pairs), speed, config.engine.workers, plan.back is not None)


def translate(
    make_session: Callable[[], SparkSession], plan: Plan, overwrite: bool, finish: Finish
) -> dict[str, Any]:
    """Translates and publishes the records; returns the run's manifest.

    The steps of `finish`, called with the session, the folder of the staged result and the run's manifest, complete it
    before it is published (audit, report, card); what one raises publishes nothing. Raises `UserError` (bad input) and
    `InvariantError` (a rule of the data was broken).
    """
    config, stages, work = plan.config, Stages(), Work()
    with open_workspace(config.output, plan.fingerprint(), overwrite) as workspace:
        spark, read = _start(make_session, plan, workspace.folder, stages)
        chunks = _chunks(read)
        first = _attempt(plan, workspace.folder, FIRST, Retry())
        work += _make(spark, plan, first, chunks, stages)
        retries = []
        for name, failed in _failed(first, chunks).items() if config.retry else ():
            retries.append(_attempt(plan, workspace.folder, name, RETRIES[name], first.rows))
            work += _make(spark, plan, retries[-1], failed, stages)
        with stages.stage("write"):
            shutil.rmtree(workspace.result, ignore_errors=True)
            written = write_languages(
                spark,
                [ENGLISH, *config.languages],
                chunks,
                first.rows,
                [retry.rows for retry in retries],
                config.shards.target_mb << 20,
                workspace.result,
            )
        run = run_manifest(config, plan.made_by(), plan.lid_model, read, written, java_version(spark))
        run["work"] = {"segments": work.segments, "target_tokens": work.target_tokens}
        return finish_and_publish(spark, workspace, run, stages, finish)


def _start(
    make_session: Callable[[], SparkSession], plan: Plan, folder: Path, stages: Stages
) -> tuple[SparkSession, list[ReadFile]]:
    config = plan.config
    with stages.stage("read"):
        keep_broken = config.on_truncated == "keep"
        read = read_files(config.input, folder / "records", config.limit, config.max_chars, keep_broken)
    if not any(file.records for file in read):
        raise UserError(f"input: {', '.join(map(str, config.input))}: no records")
    with stages.stage("start"):
        spark = make_session()
    tune_for(spark, sum(file.records for file in read) * len(config.languages), config.spark)
    return spark, read


def _chunks(read: Sequence[ReadFile]) -> list[str]:
    return [chunk for file in read for chunk in file.chunks]


def _attempt(plan: Plan, folder: Path, name: str, retry: Retry, first: Path | None = None) -> Attempt:
    return Attempt(
        name=name,
        folder=folder / name,
        records=folder / "records",
        first=first,
        config=plan.config,
        decoding=Decoding.model_validate(plan.config.decoding.model_dump() | retry.decoding),
        limit=retry.limit,
        engine=plan.signature,
        engine_identity=plan.engine.manifest.identity(),
        lid_model=str(plan.lid_model),
    )


def _make(spark: SparkSession, plan: Plan, attempt: Attempt, chunks: Sequence[str], stages: Stages) -> Work:
    """Makes the rows of an attempt; returns what the engine had to do for it."""
    config, work, held = plan.config, Work(), "" if attempt.name == FIRST else f" {attempt.name}"
    todo = [chunk for chunk in chunks if not chunk_path(attempt.rows, chunk).exists()]
    if not todo:
        return work
    with open_memory(config.memory_folder, plan.engine.manifest, attempt.decoding) as memory:
        for round, name in zip(ROUNDS, ("translate", "translate around"), strict=True):
            source = Source(memory, config.engine, attempt.decoding)
            work += answer(spark, source, attempt, round, todo, f"{name}{held}", stages)
    if plan.back is not None and config.round_trip is not None:
        decoding = config.round_trip.decoding
        with open_memory(config.memory_folder, plan.back.manifest, decoding) as memory:
            source = Source(memory, config.back, decoding)
            work += answer(spark, source, attempt, BACK, todo, f"translate back{held}", stages)
    with stages.stage(f"assemble{held}"):
        in_tasks(spark, todo, attempt.assemble)
    return work


def _failed(first: Attempt, chunks: Sequence[str]) -> dict[str, list[str]]:
    """For each retry that is worth trying, in the order of `RETRIES`, the chunks with rows that it may mend."""
    found: dict[str, list[str]] = {name: [] for name in RETRIES}
    for chunk in chunks:
        reasons = pq.read_table(chunk_path(first.rows, chunk), columns=["reason"]).column("reason").unique()
        others = [retry_for(reason) for reason in reasons.to_pylist() if reason]
        for name in {other[0] for other in others if other is not None}:
            found[name].append(chunk)
    return {name: chunks for name, chunks in found.items() if chunks}
