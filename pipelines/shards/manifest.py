"""The manifests: what a run read, decided and wrote, and what travels with the published folder.

`<output>/manifest.json` describes the run; `<output>/parallel/manifest.json` describes the published dataset alone,
with paths relative to itself and no times.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyspark

from pipelines import __version__
from pipelines.errors import InvariantError
from pipelines.shards.write import Written, as_json, sha256_of
from pipelines.sources.inputs import Input
from pipelines.sources.read import ReadInput
from schemas.config import RunConfig
from schemas.datasets import PARALLEL


def describe_inputs(inputs: Sequence[Input], read: Sequence[ReadInput]) -> list[dict[str, Any]]:
    """The manifest's `inputs[]`."""
    return [
        {
            "corpus": source.corpus,
            "pair": source.pair,
            "path": source.file,
            "license": source.license,
            "bytes": found.bytes,
            "sha256": found.sha256,
            "rows": found.rows,
            "separators": found.separators,
            **({"broken": found.broken} if found.broken else {}),
        }
        for source, found in zip(inputs, read, strict=True)
    ]


def describe_resources(
    lid_model: Path, eval_folder: Path | None, eval_files: Sequence[Path]
) -> dict[str, Any]:
    """The other files that the decisions depend on: the LID model, and the evaluation sets."""
    return {
        "lid_model": {"name": lid_model.name, "sha256": sha256_of(lid_model)},
        "eval": [
            {"path": path.relative_to(eval_folder).as_posix(), "sha256": sha256_of(path)}
            for path in eval_files
            if eval_folder is not None
        ],
    }


def complete_counts(
    counts: Sequence[dict[str, Any]], inputs: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Adds `read` to each count, from the inputs, and checks that nothing got lost.

    Raises `InvariantError` unless read = kept + the sum of rejected, for every corpus and pair.
    """
    read: dict[tuple[str, str], int] = {}
    for source in inputs:
        key = (source["corpus"], source["pair"])
        read[key] = read.get(key, 0) + source["rows"]
    found = {(count["corpus"], count["pair"]): count for count in counts}
    complete = []
    for (corpus, pair), rows in sorted(read.items()):
        count = found.get((corpus, pair), {"kept": 0, "rejected": {}})
        if rows != count["kept"] + sum(count["rejected"].values()):
            raise InvariantError(f"{corpus} {pair}: {rows} rows read, but {count} decided on")
        complete.append(
            {"corpus": corpus, "pair": pair, "read": rows, **{k: count[k] for k in ("kept", "rejected")}}
        )
    return complete


def check_outputs(counts: Sequence[Mapping[str, Any]], outputs: Sequence[Written]) -> None:
    """Raises `InvariantError` unless the files hold as many rows as were kept and rejected."""
    for kind, decided in (
        ("parallel", sum(count["kept"] for count in counts)),
        ("rejected", sum(sum(count["rejected"].values()) for count in counts)),
    ):
        written = sum(file.rows for file in outputs if file.path.startswith(f"{kind}/"))
        if written != decided:
            raise InvariantError(
                f"{decided} rows were to be written to {kind}/, but its files hold {written}"
            )


def run_manifest(
    config: RunConfig,
    inputs: Sequence[Mapping[str, Any]],
    resources: Mapping[str, Any],
    counts: Sequence[Mapping[str, Any]],
    outputs: Sequence[Written],
    content_sha256: str,
    java: str,
) -> dict[str, Any]:
    """`<output>/manifest.json`, but for what the audit found and how long the stages took."""
    return {
        "dataset": PARALLEL.name,
        "version": PARALLEL.version,
        "polyinstruct": __version__,
        "config": config.identity(),
        "config_sha256": config.sha256(),
        "report": config.report.model_dump(mode="json"),
        "inputs": list(inputs),
        **resources,
        "counts": list(counts),
        "outputs": as_json(outputs),
        "content_sha256": content_sha256,
        "environment": environment(java),
    }


def environment(java: str) -> dict[str, str]:
    """The versions that every run has."""
    return {
        "python": platform.python_version(),
        "pyspark": pyspark.__version__,
        "pyarrow": pa.__version__,
        "java": java,
    }


def published_manifest(run: Mapping[str, Any]) -> dict[str, Any]:
    """`<output>/parallel/manifest.json`, from the run's: its files alone, and neither times nor places."""
    outputs = [
        {**file, "path": file["path"].removeprefix("parallel/")}
        for file in run["outputs"]
        if file["path"].startswith("parallel/")
    ]
    kept = (
        "dataset",
        "version",
        "polyinstruct",
        "config",
        "config_sha256",
        "inputs",
        "lid_model",
        "eval",
        "counts",
    )
    return {**{key: run[key] for key in kept}, "outputs": outputs, "content_sha256": run["content_sha256"]}


def splits_of(outputs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, int]]]:
    """pair -> split -> rows and bytes, of the published files (paths relative to the published folder)."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for file in outputs:
        pair, name = Path(file["path"]).parts[:2]
        entry = found.setdefault(pair, {}).setdefault(name.split("-")[0], {"rows": 0, "bytes": 0})
        entry["rows"] += file["rows"]
        entry["bytes"] += file["bytes"]
    return found
