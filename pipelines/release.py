"""From scored rows to a published dataset: decide, write, complete, publish. Building and deciding again share it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.atomic import write_json
from pipelines.deciding import decide, summarise
from pipelines.finish import Finish, finish_and_publish
from pipelines.parallel_manifest import check_outputs, complete_counts
from pipelines.progress import Stages
from pipelines.session import java_version
from pipelines.shards.manifest import environment, run_manifest
from pipelines.shards.workspace import Workspace
from pipelines.shards.write import Written, describe, plan_runs, write_shards
from schemas.config import RunConfig
from schemas.datasets import PARALLEL


@dataclass(frozen=True)
class MadeFrom:
    """What a dataset was made from, as its manifest has it: `inputs[]`, and the LID model and evaluation sets."""

    inputs: Sequence[Mapping[str, Any]]
    resources: Mapping[str, Any]


def decide_and_publish(
    spark: SparkSession,
    config: RunConfig,
    made_from: MadeFrom,
    scored: Path,
    workspace: Workspace,
    stages: Stages,
    finish: Finish,
) -> dict[str, Any]:
    """Decides on the chunks in `scored`, writes and completes the result, and publishes it; returns the run's manifest.

    The steps of `finish` (audit, report, card) complete it before it is published (`finish_and_publish`).
    """
    inputs = made_from.inputs
    rows = sum(source["rows"] for source in inputs)
    decisions = workspace.folder / "decisions"
    record = decisions / "counts.json"
    if not record.exists():
        combinations = sorted({(source["corpus"], source["pair"]) for source in inputs})
        with stages.stage("decide", rows):
            decided = decide(spark, config, scored, decisions, combinations, rows)
        write_json(record, decided)
    counts = complete_counts(summarise(json.loads(record.read_text(encoding="utf-8"))), inputs)
    with stages.stage("write", rows):
        files, content = _write(spark, config, scored, decisions, workspace)
    check_outputs(counts, files)
    described = {
        "report": config.report.model_dump(mode="json"),
        "inputs": list(inputs),
        **made_from.resources,
    }
    versions = environment(java_version(spark))
    run = run_manifest(PARALLEL, config, described, counts, files, content, versions)
    return finish_and_publish(spark, workspace, run, stages, finish)


def _write(
    spark: SparkSession, config: RunConfig, scored: Path, decisions: Path, workspace: Workspace
) -> tuple[list[Written], str]:
    pieces = workspace.folder / "pieces"
    for folder in (pieces, workspace.result):
        shutil.rmtree(folder, ignore_errors=True)
    (workspace.result / "parallel").mkdir(parents=True)
    chunks = sorted((path.parent.name, path) for path in scored.rglob("*.parquet") if path.name[0] != ".")
    runs = plan_runs(chunks, config.shards.target_mb << 20)
    files, content = write_shards(spark, runs, scored, decisions, pieces, workspace.result)
    copied = workspace.result / "scored"
    shutil.copytree(scored, copied, copy_function=_link, ignore=shutil.ignore_patterns(".*"))
    files += [describe(path, workspace.result) for path in sorted(copied.rglob("*.parquet"))]
    return files, content


def _link(source: str, target: str) -> None:
    """Scored chunks stay where they are until the output is published; a link, where there are links, costs no copy."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
