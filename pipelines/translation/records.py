r"""Instruction records as published: Alpaca's JSON array, JSONL, Parquet, and `messages` in any of them.

Every record of a file comes out, in the file's order, as a `Record` or as a `Reject` with its index and one reason
(`schemas/instructions.py`). JSON and JSONL are read as a stream, compressed ones (.gz .zst .bz2) too; which of the two
a file is, its first character says, since both are called .json.

Alpaca's quirks (figures of the 52,002 records of `alpaca_data.json`): 557 inputs say that there is none ("Noinput",
"N/A", `<no input>`, ...): they become empty, with the flag `no_input`. 96 outputs hold the generator's markers
`<noinput>` or `<nooutput>`, 37 go on with further numbered tasks ("12. Instruction: ..."), 28 are empty: rejects,
since no translation makes a right answer of them.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import regex

from pipelines.errors import UserError
from pipelines.streams import COMPRESSIONS, BrokenFile, open_blocks, split_lines

MAX_CHARS = 20_000  # of a field; Alpaca's longest has 4,293, and an essay of three pages about 10,000

_NO_INPUT = regex.compile(
    r"""[\s<"'`(\[{\\]*(?:no[\s_-]?inputs?(?:\s(?:is\s)?(?:required|needed|necessary|provided|given|specified|available|supplied))?
        |n/?a|none|null|nil|not\sapplicable)[\s>"'`)\].,}\\]*""",
    regex.VERBOSE | regex.IGNORECASE,
)
_MARKER = regex.compile(r"<\s?no\s?(?:in|out)put\s?>", regex.IGNORECASE)
_MERGED = regex.compile(r"(?:^|\n)\s*\d+\.\s*(?:Instruction|Input|Output)\s?:")
_SURROGATE = regex.compile(r"[\ud800-\udfff]")
_LONGEST_RECORD = 1 << 24  # characters of a JSON record; a longer one is a broken one that swallows the rest
_NEXT_RECORD = regex.compile(r"\}\s*,\s*(?=\{)|\]\s*$")


@dataclass(frozen=True)
class Record:
    """An English record. `index` is its place in the file from 0 (JSONL: its line); `flags` say what was normalised."""

    id: str
    file: str
    index: int
    instruction: str
    input: str
    output: str
    flags: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, str]:
        return {"instruction": self.instruction, "input": self.input, "output": self.output}


@dataclass(frozen=True)
class Reject:
    """A record that cannot be used: why, what exactly was wrong, and the record as it stands in the file."""

    id: str
    file: str
    index: int
    reason: str
    detail: str
    raw: str


class _Unusable(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def read_records(path: Path, max_chars: int = MAX_CHARS) -> Iterator[Record | Reject]:
    """The records of a file (.json, .jsonl, .parquet; the first two also compressed), by index.

    Raises `UserError` for a file that is none of these or does not exist, and `BrokenFile` at the end of one that
    breaks off, after all that could be read.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected Alpaca's JSON, JSONL or Parquet")
    suffixes = [suffix for suffix in path.suffixes if suffix not in COMPRESSIONS]
    kind = suffixes[-1] if suffixes else ""
    if kind not in (".json", ".jsonl", ".ndjson", ".parquet"):
        raise UserError(
            f"{path}: expected a file that ends in .json, .jsonl or .parquet (or in one of these and .gz)"
        )
    raws = _parquet(path) if kind == ".parquet" else _json(path)
    for index, raw, value in raws:
        yield _record(path.name, index, raw, value, max_chars)


def _record(file: str, index: int, raw: str, value: Any, max_chars: int) -> Record | Reject:
    # `backslashreplace`: a text that is no Unicode is shown, and hashed, with its invalid places escaped
    shown = raw.encode("utf-8", "backslashreplace").decode()
    id = hashlib.sha256("\0".join((file, str(index), shown)).encode()).hexdigest()[:32]
    try:
        if isinstance(value, _Unusable):
            raise value
        fields, flags = _fields(value, max_chars)
    except _Unusable as wrong:
        return Reject(id, file, index, wrong.reason, wrong.detail, shown)
    return Record(id, file, index, **fields, flags=flags)


def _fields(value: Any, max_chars: int) -> tuple[dict[str, str], tuple[str, ...]]:
    if not isinstance(value, dict):
        raise _Unusable("broken_record", f"expected an object, found {_short(value)}")
    given = _from_messages(value["messages"]) if "messages" in value and "output" not in value else value
    fields = {}
    for name in ("instruction", "input", "output"):
        text = given.get(name)
        if text is None and name == "input":
            text = ""
        if text is None:
            raise _Unusable(
                "missing_field", f"no {name!r}; there are {', '.join(map(repr, given)) or 'no fields'}"
            )
        if not isinstance(text, str):
            raise _Unusable("not_a_string", f"{name!r} is {_short(text)}")
        if _SURROGATE.search(text):
            raise _Unusable(
                "invalid_text", f"{name!r} holds bytes or escapes that are no Unicode text (lone surrogates)"
            )
        if len(text) > max_chars:
            raise _Unusable("too_long", f"{name!r} has {len(text):,} characters, {max_chars:,} are allowed")
        fields[name] = text
    if not fields["instruction"].strip():
        raise _Unusable("empty_instruction", "'instruction' is empty")
    if not fields["output"].strip():
        raise _Unusable("empty_output", "'output' is empty")
    if marker := _MARKER.search(fields["output"]):
        raise _Unusable("generator_marker", f"'output' holds {marker.group()!r}")
    for name in ("instruction", "output"):
        if merged := _MERGED.search(fields[name]):
            raise _Unusable("merged_records", f"{name!r} goes on with {merged.group().strip()!r}")
    if fields["input"] and _NO_INPUT.fullmatch(fields["input"]):
        return fields | {"input": ""}, ("no_input",)
    return fields, ()


def _from_messages(messages: Any) -> Mapping[str, Any]:
    """One turn of a user and one of the assistant, as instruction and output.

    A system message or a second turn has no place in an instruction record: it would be lost, or put into the user's
    mouth.
    """
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise _Unusable("broken_record", f"'messages' is {_short(messages)}, expected a list of objects")
    roles = [message.get("role") for message in messages]
    if roles != ["user", "assistant"]:
        raise _Unusable(
            "not_single_turn", f"expected one message of user and one of assistant, found {roles}"[:200]
        )
    question, answer = (_content(message) for message in messages)
    return {"instruction": question, "output": answer}


def _content(message: Mapping[str, Any]) -> Any:
    """A message's text, which may be in parts; what is not all text is left for the caller to refuse."""
    content = message.get("content")
    if isinstance(content, list) and all(
        isinstance(p, dict) and isinstance(p.get("text"), str) for p in content
    ):
        return "".join(part["text"] for part in content)
    return content


def _short(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


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
            yield index, line, _Unusable("invalid_text" if "UTF-8" in error else "broken_record", error)
        elif line.strip():
            try:
                yield index, line, json.loads(line)
            except (ValueError, RecursionError) as wrong:
                yield index, line, _Unusable("broken_record", f"no JSON: {wrong}")


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
            value = _Unusable("broken_record", f"no JSON: {detail}")
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
