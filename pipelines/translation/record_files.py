"""Files of instruction records: Alpaca's JSON array, JSONL and Parquet, of which each record comes out as it stands.

JSON and JSONL are read as a stream, compressed ones (.gz .zst .bz2) too; which of the two a file is, its first
character says, since both are called .json.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import regex

from pipelines.errors import UserError
from pipelines.streams import COMPRESSIONS, BrokenFile, open_blocks, split_lines

_LONGEST_RECORD = 1 << 24  # characters of a JSON record; a longer one is a broken one that swallows the rest
_NEXT_RECORD = regex.compile(r"\}\s*,\s*(?=\{)|\]\s*$")


class Unusable(Exception):
    """Why a record cannot be used (a reason of `schemas/instructions.py`), and what exactly is wrong."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def raw_records(path: Path) -> Iterator[tuple[int, str, Any]]:
    """The records of a file (.json, .jsonl, .parquet; the first two also compressed): index, text, and value.

    The value is an `Unusable` where the text is none. Raises `UserError` for a file that is none of these or does not
    exist, and `BrokenFile` at the end of one that breaks off, after all that could be read.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected Alpaca's JSON, JSONL or Parquet")
    suffixes = [suffix for suffix in path.suffixes if suffix not in COMPRESSIONS]
    kind = suffixes[-1] if suffixes else ""
    if kind not in (".json", ".jsonl", ".ndjson", ".parquet"):
        raise UserError(
            f"{path}: expected a file that ends in .json, .jsonl or .parquet (or in one of these and .gz)"
        )
    yield from _parquet(path) if kind == ".parquet" else _json(path)


def _parquet(path: Path) -> Iterator[tuple[int, str, Any]]:
    index = 0
    try:
        with pq.ParquetFile(path) as file:
            names = [
                n for n in ("instruction", "input", "output", "messages") if n in file.schema_arrow.names
            ]
            if not names:
                raise UserError(
                    f"{path}: expected columns instruction, input and output, or messages; "
                    f"found {', '.join(file.schema_arrow.names)}"
                )
            for batch in file.iter_batches(1024, columns=names):
                for row in batch.to_pylist():
                    value = {name: row[name] for name in names if row[name] is not None or name == "input"}
                    yield index, json.dumps(value, default=str), value
                    index += 1
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BrokenFile(f"after record {index - 1}: {error}") from None


def _json(path: Path) -> Iterator[tuple[int, str, Any]]:
    for block in open_blocks(path):
        if start := block.removeprefix(codecs.BOM_UTF8).lstrip():
            return _array(path) if start.startswith(b"[") else _lines(path)
    return iter(())


def _lines(path: Path) -> Iterator[tuple[int, str, Any]]:
    for index, (line, error) in enumerate(split_lines(open_blocks(path))):
        if error is not None:
            # what is no UTF-8 is a text that cannot be used; a line that breaks off is no record
            yield index, line, Unusable("invalid_text" if "UTF-8" in error else "broken_record", error)
        elif line.strip():
            try:
                yield index, line, json.loads(line)
            except (ValueError, RecursionError) as wrong:
                yield index, line, Unusable("broken_record", f"no JSON: {wrong}")


def _array(path: Path) -> Iterator[tuple[int, str, Any]]:
    """The elements of one JSON array, as a stream. After a broken one it goes on where the next begins: `}, {`."""
    text = _Text(path)
    text.skip(" \t\r\n")
    text.place += 1  # the bracket
    index = 0
    while True:
        text.skip(" \t\r\n,")
        if text.ended():
            raise BrokenFile(
                f"the array breaks off after record {index - 1}" if index else "the array breaks off"
            )
        if text.rest.startswith("]", text.place):
            return
        start = text.place
        try:
            value, end = text.decode()
        except (ValueError, RecursionError) as wrong:
            raw = text.skip_record()
            detail = wrong.msg if isinstance(wrong, json.JSONDecodeError) else str(wrong)
            value = Unusable("broken_record", f"no JSON: {detail}")
        else:
            raw, text.place = text.rest[start:end], end
        yield index, raw, value
        index += 1


class _Text:
    """The text of a file as far as it has been read: `rest`, of which `place` is the next character.

    Bytes that are no UTF-8 come as lone surrogates, so that they spoil one record and not the file.
    """

    def __init__(self, path: Path) -> None:
        self.rest, self.place = "", 0
        self._blocks = open_blocks(path)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._json = json.JSONDecoder()
        self._whole = False

    def more(self) -> bool:
        """Reads on; false at the end of the file (or where a damaged one breaks off)."""
        if self._whole:
            return False
        try:
            block = next(self._blocks, b"")
        except BrokenFile:
            block = b""
        self._whole = not block
        self.rest, self.place = self.rest[self.place :] + self._decoder.decode(block, self._whole), 0
        return bool(block)

    def skip(self, characters: str) -> None:
        while True:
            while self.place < len(self.rest) and self.rest[self.place] in characters:
                self.place += 1
            if self.place < len(self.rest) or not self.more():
                return

    def ended(self) -> bool:
        return self.place >= len(self.rest) and not self.more()

    def decode(self) -> tuple[Any, int]:
        """The JSON value at this place and where it ends. Raises `ValueError` where there is none."""
        while True:
            try:
                value, end = self._json.raw_decode(self.rest, self.place)
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith("Unterminated string") or error.pos >= len(self.rest) - 16
                if not cut_off or len(self.rest) - self.place > _LONGEST_RECORD or not self.more():
                    raise
            else:
                # a number at the very end may go on
                if end < len(self.rest) or not self.more():
                    return value, end

    def skip_record(self) -> str:
        """Goes to the next record, and gives what was skipped."""
        while True:
            found = _NEXT_RECORD.search(self.rest, self.place)
            if found or len(self.rest) - self.place > _LONGEST_RECORD or not self.more():
                start, self.place = (
                    self.place,
                    found.start() + 1 if found and found.group()[0] == "}" else len(self.rest),
                )
                if found and found.group()[0] == "]":
                    self.place = found.start()
                return self.rest[start : self.place]
