"""What may be published: the published folder of a dataset that is whole, unaltered, and passed its audit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UserError
from pipelines.shards.published import open_dataset


@dataclass(frozen=True)
class Publication:
    """A folder that may be published, and the hash of its content."""

    folder: Path
    content_sha256: str


def open_publication(output: Path) -> Publication:
    """Opens the output of a run for publication.

    Raises `UserError` if it is no output of ours, was not audited or failed, or a file is missing, altered or extra.
    """
    dataset = open_dataset(output)
    if not dataset.whole:
        raise UserError(
            f"{output}: expected the whole output of a run, with its published folder and its audit"
        )
    results = output / "audit" / "results.json"
    if "audit" not in dataset.manifest or not results.is_file():
        raise UserError(f"{output}: was not audited; make it again with its audit")
    try:
        passed = json.loads(results.read_text(encoding="utf-8"))["passed"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{results}: cannot be read; make the dataset again with its audit") from None
    if passed is not True:
        raise UserError(f"{output}: did not pass its audit ({results} says what failed)")
    published = open_dataset(dataset.kept)
    content = str(published.manifest["content_sha256"])
    if content != dataset.manifest["content_sha256"]:
        raise UserError(
            f"{dataset.kept / 'manifest.json'}: is not of the same run as {output / 'manifest.json'}"
        )
    return Publication(dataset.kept, content)
