"""What the manifest of parallel data says of its inputs and counts, and the checks that nothing got lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import InvariantError
from pipelines.shards.manifest import eval_entries, named
from pipelines.shards.write import Written
from pipelines.sources.inputs import Input
from pipelines.sources.read import ReadInput


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
    return {"lid_model": named(lid_model), "eval": eval_entries(eval_folder, eval_files)}


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
