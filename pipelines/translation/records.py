r"""Instruction records as published: Alpaca's fields, or `messages` of a single turn.

Every record of a file comes out, in the file's order, as a `Record` or as a `Reject` with its index and one reason
(`schemas/instructions.py`).

Alpaca's quirks (figures of the 52,002 records of `alpaca_data.json`): 557 inputs say that there is none ("Noinput",
"N/A", `<no input>`, ...): they become empty, with the flag `no_input`. 96 outputs hold the generator's markers
`<noinput>` or `<nooutput>`, 37 go on with further numbered tasks ("12. Instruction: ..."), 28 are empty: rejects,
since no translation makes a right answer of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from pipelines.translation.record_files import Unusable, raw_records

MAX_CHARS = 20_000  # of a field; Alpaca's longest has 4,293, and an essay of three pages about 10,000

_NO_INPUT = regex.compile(
    r"""[\s<"'`(\[{\\]*(?:no[\s_-]?inputs?(?:\s(?:is\s)?(?:required|needed|necessary|provided|given|specified|available|supplied))?
        |n/?a|none|null|nil|not\sapplicable)[\s>"'`)\].,}\\]*""",
    regex.VERBOSE | regex.IGNORECASE,
)
_MARKER = regex.compile(r"<\s?no\s?(?:in|out)put\s?>", regex.IGNORECASE)
_MERGED = regex.compile(r"(?:^|\n)\s*\d+\.\s*(?:Instruction|Input|Output)\s?:")
_SURROGATE = regex.compile(r"[\ud800-\udfff]")


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


def read_records(path: Path, max_chars: int = MAX_CHARS) -> Iterator[Record | Reject]:
    """The records of a file (`record_files.raw_records`, which says what is raised), by index."""
    for index, raw, value in raw_records(path):
        yield _record(path.name, index, raw, value, max_chars)


def _record(file: str, index: int, raw: str, value: Any, max_chars: int) -> Record | Reject:
    # `backslashreplace`: a text that is no Unicode is shown, and hashed, with its invalid places escaped
    shown = raw.encode("utf-8", "backslashreplace").decode()
    id = hashlib.sha256("\0".join((file, str(index), shown)).encode()).hexdigest()[:32]
    try:
        if isinstance(value, Unusable):
            raise value
        fields, flags = _fields(value, max_chars)
    except Unusable as wrong:
        return Reject(id, file, index, wrong.reason, wrong.detail, shown)
    return Record(id, file, index, **fields, flags=flags)


def _fields(value: Any, max_chars: int) -> tuple[dict[str, str], tuple[str, ...]]:
    if not isinstance(value, dict):
        raise Unusable("broken_record", f"expected an object, found {_short(value)}")
    given = _from_messages(value["messages"]) if "messages" in value and "output" not in value else value
    fields = {}
    for name in ("instruction", "input", "output"):
        text = given.get(name)
        if text is None and name == "input":
            text = ""
        if text is None:
            raise Unusable(
                "missing_field", f"no {name!r}; there are {', '.join(map(repr, given)) or 'no fields'}"
            )
        if not isinstance(text, str):
            raise Unusable("not_a_string", f"{name!r} is {_short(text)}")
        if _SURROGATE.search(text):
            raise Unusable(
                "invalid_text", f"{name!r} holds bytes or escapes that are no Unicode text (lone surrogates)"
            )
        if len(text) > max_chars:
            raise Unusable("too_long", f"{name!r} has {len(text):,} characters, {max_chars:,} are allowed")
        fields[name] = text
    if not fields["instruction"].strip():
        raise Unusable("empty_instruction", "'instruction' is empty")
    if not fields["output"].strip():
        raise Unusable("empty_output", "'output' is empty")
    if marker := _MARKER.search(fields["output"]):
        raise Unusable("generator_marker", f"'output' holds {marker.group()!r}")
    for name in ("instruction", "output"):
        if merged := _MERGED.search(fields[name]):
            raise Unusable("merged_records", f"{name!r} goes on with {merged.group().strip()!r}")
    if fields["input"] and _NO_INPUT.fullmatch(fields["input"]):
        return fields | {"input": ""}, ("no_input",)
    return fields, ()


def _from_messages(messages: Any) -> Mapping[str, Any]:
    """One turn of a user and one of the assistant, as instruction and output.

    A system message or a second turn has no place in an instruction record: it would be lost, or put into the user's
    mouth.
    """
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Unusable("broken_record", f"'messages' is {_short(messages)}, expected a list of objects")
    roles = [message.get("role") for message in messages]
    if roles != ["user", "assistant"]:
        raise Unusable(
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
