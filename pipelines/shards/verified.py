"""A published folder of shards: where it may come from, and what is checked before anything is read from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from pipelines.errors import UserError
from pipelines.shards.write import sha256_of
from schemas.manifest import File


class _Published(BaseModel):
    """What every published manifest has."""

    content_sha256: str
    outputs: list[File]


def fetched(name: str) -> Path:
    """The folder into which a dataset of the Hub, `OWNER/NAME[@REVISION]`, was downloaded. Raises `UserError`."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, repo_type="dataset", revision=revision or None))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{name}: cannot be fetched from the Hub ({reason})") from None


def verified(folder: Path, columns: Sequence[str], checksums: bool = True) -> dict[str, Any]:
    """The manifest of a folder whose files are there and unaltered, and hold at least `columns`.

    `checksums=False` looks at sizes and rows only. Raises `UserError` with all problems.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise UserError(f"{folder}: holds no manifest.json; expected a published folder of shards")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _Published.model_validate(manifest)
    except ValidationError as error:
        faults = (
            f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise UserError(*faults) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    problems = [
        problem for file in manifest["outputs"] if (problem := _fault(folder, file, columns, checksums))
    ]
    if problems:
        raise UserError(*problems)
    return manifest


def _fault(folder: Path, file: dict[str, Any], columns: Sequence[str], checksums: bool) -> str | None:
    path = folder / file["path"]
    if not path.is_file():
        return f"{path}: is missing; fetch the dataset again, or build it again"
    if path.stat().st_size != file["bytes"] or (checksums and sha256_of(path) != file["sha256"]):
        return f"{path}: was altered (it is not what the manifest says); fetch it again, or build it again"
    try:
        found = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        return f"{path}: is no Parquet file ({error})"
    lacking = [name for name in columns if name not in found.schema.to_arrow_schema().names]
    if lacking:
        return f"{path}: has no column {', '.join(lacking)}"
    if found.num_rows != file["rows"]:
        return f"{path}: holds {found.num_rows:,} rows, and the manifest says {file['rows']:,}"
    return None
