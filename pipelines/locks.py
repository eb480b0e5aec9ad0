"""Folders that one run at a time may write to."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import UserError


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Holds a lock, the file `path`, that dies with the process. Creates the folder that it keeps others out of.

    Raises `UserError` where the folder cannot be written, and with the sentence `busy` where another process is in it.
    """
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = path.open("w", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: {busy}") from None
        yield
