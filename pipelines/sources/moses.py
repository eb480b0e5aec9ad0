"""Moses corpora: two files (or members of an OPUS zip) with one sentence a line, aligned by line number."""

from __future__ import annotations

import itertools
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from pipelines.sources.inputs import Input, RawLine
from pipelines.streams import BrokenFile, open_blocks, split_lines

_BLOCK = 1 << 16  # what is read together with damage is lost with it
# what zipfile raises for damage, and for encryption and methods that it does not know
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


def read_moses(source: Input) -> Iterator[RawLine]:
    """The line pairs of a Moses corpus; a line without a counterpart is malformed.

    Raises `BrokenFile` at the first damaged place of either side.
    """
    assert source.parts is not None
    if source.format == "moses-zip":
        with zipfile.ZipFile(source.path) as archive:
            yield from _pairs(*(_member(archive, name) for name in source.parts))
    else:
        yield from _pairs(*(open_blocks(path) for path in source.parts))


def _pairs(src: Iterable[bytes], tgt: Iterable[bytes]) -> Iterator[RawLine]:
    nothing: tuple[None, None] = (None, None)
    both = itertools.zip_longest(split_lines(src), split_lines(tgt), fillvalue=nothing)
    for number, ((src_text, src_error), (tgt_text, tgt_error)) in enumerate(both, start=1):
        error = src_error or tgt_error
        if error is None and src_text is None:
            error = "the source file has no such line"
        if error is None and tgt_text is None:
            error = "the target file has no such line"
        yield RawLine(number, None, None, src_text, tgt_text, error)


def _member(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with archive.open(name) as stream:
            yield from iter(lambda: stream.read(_BLOCK), b"")
    except _UNREADABLE as error:
        raise BrokenFile(f"damaged member {name} ({error})") from None
