"""Instruction files cut into chunks on disk: what the stages of a translation work on.

A chunk holds the records of one file in their order, usable or not, so that whatever a task does it can do chunk by
chunk, and find again after it was killed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.atomic import replacing, write_json
from pipelines.errors import UserError
from pipelines.streams import BrokenFile
from pipelines.translation.records import Record, Reject, read_records

CHUNK_RECORDS = 2_048

RECORDS = pa.schema(
    [
        pa.field("source_id", pa.string(), False),
        pa.field("file", pa.string(), False),
        pa.field("index", pa.int64(), False),
        pa.field("instruction", pa.string(), False),
        pa.field("input", pa.string(), False),
        pa.field("output", pa.string(), False),
        pa.field("flags", pa.list_(pa.string())),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("raw", pa.string()),
    ]
)


@dataclass(frozen=True)
class ReadFile:
    """A file that was cut into chunks: how many records it holds, and where it broke off."""

    path: str
    records: int
    bytes: int
    sha256: str
    chunks: tuple[str, ...]
    broken: str | None


def read_files(
    paths: Sequence[Path], folder: Path, limit: int | None, max_chars: int, keep_broken: bool
) -> list[ReadFile]:
    """Cuts the files into chunks (schema `RECORDS`) in `folder`; what was cut before is not read again.

    Raises `UserError` for files that cannot be read, and for one that breaks off unless `keep_broken`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    found = []
    for number, path in enumerate(paths):
        done = folder / f"{number:05d}.json"
        if not done.exists():
            try:
                write_json(done, asdict(_read_file(number, path, folder, limit, max_chars)))
            except UserError as error:
                problems += error.problems
                continue
        record = json.loads(done.read_text(encoding="utf-8"))
        found.append(ReadFile(**{**record, "chunks": tuple(record["chunks"])}))
        if found[-1].broken and not keep_broken:
            problems.append(
                f"{path}: {found[-1].broken}, after {found[-1].records:,} readable records; fetch it again, or use "
                "what is readable with --set on_truncated=keep"
            )
    if problems:
        raise UserError(*problems)
    return found


def chunk_path(folder: Path, chunk: str) -> Path:
    return folder / f"{chunk}.parquet"


def _read_file(number: int, path: Path, folder: Path, limit: int | None, max_chars: int) -> ReadFile:
    records = itertools.islice(read_records(path, max_chars), limit)
    chunks: list[str] = []
    total, broken = 0, None
    while broken is None:
        rows: list[dict[str, object]] = []
        try:
            for record in itertools.islice(records, CHUNK_RECORDS):
                rows.append(_row(record))
        except BrokenFile as error:
            broken = str(error)
        if not rows:
            break
        chunks.append(f"{number:05d}-{len(chunks):05d}")
        with replacing(chunk_path(folder, chunks[-1])) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=RECORDS), temporary, compression="lz4")
        total += len(rows)
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return ReadFile(path.name, total, path.stat().st_size, digest, tuple(chunks), broken)


def _row(record: Record | Reject) -> dict[str, object]:
    place = {"source_id": record.id, "file": record.file, "index": record.index}
    if isinstance(record, Record):
        return place | record.fields | {"flags": list(record.flags)}
    nothing = dict.fromkeys(("instruction", "input", "output"), "")
    return place | nothing | {"reason": record.reason, "detail": record.detail, "raw": record.raw}


def records_of(folder: Path, chunk: str) -> Iterator[dict[str, object]]:
    """The records of a chunk, as dicts with the columns of `RECORDS`."""
    yield from pq.read_table(chunk_path(folder, chunk)).to_pylist()
