"""Parquet corpora named by the configuration."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.sources.inputs import BrokenFile, Input, RawLine


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
                    margin = float(row[2]) if len(row) > 2 and row[2] is not None else None
                    wrong = next(
                        (value for value in row[:2] if value is not None and not isinstance(value, str)), None
                    )
                    if wrong is not None:
                        yield RawLine(
                            number, None, None, repr(row[:2]), None, f"expected text, found {wrong!r:.40}"
                        )
                    else:
                        yield RawLine(number, None, margin, row[0], row[1])
    except (pa.ArrowException, OSError) as error:
        raise BrokenFile(f"after row {number}: {error}") from None
