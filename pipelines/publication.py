"""What may be published: the published folder of a dataset that is whole, unaltered, and passed its audit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from pipelines.shards.write import sha256_of

_FOLDERS = ("parallel", "instructions")


@dataclass(frozen=True)
class Publication:
    """A folder that may be published, and the hash of its content."""

    folder: Path
    content_sha256: str


def open_publication(output: Path) -> Publication:
    """Opens the output of a run for publication.

    Raises `UserError` if it is no output of ours, was not audited or failed, or a file is missing, altered or extra.
    """
    run = _read(
        output / "manifest.json", f"{output}: holds no manifest.json; expected the output of a job of ours"
    )
    folder = next((output / name for name in _FOLDERS if (output / name / "manifest.json").is_file()), None)
    if folder is None:
        raise UserError(
            f"{output}: expected the whole output of a run, with its published folder, audit and manifest"
        )
    results = _read(
        output / "audit" / "results.json",
        f"{output}: was not audited; run jobs/audit.py, or make it again with its audit",
    )
    if "audit" not in run or results.get("passed") is not True:
        raise UserError(f"{output}: did not pass its audit (audit/results.json says what failed)")
    manifest = _read(folder / "manifest.json", f"{folder}: holds no manifest.json")
    try:
        files = {str(file["path"]): str(file["sha256"]) for file in manifest["outputs"]}
        content = str(manifest["content_sha256"])
    except (KeyError, TypeError):
        raise UserError(f"{folder / 'manifest.json'}: names no outputs; make the dataset again") from None
    problems = []
    if content != run.get("content_sha256"):
        problems.append(f"{folder / 'manifest.json'}: is not of the same run as {output / 'manifest.json'}")
    for name, sha256 in files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{path}: is missing; make the dataset again")
        elif sha256_of(path) != sha256:
            problems.append(
                f"{path}: was altered (its checksum is not the manifest's); make the dataset again"
            )
    problems += [
        f"{path}: is not named in the manifest; was it added afterwards?"
        for path in sorted(folder.rglob("*.parquet"))
        if path.relative_to(folder).as_posix() not in files
    ]
    if problems:
        raise UserError(*problems)
    return Publication(folder, content)


def _read(path: Path, otherwise: str) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(otherwise)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected an object")
    return found
