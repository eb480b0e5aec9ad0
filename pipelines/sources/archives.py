"""Zip and tar archives from strangers: nothing in them is believed before it is checked.

`safe_members` lists an archive and refuses it whole if any member could write outside the target folder, is
no plain file, or would fill the disk. `extract` unpacks chosen members into a folder that appears at once.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn, cast

from pipelines.errors import UserError

_FREE_RATIO_BYTES = 1 << 20  # below this, a high ratio says only that a small file is repetitive
_BUFFER_BYTES = 1 << 20


class ArchiveError(UserError):
    """The archive is damaged, or holds what it must not."""


@dataclass(frozen=True)
class Limits:
    """What an archive may expand to. Text shrinks to a third or a tenth, hardly ever below a fiftieth."""

    files: int = 10_000
    total_bytes: int = 64 << 30
    ratio: float = 200.0
    """Unpacked bytes by archive bytes, looked at once a mebibyte would be unpacked."""


@dataclass(frozen=True)
class Member:
    """One plain file in an archive."""

    name: str
    """The name as the archive has it, for `ZipFile.open`."""
    path: str
    """The name as a clean relative path."""
    size: int
    """Unpacked size in bytes."""


def safe_members(archive: Path, globs: Sequence[str] = ("*",), limits: Limits = Limits()) -> list[Member]:
    """The plain files of a zip or tar archive whose paths match any of the globs, in the archive's order.

    Every member is checked, whether it matches or not. Raises `ArchiveError`, naming archive and member, for
    an absolute name, a `..`, a backslash, a link, a device, an encrypted or duplicate member, more than the
    limits allow, a glob that matches nothing, or a damaged archive.
    """
    members: list[Member] = []
    seen: set[str] = set()
    total = 0
    with _reading(archive) as entries:
        for entry in entries:
            path = _checked_path(archive, entry)
            if entry.is_folder:
                continue
            if path in seen:
                _refuse(archive, entry.name, "is there twice")
            seen.add(path)
            total += entry.size
            if len(seen) > limits.files:
                _refuse(archive, entry.name, f"is one file too many (at most {limits.files})")
            if total > limits.total_bytes:
                _refuse(archive, entry.name, f"brings the unpacked size over {limits.total_bytes} bytes")
            if total > max(_FREE_RATIO_BYTES, limits.ratio * archive.stat().st_size):
                _refuse(archive, entry.name, f"expands the archive more than {limits.ratio:g} times")
            members.append(Member(entry.name, path, entry.size))
    for path in sorted(seen):
        if folder := next((parent for parent in _parents(path) if parent in seen), None):
            _refuse(archive, path, f"needs a folder where the archive has the file {folder}")
    for glob in globs:
        if not any(_matches(path, [glob]) for path in seen):
            raise ArchiveError(f"{archive}: holds no member like {glob}.")
    return [member for member in members if _matches(member.path, globs)]


def extract(
    archive: Path, directory: Path, globs: Sequence[str] = ("*",), limits: Limits = Limits()
) -> list[Path]:
    """Unpacks the members that match into `directory`, which then holds nothing else; returns their paths.

    A folder that already holds exactly these files in these sizes is left alone. Otherwise they are written
    to a hidden folder beside it, which takes its place when all are there. Raises `ArchiveError` as
    `safe_members` does.
    """
    members = safe_members(archive, globs, limits)
    paths = [directory / member.path for member in members]
    present = {path: path.stat().st_size for path in directory.rglob("*") if path.is_file()}
    if present == dict(zip(paths, (member.size for member in members), strict=True)):
        return paths
    staging, outgoing = (directory.parent / f".{directory.name}.{word}" for word in ("staging", "outgoing"))
    for leftover in (staging, outgoing):
        shutil.rmtree(leftover, ignore_errors=True)
    staging.mkdir(parents=True)
    wanted = {member.name: member for member in members}
    with _reading(archive) as entries:
        for entry in entries:
            if member := wanted.get(entry.name):
                target = staging / member.path
                target.parent.mkdir(parents=True, exist_ok=True)
                with entry.open() as source, target.open("xb") as sink:
                    shutil.copyfileobj(source, sink, _BUFFER_BYTES)
    if directory.exists():
        directory.rename(outgoing)
    staging.rename(directory)
    shutil.rmtree(outgoing, ignore_errors=True)
    return paths


@dataclass(frozen=True)
class _Entry:
    """What the entries of zip and tar archives have in common."""

    name: str
    size: int
    is_folder: bool
    fault: str | None
    open: Callable[[], IO[bytes]]


@contextmanager
def _reading(archive: Path) -> Iterator[Iterable[_Entry]]:
    """The entries of a zip or tar archive; whatever is raised on damage becomes an `ArchiveError`."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                yield (_zip_entry(opened, info) for info in opened.infolist())
        else:
            with tarfile.open(archive) as opened_tar:
                yield (_tar_entry(opened_tar, info) for info in opened_tar)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError) as error:
        raise ArchiveError(
            f"{archive}: is no whole zip or tar archive ({str(error).splitlines()[0]}); delete it and fetch it again."
        ) from None
    except OSError as error:
        # gzip reports damage as an OSError without an errno
        raise ArchiveError(f"{archive}: cannot be unpacked ({error.strerror or error}).") from None


def _zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Entry:
    kind = stat.S_IFMT(info.external_attr >> 16)
    fault = None
    if kind == stat.S_IFLNK:
        fault = "is a link"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "is a device or pipe"
    elif info.flag_bits & 1:
        fault = "is encrypted"
    return _Entry(info.filename, info.file_size, info.is_dir(), fault, lambda: archive.open(info))


def _tar_entry(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Entry:
    fault = None
    if info.issym() or info.islnk():
        fault = "is a link"
    elif not (info.isreg() or info.isdir()):
        fault = "is a device or pipe"
    elif info.size < 0:  # sends tarfile backwards, for ever (CVE-2025-8194)
        fault = "has a negative size"
    return _Entry(
        info.name, info.size, info.isdir(), fault, lambda: cast(IO[bytes], archive.extractfile(info))
    )


def _checked_path(archive: Path, entry: _Entry) -> str:
    """The entry's name as a clean relative path."""
    name = entry.name
    if entry.fault:
        _refuse(archive, name, entry.fault)
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        _refuse(archive, name, "has an absolute name")
    if "\\" in name or "\0" in name:
        _refuse(archive, name, "has a backslash or a zero byte in its name")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        _refuse(archive, name, "points outside the folder (..)")
    if not parts and not entry.is_folder:
        _refuse(archive, name, "has no name")
    return "/".join(parts)


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _matches(path: str, globs: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, glob) for glob in globs)


def _refuse(archive: Path, name: str, fault: str) -> NoReturn:
    raise ArchiveError(
        f"{archive}: member {name!r} {fault}; the archive is refused, and nothing was unpacked."
    )
