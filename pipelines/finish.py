"""The end of every job that makes a dataset: the staged result is completed, described and published, in this order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.atomic import write_json
from pipelines.progress import Stages
from pipelines.shards.manifest import published_manifest
from pipelines.shards.workspace import Workspace
from schemas.datasets import KINDS

# steps by name, which complete the staged result: what each returns is added to the run's manifest
Finish = Mapping[str, Callable[[SparkSession, Path, dict[str, Any]], dict[str, Any]]]


def finish_and_publish(
    spark: SparkSession, workspace: Workspace, run: dict[str, Any], stages: Stages, finish: Finish
) -> dict[str, Any]:
    """Writes the manifests of the staged result, takes the steps of `finish` and publishes; returns the run's manifest.

    A step is called with the session, the folder of the staged result and the manifest so far. What one raises
    publishes nothing.
    """
    published = workspace.result / KINDS[run["dataset"]].published
    write_json(published / "manifest.json", published_manifest(run))
    for name, step in finish.items():
        with stages.stage(name):
            run |= step(spark, workspace.result, run)
    run["seconds"] = {stage: round(seconds, 1) for stage, seconds in stages.seconds.items()}
    write_json(workspace.result / "manifest.json", run)
    workspace.publish()
    return run
