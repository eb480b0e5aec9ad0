"""The texts of data that others are held against: evaluation sets in whatever form they come, and training data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.datasets import KINDS, Kind

# what our own datasets say in words: parallel shards, translated instructions, MI-EVAL
_OWN_COLUMNS = frozenset({"src_text", "tgt_text", "instruction", "input", "output"})


def eval_files(folder: Path) -> list[Path]:
    """The files of evaluation sets in a folder: all but hidden ones, cards, manifests and checksums."""
    return sorted(
        path
        for path in data_files(folder)
        if not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        and path.name not in ("checksums.json", "manifest.json")
        and path.suffix not in (".part", ".version", ".md", ".py", ".gz", ".zip", ".tar")
        and path.name.upper() not in ("README", "LICENSE", "LICENCE")
    )


def data_files(folder: Path) -> Iterator[Path]:
    """The files below a folder; of what is the output of one of our jobs, those in its published folder alone.

    What such a job rejected, or holds to decide on again, is no part of what it made.
    """
    for parent, folders, names in os.walk(folder):
        kind = _made_here(Path(parent, "manifest.json")) if "manifest.json" in names else None
        if kind and kind.published in folders:  # else it is the published folder itself
            folders[:], names = [kind.published], []
        yield from (path for name in names if (path := Path(parent, name)).is_file())


def _made_here(manifest: Path) -> Kind | None:
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return KINDS.get(str(told.get("dataset"))) if isinstance(told, dict) else None


def read_eval_texts(path: Path) -> Iterator[str]:
    """All texts of an evaluation set.

    Strings of JSON (SQuAD's contexts and questions, not its short answers), of JSON lines and of Parquet's text
    columns (those of our own datasets, if it has any of these); lines of anything else.
    """
    if path.suffix == ".json":
        yield from strings(json.loads(path.read_text(encoding="utf-8")))
    elif path.suffix == ".jsonl":
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                yield from strings(json.loads(line))
    elif path.suffix == ".parquet":
        yield from parquet_texts(path)
    else:
        yield from path.read_text(encoding="utf-8").split("\n")


def parquet_texts(path: Path, group: int | None = None) -> Iterator[str]:
    """The texts in the text columns of a Parquet file, or of one of its row groups; also those in lists and structs."""
    with pq.ParquetFile(path) as file:
        columns = _text_columns(file.schema_arrow)
        groups = None if group is None else [group]
        for batch in file.iter_batches(columns=columns, row_groups=groups):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                values = column.to_pylist()
                if pa.types.is_nested(column.type):
                    yield from strings({name: values})
                else:
                    yield from (text for text in values if text)


def _text_columns(schema: pa.Schema) -> list[str]:
    texts = [field.name for field in schema if _holds_text(field.type)]
    return [name for name in texts if name in _OWN_COLUMNS] or texts


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_holds_text(kind.field(place).type) for place in range(kind.num_fields))
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def strings(value: Any, key: str = "") -> Iterator[str]:
    """The texts in a JSON value, as `read_eval_texts` takes them."""
    if isinstance(value, str):
        if key not in ("id", "title"):
            yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "answers":
                yield from strings(inner, name)
    elif isinstance(value, list):
        yield from _each(value, key)


def _each(values: Iterable[Any], key: str) -> Iterator[str]:
    for value in values:
        yield from strings(value, key)
