"""Reading inputs into chunks of raw lines, one Spark task for each file.

A compressed file can only be read from its start, by one core. So reading does nothing else: it cuts the lines into
chunks of equal size on disk, and everything after it works on chunks, with all cores, however large the file.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from pipelines.atomic import replacing, write_json
from pipelines.sources.inputs import RAW_LINES, Input, RawLine
from pipelines.sources.moses import read_moses
from pipelines.sources.parquet import read_parquet
from pipelines.sources.tmx import read_tmx
from pipelines.sources.tsv import read_tsv
from pipelines.streams import BrokenFile

CHUNK_ROWS = 32_768

_READERS: dict[str, Callable[[Input], Iterator[RawLine | None]]] = {
    "wikimatrix": read_tsv,
    "wikimatrix-langid": read_tsv,
    "news-commentary": read_tsv,
    "tsv": read_tsv,
    "moses": read_moses,
    "moses-zip": read_moses,
    "tmx": read_tmx,
    "parquet": read_parquet,
}


@dataclass(frozen=True)
class ReadInput:
    """What reading found: `rows` without the `separators`, the rows of each chunk, and where the file broke off."""

    index: int
    rows: int
    separators: int
    bytes: int
    sha256: str
    chunks: tuple[int, ...]
    broken: str | None


def chunk_path(folder: Path, index: int, chunk: int) -> Path:
    return folder / f"{index:05d}-{chunk:05d}.parquet"


def read_inputs(
    spark: SparkSession, inputs: Sequence[Input], folder: Path, limit: int | None
) -> list[ReadInput]:
    """Writes each input's lines to `folder` as chunks of `CHUNK_ROWS` rows (schema `RAW_LINES`).

    An input that was read before is not read again. Returns one `ReadInput` for each input, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [i for i in range(len(inputs)) if not _record_path(folder, i).exists()]
    if missing:
        largest_first = sorted(missing, key=lambda i: -Path(inputs[i].path).stat().st_size)
        tasks = spark.sparkContext.parallelize(largest_first, len(largest_first))
        chunk_rows = CHUNK_ROWS  # the driver's value goes with the task: a module's is each worker's own
        tasks.foreach(lambda i: _read_one(i, inputs[i], folder, limit, chunk_rows))
    records = (json.loads(_record_path(folder, i).read_text()) for i in range(len(inputs)))
    return [ReadInput(**{**record, "chunks": tuple(record["chunks"])}) for record in records]


def _record_path(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.json"


def _first(lines: Iterator[RawLine | None], limit: int | None) -> Iterator[RawLine | None]:
    """The first `limit` lines, or all. Looks one line further, to find a file broken that breaks off right there."""
    yield from itertools.islice(lines, limit)
    next(lines, None)


def _read_one(index: int, source: Input, folder: Path, limit: int | None, chunk_rows: int) -> None:
    chunks: list[int] = []
    separators = 0
    broken = None
    lines = _first(_READERS[source.format](source), limit)
    while True:
        rows: list[RawLine] = []
        try:
            while len(rows) < chunk_rows:
                row = next(lines)
                if row is None:
                    separators += 1
                else:
                    rows.append(row)
        except StopIteration:
            pass
        except BrokenFile as error:
            broken = str(error)
        if rows:
            columns = [
                pa.array(column, field.type)
                for column, field in zip(zip(*rows, strict=True), RAW_LINES, strict=True)
            ]
            with replacing(chunk_path(folder, index, len(chunks))) as temporary:
                pq.write_table(pa.table(columns, schema=RAW_LINES), temporary, compression="lz4")
            chunks.append(len(rows))
        if len(rows) < chunk_rows:
            break
    digest = hashlib.sha256()
    size = 0
    for path in source.files:
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
    record = ReadInput(index, sum(chunks), separators, size, digest.hexdigest(), tuple(chunks), broken)
    write_json(_record_path(folder, index), asdict(record))
