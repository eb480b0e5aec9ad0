"""Building the parallel dataset: raw corpora in, clean, deduplicated, split Parquet shards out.

read ─► score ─► decide ─► write ─► publish. Each stage leaves its work in the workspace, and finds there what an
earlier run of the same fingerprint left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines import lid
from pipelines.dedup import contamination, texts
from pipelines.dedup.minhash import Bander
from pipelines.errors import UserError
from pipelines.finish import Finish
from pipelines.parallel_manifest import describe_inputs, describe_resources
from pipelines.progress import Stages
from pipelines.release import MadeFrom, decide_and_publish
from pipelines.scoring import Scorer, score
from pipelines.session import tune_for
from pipelines.shards.workspace import Workspace, code_sha256, open_workspace
from pipelines.sources.discover import discover
from pipelines.sources.inputs import Input
from pipelines.sources.read import ReadInput, read_inputs
from schemas.config import RunConfig


@dataclass(frozen=True)
class Plan:
    """What is known, and checked, before Spark starts."""

    config: RunConfig
    inputs: tuple[Input, ...]
    notices: tuple[str, ...]
    profanity: dict[str, list[str]]
    lid_model: Path
    eval_files: tuple[Path, ...]

    def fingerprint(self) -> str:
        """Of everything the output depends on; files by size and time of change, for reading them takes long."""
        files = [Path(part) for source in self.inputs for part in source.files]
        stats = [
            (str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in (*files, *self.eval_files)
        ]
        parts = [
            self.config.model_dump_json(exclude={"output", "spark", "fetch", "audit", "report"}),
            code_sha256(),
            [asdict(source) for source in self.inputs],
            stats,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def plan(config: RunConfig) -> Plan:
    """Finds the inputs and checks everything that can be checked without reading the corpora.

    Raises `UserError` with all problems at once.
    """
    problems: list[str] = []
    inputs: list[Input] = []
    notices: list[str] = []
    try:
        inputs, notices = discover(config)
    except UserError as error:
        problems += error.problems
    model = config.lid.model or lid.default_model()
    try:
        lid.load_model(str(model))
    except UserError as error:
        problems += error.problems
    profanity = {}
    for language, path in config.flags.profanity.items():
        try:
            profanity[language] = [
                word for word in path.read_text(encoding="utf-8").split("\n") if word.strip()
            ]
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"flags.profanity.{language}: {path} cannot be read ({error})")
    eval_files: list[Path] = []
    if config.eval.path is not None:
        if not config.eval.path.is_dir():
            problems.append(f"eval.path: {config.eval.path} is no folder")
        else:
            eval_files = texts.eval_files(config.eval.path)
    if problems:
        raise UserError(*problems)
    return Plan(config, tuple(inputs), tuple(notices), profanity, model, tuple(eval_files))


def build(
    make_session: Callable[[], SparkSession], plan: Plan, overwrite: bool, finish: Finish
) -> dict[str, Any]:
    """Builds and publishes the dataset; returns the run's manifest.

    `make_session` is called once the output is locked. The steps of `finish`, called with the session, the folder of
    the staged result and the run's manifest, complete it before it is published (audit, report, card); what one raises
    publishes nothing. Raises `UserError` (bad input) and `InvariantError` (a rule of the data was broken).
    """
    stages = Stages()
    with open_workspace(plan.config.output, plan.fingerprint(), overwrite) as workspace:
        with stages.stage("start"):
            index = _eval_index(plan, workspace)
            spark = make_session()
        read = _read(spark, plan, workspace, stages)
        rows = sum(found.rows for found in read)
        tune_for(spark, rows, plan.config.spark)
        scorer = _scorer(plan, index, workspace)
        _score(spark, plan, scorer, read, rows, stages)
        made_from = MadeFrom(
            inputs=describe_inputs(plan.inputs, read),
            resources=describe_resources(plan.lid_model, plan.config.eval.path, plan.eval_files),
        )
        return decide_and_publish(spark, plan.config, made_from, scorer.scored, workspace, stages, finish)


def _eval_index(plan: Plan, workspace: Workspace) -> str | None:
    if plan.config.eval.path is None:
        return None
    settings = plan.config.eval
    folder = workspace.folder / "eval"
    if not (folder / "index.json").exists():
        contamination.build_index(plan.config.eval.path, settings.words, settings.chars).save(folder)
    return str(folder)


def _read(spark: SparkSession, plan: Plan, workspace: Workspace, stages: Stages) -> list[ReadInput]:
    with stages.stage("read"):
        read = read_inputs(spark, plan.inputs, workspace.folder / "raw", plan.config.sources.limit)
    broken = [(source, found) for source, found in zip(plan.inputs, read, strict=True) if found.broken]
    if broken and plan.config.sources.on_truncated == "fail":
        raise UserError(
            *(
                f"{source.path}: {found.broken}, after {found.rows:,} readable rows; fetch it again, "
                "or use what is readable with --set sources.on_truncated=keep"
                for source, found in broken
            )
        )
    return read


def _scorer(plan: Plan, index: str | None, workspace: Workspace) -> Scorer:
    codes = sorted({code for pair in plan.config.pairs for code in pair.split("-")})
    return Scorer(
        inputs=plan.inputs,
        languages={code: plan.config.language(code) for code in codes},
        lid_model=str(plan.lid_model),
        eval_index=index,
        bander=Bander.make(plan.config.dedup.near.bands, plan.config.dedup.near.rows),
        raw=workspace.folder / "raw",
        scored=workspace.folder / "scored",
    )


def _score(
    spark: SparkSession, plan: Plan, scorer: Scorer, read: Sequence[ReadInput], rows: int, stages: Stages
) -> None:
    chunks = [
        (scorer.scored_path(found.index, n), size) for found in read for n, size in enumerate(found.chunks)
    ]
    with stages.stage("score", rows, lambda: sum(size for path, size in chunks if path.exists())):
        score(spark, scorer, read, plan.profanity)
