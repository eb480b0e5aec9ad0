"""The store of requests and answers: what a generator answered once, it is never asked again.

    <store>/answers.jsonl    a line for each answer: key, request, answer
    <store>/lock             held while a run uses the store

Lines are only added, each with one write that is flushed to the disk, so that a killed run loses nothing that was
paid for. A last line that was cut by a crash is cut off. The file holds what went over the wire but no header, and so
no key; it can be copied, and a set can be built again from it without the generator.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import UserError
from pipelines.locks import locked
from pipelines.self_instruct.requests import Answer, Request

FILE = "answers.jsonl"


class RequestStore:
    """The answers of a store, by the key of their request. Made by `open_store`, which holds the lock."""

    def __init__(self, path: Path, sink: BinaryIO | None, answers: dict[str, Answer]) -> None:
        self.path = path
        self._sink = sink
        self._answers = answers
        self._writing = threading.Lock()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, request: Request) -> Answer | None:
        return self._answers.get(request.key())

    def add(self, request: Request, answer: Answer) -> None:
        """Stores an answer; when this returns it is on the disk. May be called from several threads."""
        key = request.key()
        line = {"key": key, "request": request.body(), "answer": asdict(answer)}
        data = json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with self._writing:
            if self._sink is None:
                raise UserError(f"{self.path}: cannot be written, and an answer is not in it")
            self._sink.write(data)
            self._sink.flush()
            os.fsync(self._sink.fileno())
            self._answers[key] = answer


@contextmanager
def open_store(folder: Path, writable: bool = True) -> Iterator[RequestStore]:
    """Opens a store. One that is only replayed needs no lock and may lie on a read-only disk.

    Raises `UserError` if another run writes to it, or a line of it is no answer.
    """
    path = folder / FILE
    if not writable:
        if not path.is_file():
            raise UserError(
                f"{folder}: holds no {FILE}; give a --generator, or the store of an earlier run (--requests)"
            )
        yield RequestStore(path, None, _read(path))
        return
    with locked(folder / "lock", "another run uses this store of requests at this moment"):
        if path.exists():
            _cut_off_half_line(path)
        answers = _read(path) if path.exists() else {}
        with open(path, "ab") as sink:
            yield RequestStore(path, sink, answers)


def _cut_off_half_line(path: Path) -> None:
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)


def _read(path: Path) -> dict[str, Answer]:
    answers = {}
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                break  # the last one: cut by a crash, or just being written
            try:
                stored = json.loads(line)
                answers[str(stored["key"])] = Answer(**stored["answer"])
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{path}: line {number} is no stored answer ({type(error).__name__}: {error})"
                ) from None
    return answers
