"""Parquet corpora named by the configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.sources.inputs import Input, RawLine
from pipelines.streams import BrokenFile


def read_parquet(source: Input) -> Iterator[RawLine]:
    """The rows of a Parquet file, numbered from 1.

    Raises `BrokenFile` when the file, or a column that the configuration names, cannot be read.
    """
    number = 0
    try:
        with pq.ParquetFile(source.path) as file:
            missing = [name for name in source.columns if name not in file.schema_arrow.names]
            if missing:
                raise BrokenFile(f"no column {missing[0]!r}; it has {', '.join(file.schema_arrow.names)}")
            for batch in file.iter_batches(columns=list(source.columns)):
                for row in zip(*(batch.column(name).to_pylist() for name in source.columns), strict=True):
                    number += 1
                    yield _line(number, *row)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BrokenFile(f"after row {number}: {error}") from None


def _line(number: int, src: object, tgt: object, margin: object = None) -> RawLine:
    wrong = next((value for value in (src, tgt) if value is not None and not isinstance(value, str)), None)
    if wrong is not None:
        return RawLine(number, None, None, repr((src, tgt)), None, f"expected text, found {wrong!r:.40}")
    if margin is not None and not (isinstance(margin, (int, float)) and math.isfinite(margin)):
        error = f"expected a number as margin, found {margin!r:.40}"
        return RawLine(number, None, None, repr((src, tgt)), None, error)
    return RawLine(number, None, None if margin is None else float(margin), src, tgt)  # type: ignore[arg-type]
