"""The place where an output is made, and the one atomic step that makes it visible.

`<output>.staging/` holds the lock and one folder for each fingerprint (of configuration, code version and inputs). Work
found in the folder of the same fingerprint is used again, so that a killed run goes on where it stopped; folders of
other fingerprints are removed. Publishing is a rename; with `--overwrite` it is two, of which the next run completes
the second if the first was the last thing that happened.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pipelines
import schemas
from pipelines.errors import UserError


class Workspace:
    """The staging folder of one run. Made by `open_workspace`, which holds the lock."""

    def __init__(self, output: Path, staging: Path, fingerprint: str) -> None:
        self.output = output
        self._staging = staging
        self.folder = staging / fingerprint
        self.result = self.folder / "result"

    def publish(self) -> None:
        """Makes `result` the output."""
        if self.output.exists():
            os.rename(self.output, replaced(self.output))
        os.rename(self.result, self.output)
        shutil.rmtree(self._staging)


@contextmanager
def open_workspace(output: Path, fingerprint: str, overwrite: bool) -> Iterator[Workspace]:
    """Locks an output and gives its workspace.

    Raises `UserError` if the output cannot be written, exists already (and `overwrite` is not given), or is being made
    by another run. The lock dies with its process.
    """
    output = output.absolute()
    staging = _staging(output)
    try:
        lock = _lock(staging / "lock")
    except BlockingIOError:
        raise UserError(
            f"output {output}: another run is making it at this moment; wait for it or stop it"
        ) from None
    except OSError as error:
        raise UserError(f"output {output}: cannot be written ({error.strerror})") from None
    with lock:
        workspace = Workspace(output, staging, fingerprint)
        _complete(output, staging)
        if output.exists() and not overwrite:
            _remove_if_idle(staging)
            raise UserError(
                f"output {output}: exists already; give another --output, or --overwrite to replace it"
            )
        for folder in staging.iterdir():
            if folder.is_dir() and folder != workspace.folder:
                shutil.rmtree(folder)
        workspace.folder.mkdir(exist_ok=True)
        yield workspace


@contextmanager
def folder_beside(output: Path, prefix: str) -> Iterator[Path]:
    """A folder for a while, beside an output, where Spark's workers can read and write too.

    Raises `UserError` if none can be made there.
    """
    parent = output.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix=prefix, dir=parent)
    except OSError as error:
        raise UserError(f"{parent}: cannot be written ({error.strerror})") from None
    with made as folder:
        yield Path(folder)


def complete_switch(output: Path) -> None:
    """Ends a switch that was cut between its two renames; does nothing where none was.

    Raises `UserError` if another run is making the output.
    """
    if replaced(output).is_dir():
        with open_workspace(output, "none", True):
            shutil.rmtree(_staging(output.absolute()))


def replaced(output: Path) -> Path:
    """Where the old output lies while the new one takes its place."""
    return _staging(output.absolute()) / "replaced"


def _staging(output: Path) -> Path:
    return output.with_name(output.name + ".staging")


def _lock(path: Path) -> IO[str]:
    """Opens and locks a file. Raises `BlockingIOError` if another process holds the lock."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open(path, "w", encoding="utf-8")  # noqa: SIM115 - held until the run ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # a run that ended in between took the file away; a lock on what has no name keeps nobody out
            if path.exists() and os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        except OSError:
            lock.close()
            raise
        lock.close()


def _complete(output: Path, staging: Path) -> None:
    """Ends a switch that was cut between its two renames: the old output is put back or given up."""
    old = replaced(output)
    if not old.exists():
        return
    if output.exists():
        shutil.rmtree(old)
        return
    finished = [
        folder / "result" for folder in staging.iterdir() if (folder / "result" / "manifest.json").exists()
    ]
    os.rename(finished[0] if finished else old, output)
    shutil.rmtree(old, ignore_errors=True)


def _remove_if_idle(staging: Path) -> None:
    """Removes a staging folder that holds nothing but our own lock."""
    if not any(path.is_dir() for path in staging.iterdir()):
        shutil.rmtree(staging)


def code_sha256() -> str:
    """Of the code whose work may be found in a workspace: work of other code is not used again."""
    digest = hashlib.sha256(pipelines.__version__.encode())
    for package in (pipelines, schemas):
        folder = Path(str(package.__file__)).parent
        for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.yaml"))):
            digest.update(path.read_bytes())
    return digest.hexdigest()
