"""Bytes of plain and compressed files, and lines that end at the newline character and nowhere else."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

COMPRESSIONS = (".gz", ".zst", ".bz2")
_BLOCK = 1 << 20


class BrokenFile(Exception):
    """A file breaks off or is damaged at some point; what could be read before it has been yielded."""


def open_blocks(path: str | Path) -> Iterator[bytes]:
    """The decompressed bytes of a file, in blocks; the suffix tells the compression.

    Raises `BrokenFile` after the last byte of a truncated file, and of a damaged one where the damage is noticed: what
    is decoded together with damage cannot be trusted, and is not given.
    """
    suffix = Path(path).suffix
    with open(path, "rb") as stream:
        if suffix in COMPRESSIONS:
            yield from _decompressed(stream, suffix)
        else:
            yield from iter(lambda: stream.read(_BLOCK), b"")


def _decompressor(suffix: str) -> Any:
    if suffix == ".gz":
        return zlib.decompressobj(wbits=31)
    return bz2.BZ2Decompressor() if suffix == ".bz2" else zstandard.ZstdDecompressor().decompressobj()


def _decompressed(stream: BinaryIO, suffix: str) -> Iterator[bytes]:
    # compressed files may be several ones put end to end; each has its own decompressor
    decompressor = None
    while block := stream.read(_BLOCK // 8):
        while block:
            if decompressor is None:
                block = block.lstrip(b"\0")  # padding between members (gzip's format allows it)
                if not block:
                    break
                decompressor = _decompressor(suffix)
            try:
                data = decompressor.decompress(block)
            except (zlib.error, OSError, zstandard.ZstdError) as error:
                raise BrokenFile(f"damaged {suffix} data ({error})") from None
            if data:
                yield data
            block = b""
            if decompressor.eof:
                block = decompressor.unused_data
                decompressor = None
    if decompressor is not None or stream.tell() == 0:
        raise BrokenFile(f"the {suffix} data breaks off before its end")


def split_lines(blocks: Iterable[bytes]) -> Iterator[tuple[str, str | None]]:
    r"""Lines as `(text, error)`.

    A line that is no UTF-8 has an error and shows its invalid bytes as `\xNN`. The last line need not end in "\\n".
    When `blocks` raise `BrokenFile`, the unfinished line comes first, as an error.
    """
    rest = b""
    first = True
    broken: BrokenFile | None = None
    source = filter(None, blocks)
    while True:
        try:
            block = next(source, b"")
        except BrokenFile as error:
            broken, block = error, b""
        head, newline, tail = block.rpartition(b"\n")
        if block and not newline:
            rest += block
            continue
        if newline:
            whole, rest = rest + head, tail
        elif rest and broken is None:
            whole, rest = rest, b""
        else:
            break
        if first:
            whole, first = whole.removeprefix(b"\xef\xbb\xbf"), False
        try:
            for text in whole.decode("utf-8").split("\n"):
                yield text, None
        except UnicodeDecodeError:
            yield from map(_decode, whole.split(b"\n"))
    if broken is not None:
        if rest:
            yield rest.decode("utf-8", "backslashreplace"), str(broken)
        raise broken


def _decode(line: bytes) -> tuple[str, str | None]:
    try:
        return line.decode("utf-8"), None
    except UnicodeDecodeError as error:
        return line.decode("utf-8", "backslashreplace"), f"invalid UTF-8 at byte {error.start} of the line"
