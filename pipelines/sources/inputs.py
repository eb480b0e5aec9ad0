"""What discovery finds and reading yields: the contract between sources and everything after them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa


@dataclass(frozen=True)
class Input:
    """One corpus file of one pair.

    `file` is its path relative to the input folder, with which rows are labelled. `columns` says what the text columns
    (TSV, Parquet) or files (Moses) hold, in order: `src` (English), `tgt`, `margin`, or `_` for ignored.
    `parts` are the two files of an unpacked Moses corpus, or the two members of a Moses archive, source first.
    """

    corpus: str
    pair: str
    format: str
    path: str
    file: str
    license: str
    columns: tuple[str, ...] = ("src", "tgt")
    parts: tuple[str, str] | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The files on disk that hold it."""
        return self.parts if self.format == "moses" and self.parts else (self.path,)

    @property
    def src_lang(self) -> str:
        return self.pair.split("-")[0]

    @property
    def tgt_lang(self) -> str:
        return self.pair.split("-")[1]


class RawLine(NamedTuple):
    r"""A line as it stands in the file, before any cleaning.

    `error` says what is wrong with a malformed line, whose text is kept in `src_raw` (invalid bytes shown as `\xNN`).
    """

    line: int
    doc: int | None = None
    margin: float | None = None
    src_raw: str | None = None
    tgt_raw: str | None = None
    error: str | None = None


RAW_LINES = pa.schema(
    [
        pa.field("line", pa.int64(), False),
        pa.field("doc", pa.int32()),
        pa.field("margin", pa.float64()),
        pa.field("src_raw", pa.string()),
        pa.field("tgt_raw", pa.string()),
        pa.field("error", pa.string()),
    ]
)
