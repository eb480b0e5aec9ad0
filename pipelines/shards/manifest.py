"""The manifests: what a run read, decided and wrote, and what travels with the published folder.

`<output>/manifest.json` describes the run; the one in the published folder describes that dataset alone, with paths
relative to itself and no times.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyspark

from pipelines import __version__
from pipelines.shards.write import Written, as_json, sha256_of
from schemas.datasets import KINDS, Kind
from schemas.section import Identified

# what a run's manifest says of the run, and not of the dataset
_OF_THE_RUN = ("report", "environment", "work", "audit", "seconds")


def run_manifest(
    kind: Kind,
    config: Identified,
    made_from: Mapping[str, Any],
    counts: Sequence[Mapping[str, Any]],
    outputs: Sequence[Written],
    content_sha256: str,
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """`<output>/manifest.json`, but for what the audit found and how long the stages took.

    `made_from` is what this kind of dataset has to say of its inputs, and of all else that it depends on.
    """
    return {
        "dataset": kind.name,
        "version": kind.version,
        "polyinstruct": __version__,
        "config": config.recorded(),
        "config_sha256": config.sha256(),
        **made_from,
        "counts": list(counts),
        "outputs": as_json(outputs),
        "content_sha256": content_sha256,
        "environment": dict(environment),
    }


def published_manifest(run: Mapping[str, Any]) -> dict[str, Any]:
    """The published folder's `manifest.json`, from the run's: its files alone, and neither times nor places."""
    files = {"outputs": published_files(run)}
    return {key: value for key, value in (dict(run) | files).items() if key not in _OF_THE_RUN}


def published_files(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files in the published folder, of a run's manifest; paths are relative to that folder."""
    folder = f"{KINDS[run['dataset']].published}/"
    return [
        {**file, "path": file["path"].removeprefix(folder)}
        for file in run["outputs"]
        if file["path"].startswith(folder)
    ]


def splits_of(run: Mapping[str, Any]) -> dict[str, dict[str, dict[str, int]]]:
    """Folder of shards (a pair, language or mixture) -> split -> rows and bytes, of the published files of a run."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for file in published_files(run):
        name, shard = Path(file["path"]).parts[:2]
        entry = found.setdefault(name, {}).setdefault(shard.split("-")[0], {"rows": 0, "bytes": 0})
        entry["rows"] += file["rows"]
        entry["bytes"] += file["bytes"]
    return found


def named(path: Path) -> dict[str, str]:
    """A file that the outcome depends on, by its name."""
    return {"name": path.name, "sha256": sha256_of(path)}


def eval_entries(folder: Path | None, files: Sequence[Path]) -> list[dict[str, str]]:
    """The manifest's `eval[]`: the files of the evaluation sets in `folder`."""
    return [
        {"path": path.relative_to(folder).as_posix(), "sha256": sha256_of(path)}
        for path in files
        if folder is not None
    ]


def environment(java: str) -> dict[str, str]:
    """The versions that every run has."""
    return {
        "python": platform.python_version(),
        "pyspark": pyspark.__version__,
        "pyarrow": pa.__version__,
        "java": java,
    }
