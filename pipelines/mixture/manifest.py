"""The manifests of mixtures: what a run read, kept and mixed, and what travels with the published folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines import __version__
from pipelines.errors import InvariantError
from pipelines.mixture.sample import Take
from pipelines.shards.manifest import environment
from pipelines.shards.write import Written, as_json
from schemas.datasets import MIXTURE
from schemas.mixture import SCHEMA_VERSION
from schemas.mixture_run import MixtureRun


def complete_counts(
    found: Sequence[Sequence[Any]], read: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """What became of each source's rows, by (source, language, direction), from rows by reason.

    `found` are (source, lang, direction, reason or None, rows of the source, examples); `read` the rows that each
    source has of a language. Raises `InvariantError` unless read = kept + rejected.
    """
    counts: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for source, lang, direction, reason, rows, examples in found:
        count = counts.setdefault(
            (source, lang, direction),
            {
                "source": source,
                "lang": lang,
                "direction": direction,
                "read": 0,
                "kept": 0,
                "examples": 0,
                "rejected": {},
            },
        )
        if reason is None:
            count["kept"] += rows
            count["examples"] += examples
        else:
            count["rejected"][reason] = rows
    for (source, lang, direction), count in counts.items():
        count["read"] = read[source, lang]
        count["rejected"] = dict(sorted(count["rejected"].items()))
        if count["read"] != count["kept"] + sum(count["rejected"].values()):
            raise InvariantError(
                f"{source} {direction or lang}: {count['read']:,} rows read, but {count} decided on"
            )
    return [counts[key] for key in sorted(counts, key=lambda key: tuple(map(str, key)))]


def run_manifest(
    config: MixtureRun,
    inputs: Sequence[Mapping[str, Any]],
    resources: Mapping[str, Any],
    counts: Sequence[Mapping[str, Any]],
    takes: Mapping[str, Sequence[Take]],
    outputs: Sequence[Written],
    content_sha256: str,
    java: str,
) -> dict[str, Any]:
    """`<output>/manifest.json`, but for what the audit found and how long the stages took."""
    return {
        "version": SCHEMA_VERSION,
        "dataset": MIXTURE.name,
        "polyinstruct": __version__,
        "config": config.identity(),
        "config_sha256": config.sha256(),
        "inputs": list(inputs),
        **resources,
        "counts": list(counts),
        "mixtures": {
            name: [
                {"part": take.part, "split": take.split, "units": take.units, "available": take.available}
                for take in of
            ]
            for name, of in takes.items()
        },
        "outputs": as_json(outputs),
        "content_sha256": content_sha256,
        "environment": environment(java),
    }


def published_manifest(run: Mapping[str, Any]) -> dict[str, Any]:
    """`<output>/instructions/manifest.json`, from the run's: its files alone, and neither times nor places."""
    outputs = [
        {**file, "path": file["path"].removeprefix("instructions/")}
        for file in run["outputs"]
        if file["path"].startswith("instructions/")
    ]
    left_out = ("environment", "outputs", "audit", "seconds")
    return {key: value for key, value in run.items() if key not in left_out} | {"outputs": outputs}
