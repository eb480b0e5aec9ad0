"""Whether a file that came is whole, and the record of what came: `checksums.json` in the download folder."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zipfile
import zlib
from pathlib import Path

from pipelines.errors import UserError

CHECKSUMS = "checksums.json"
"""File name relative to the folder -> `bytes`, `sha256` and `url`."""


class UnsoundError(Exception):
    """A file's content is not what it must be."""


def verify(path: Path, name: str, expected: str | None) -> str:
    """The sha256 of a file, in hexadecimal.

    Raises `UnsoundError` if it is not the `expected` one. Where none is expected, the format (which `name`
    tells) must vouch for the file: a gzip stream must end as it should, a zip archive have its directory, any
    file have a byte.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if expected is not None:
        if sha256 != expected.lower():
            raise UnsoundError(f"its sha256 is {sha256}, expected {expected.lower()}")
    elif path.stat().st_size == 0:
        raise UnsoundError("it is empty")
    elif name.endswith(".zip") and not zipfile.is_zipfile(path):
        raise UnsoundError("it is no whole zip archive")
    elif name.endswith(".gz"):
        try:
            with gzip.open(path) as stream:
                while stream.read(1 << 20):
                    pass
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UnsoundError(f"it is no whole gzip file ({error})") from None
    return sha256


def recorded_sha256(directory: Path, filename: str) -> str | None:
    """The checksum that a file had when it came; None if it is not on record."""
    sha256 = _read(directory).get(filename, {}).get("sha256")
    return sha256 if isinstance(sha256, str) else None


def record(directory: Path, filename: str, *, size: int, sha256: str, url: str) -> None:
    """Notes what came, in one atomic step."""
    files = _read(directory) | {filename: {"bytes": size, "sha256": sha256, "url": url}}
    draft = directory / (CHECKSUMS + ".part")
    draft.write_text(json.dumps(files, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(draft, directory / CHECKSUMS)


def _read(directory: Path) -> dict[str, dict[str, str | int]]:
    path = directory / CHECKSUMS
    if not path.exists():
        return {}
    try:
        files: dict[str, dict[str, str | int]] = json.loads(path.read_text(encoding="utf-8"))
        return {name: dict(entry) for name, entry in files.items()}
    except (ValueError, TypeError, AttributeError):
        raise UserError(f"{path}: is damaged; delete it, and the files are checked anew.") from None
