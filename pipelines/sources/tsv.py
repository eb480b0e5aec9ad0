"""Tab-separated corpora: WikiMatrix, its WMT20 variant, and News-Commentary.

Quotes are text, not quoting. In News-Commentary an empty or tab-only line parts documents.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from pipelines.sources.inputs import Input, RawLine
from pipelines.streams import open_blocks, split_lines

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")


def read_tsv(source: Input) -> Iterator[RawLine | None]:
    """The lines of a TSV file; `None` for a line that parts documents.

    Raises `BrokenFile` at the end of a truncated file.
    """
    columns = source.columns
    at = {name: columns.index(name) for name in columns if name != "_"}
    has_documents = source.format == "news-commentary"
    doc = 1 if has_documents else None
    fresh = True  # no row since the last separator, so that two separators in a row part nothing
    for number, (text, error) in enumerate(split_lines(open_blocks(source.path)), start=1):
        if has_documents and error is None and not text.strip("\t\r"):
            if doc is not None and not fresh:
                doc += 1
            fresh = True
            yield None
            continue
        fresh = False
        fields = text.split("\t")
        if error is None and len(fields) != len(columns):
            error = f"expected {len(columns)} tab-separated fields, found {len(fields)}"
        margin = None
        if error is None and "margin" in at:
            margin, error = _margin(fields[at["margin"]])
        if error is not None:
            yield RawLine(number, doc, None, text, None, error)
        else:
            yield RawLine(number, doc, margin, fields[at["src"]], fields[at["tgt"]])


def _margin(field: str) -> tuple[float | None, str | None]:
    if _NUMBER.fullmatch(field) and math.isfinite(margin := float(field)):
        return margin, None
    return None, f"expected a number as margin, found {field[:40]!r}"
