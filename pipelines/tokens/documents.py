"""Monolingual text for pre-training: files of documents, cut into chunks that tasks can work on.

    .jsonl    an object a line, with the key `text` (mC4, OSCAR and their like)
    .parquet  the column `text`
    .txt      a document a line; empty lines are nothing

compressed (.gz .zst .bz2) or not, Parquet apart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.atomic import replacing
from pipelines.errors import UserError
from pipelines.shards.write import sha256_of
from pipelines.streams import COMPRESSIONS, BrokenFile, open_blocks, split_lines
from pipelines.tokens.units import Unit

MIXTURE = "text"
# a chunk is full with either, so that neither long documents nor many short (or broken) ones fill the memory
_CHUNK_BYTES = 32 << 20  # of text
_CHUNK_ROWS = 100_000
_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("id", "lang", "task", "direction", "text")),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
    ]
)


class Fault(NamedTuple):
    """Why a line or row is no document."""

    detail: str


def check_files(text: Mapping[str, Sequence[Path]]) -> list[str]:
    """What is wrong with the files' places and names."""
    problems = []
    for lang, paths in text.items():
        for path in paths:
            if not path.is_file():
                problems.append(f"text.{lang}: {path}: no such file")
            elif _kind(path) not in (".jsonl", ".parquet", ".txt"):
                problems.append(f"text.{lang}: {path}: expected a file that ends in .jsonl, .parquet or .txt")
    return problems


def cut_documents(
    text: Mapping[str, Sequence[Path]], validation: float, seed: int, folder: Path
) -> tuple[list[Unit], list[dict[str, Any]]]:
    """Writes the documents to chunks in `folder`; returns them as units, and the manifest's `inputs[]`.

    The split is drawn by the hash of a document's text, so that documents that repeat stand in one. Raises `UserError`
    for a file that breaks off.
    """
    units: list[Unit] = []
    inputs: list[dict[str, Any]] = []
    for lang, paths in text.items():
        for path in paths:
            rows: dict[str, list[dict[str, Any]]] = {"train": [], "validation": []}
            size, total = dict.fromkeys(rows, 0), 0
            for index, document in enumerate(read_documents(path)):
                row = _row(path.name, index, lang, document)
                split = "validation" if drawn(seed, row["text"] or row["id"]) < validation else "train"
                rows[split].append(row)
                size[split] += len(row["text"].encode())
                total += 1
                if size[split] >= _CHUNK_BYTES or len(rows[split]) >= _CHUNK_ROWS:
                    units.append(_write(folder, len(units), split, rows[split]))
                    rows[split], size[split] = [], 0
            for split, held in rows.items():
                if held:
                    units.append(_write(folder, len(units), split, held))
            inputs.append({"path": path.name, "lang": lang, "rows": total, "sha256": sha256_of(path)})
    return units, inputs


def drawn(seed: int, text: str) -> float:
    """A number of [0, 1) that is the same whenever it is drawn for a text: below a share, the text belongs to it."""
    return int(hashlib.sha256(f"{seed}\0{text}".encode()).hexdigest()[:12], 16) / 16**12


def _kind(path: Path) -> str:
    return next((suffix for suffix in reversed(path.suffixes) if suffix not in COMPRESSIONS), "")


def read_documents(path: Path) -> Iterator[str | Fault]:
    """The documents of a file, in their order, with a `Fault` for each line or row that is none.

    Raises `UserError` if the file cannot be read, breaks off, or is not what its name says.
    """
    try:
        if _kind(path) == ".parquet":
            yield from _parquet(path)
            return
        for line, error in split_lines(open_blocks(path)):
            if error:
                yield Fault(error)
            elif line.strip():
                yield _from_json(line) if _kind(path) == ".jsonl" else line
    except BrokenFile as error:
        raise UserError(f"{path}: {error}; fetch it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def _from_json(line: str) -> str | Fault:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Fault(f"no JSON: {error}")
    text = found.get("text") if isinstance(found, dict) else None
    if not isinstance(text, str):
        return Fault("no object with a string under `text`")
    try:
        text.encode()
    except UnicodeEncodeError:
        return Fault("a lone surrogate in the text")
    return text


def _parquet(path: Path) -> Iterator[str | Fault]:
    try:
        file = pq.ParquetFile(path)
        if "text" not in file.schema_arrow.names:
            raise UserError(f"{path}: has no column `text`")
        for batch in file.iter_batches(1024, columns=["text"]):
            for text in batch.column("text").to_pylist():
                yield text if isinstance(text, str) else Fault("the column `text` is null or no string")
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: is no Parquet file ({error})") from None


def _row(file: str, index: int, lang: str, document: str | Fault) -> dict[str, Any]:
    id = hashlib.sha256(f"{file}\0{index}\0{document}".encode()).hexdigest()[:32]
    row = {"id": id, "lang": lang, "task": "text", "direction": None}
    if isinstance(document, Fault):
        return row | {"text": "", "reason": "broken_document", "detail": document.detail}
    return row | {"text": document, "reason": None, "detail": None}


def _write(folder: Path, number: int, split: str, rows: list[dict[str, Any]]) -> Unit:
    path = folder / f"{number:05d}.parquet"
    with replacing(path) as temporary:
        # a unit is a row group: the whole chunk must be one
        table = pa.Table.from_pylist(rows, schema=_SCHEMA)
        pq.write_table(table, temporary, row_group_size=len(rows), compression="lz4")
    return Unit(number, path, 0, MIXTURE, split)
