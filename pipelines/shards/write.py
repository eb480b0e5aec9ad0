"""Kept and rejected rows, written as Parquet shards by the tasks.

A task takes a run of chunks of one pair, in order, so that rows stand in the order of their files and lines whatever
the number of cores, and nothing is shuffled. It streams: a chunk is all it holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from pipelines.atomic import replacing
from pipelines.errors import InvariantError
from schemas.fields import Dataset
from schemas.parallel import PARALLEL, REJECTED, SPLITS

_KINDS = (*SPLITS, "rejected")  # of the pieces that a run becomes
_ROW_GROUP_BYTES = 64 << 20  # of Arrow data: well under the 100 MiB of Parquet that the Hub's viewer likes


@dataclass(frozen=True)
class Run:
    """Some chunks of one pair, which become one training shard and one shard of rejects."""

    pair: str
    number: int
    chunks: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A file of the output: its path relative to the output folder, rows, bytes and checksum."""

    path: str
    rows: int
    bytes: int
    sha256: str


def plan_runs(chunks: Sequence[tuple[str, Path]], target_bytes: int) -> list[Run]:
    """Groups the chunks, given as (pair, scored file) in order, into runs of about `target_bytes` of scored data."""
    runs: list[Run] = []
    held: list[Path] = []
    for place, (pair, path) in enumerate(chunks):
        held.append(path)
        last_of_pair = place + 1 == len(chunks) or chunks[place + 1][0] != pair
        if last_of_pair or sum(p.stat().st_size for p in held) >= target_bytes:
            number = sum(run.pair == pair for run in runs)
            runs.append(Run(pair, number, tuple(p.stem for p in held)))
            held = []
    return runs


class ShardWriter:
    """Writes one Parquet file: zstd, page index, content-defined chunking, bounded row groups.

    Content-defined chunking lets the Hub store only what changed between two versions of a shard.
    """

    def __init__(self, path: Path, dataset: Dataset, stack: ExitStack) -> None:
        self.rows = 0
        self._schema = dataset.arrow()
        self._held: list[pa.Table] = []
        self._bytes = 0
        self._writer = stack.enter_context(
            pq.ParquetWriter(
                path,
                self._schema,
                compression="zstd",
                write_page_index=True,
                use_content_defined_chunking=True,
            )
        )
        stack.push(self._flush_at_end)

    def write(self, table: pa.Table) -> None:
        if table.num_rows == 0:
            return
        table = table.select(self._schema.names).cast(self._schema)
        self.rows += table.num_rows
        self._held.append(table)
        self._bytes += table.nbytes
        if self._bytes >= _ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            table = pa.concat_tables(self._held)
            self._writer.write_table(table, row_group_size=table.num_rows)
            self._held, self._bytes = [], 0

    def _flush_at_end(self, kind: object, *_: object) -> None:
        if kind is None:
            self._flush()


def write_shards(
    spark: SparkSession, runs: Sequence[Run], scored: Path, decisions: Path, staging: Path, output: Path
) -> tuple[list[Written], str]:
    """Writes `output/parallel` and `output/rejected`; returns the files and the digest of the kept rows.

    The digest is over `id`, `content_id` and `split` of the kept rows, in order, chunk by chunk: it does not depend on
    the size of the shards. Raises `InvariantError` if decisions are not on the rows that were scored.
    """
    tasks = spark.sparkContext.parallelize(list(runs), max(1, len(runs)))
    digests: dict[tuple[str, str], str] = {}
    for found in tasks.map(lambda run: _try_run(run, scored, decisions, staging)).collect():
        if isinstance(found, InvariantError):
            raise found
        digests |= found
    pieces = sorted({(run.pair, kind) for run in runs for kind in _KINDS})
    written = (
        spark.sparkContext.parallelize(pieces, len(pieces))
        .flatMap(lambda piece: _place_pieces(*piece, runs, staging, output))
        .collect()
    )
    whole = hashlib.sha256("\n".join(digests[key] for key in sorted(digests)).encode()).hexdigest()
    return sorted(written, key=lambda w: w.path), whole


def _piece(staging: Path, run: Run, kind: str) -> Path:
    return staging / run.pair / f"{run.number:05d}-{kind}.parquet"


def _try_run(
    run: Run, scored: Path, decisions: Path, staging: Path
) -> dict[tuple[str, str], str] | InvariantError:
    """An error that a task raises comes to the driver as Java's; this one is for a person, and is returned."""
    try:
        return _write_run(run, scored, decisions, staging)
    except InvariantError as error:
        return error


def _write_run(run: Run, scored: Path, decisions: Path, staging: Path) -> dict[tuple[str, str], str]:
    """Writes a run's four pieces (`_KINDS`); returns the digest of each chunk's kept rows."""
    digests: dict[tuple[str, str], str] = {}
    with ExitStack() as stack:
        writers: dict[str, ShardWriter] = {}
        for kind in _KINDS:
            path = stack.enter_context(replacing(_piece(staging, run, kind)))
            writers[kind] = ShardWriter(path, REJECTED if kind == "rejected" else PARALLEL, stack)
        for chunk in run.chunks:
            table = _decided(scored / run.pair / f"{chunk}.parquet", decisions / f"{chunk}.parquet")
            kept = table.filter(pc.is_null(table.column("reason")))
            writers["rejected"].write(table.filter(pc.is_valid(table.column("reason"))))
            for split in SPLITS:
                writers[split].write(kept.filter(pc.equal(kept.column("split"), split)))
            lines = zip(
                *(kept.column(name).to_pylist() for name in ("id", "content_id", "split")), strict=True
            )
            text = "\n".join(" ".join(line) for line in lines)
            digests[run.pair, chunk] = hashlib.sha256(text.encode()).hexdigest()
    return digests


def _decided(scored: Path, decisions: Path) -> pa.Table:
    """A scored chunk with its decisions beside it: both are ordered by row."""
    table, decided = pq.read_table(scored), pq.read_table(decisions)
    if not table.column("row").equals(decided.column("row")):
        raise InvariantError(f"{decisions} does not decide on the rows of {scored}")
    for name in ("reason", "cluster_id", "split"):
        table = table.append_column(name, decided.column(name))
    return table


def _place_pieces(
    pair: str, kind: str, runs: Sequence[Run], staging: Path, output: Path
) -> Iterator[Written]:
    """Gives a pair's pieces their published names; the small ones of validation and test are joined into one."""
    pieces = [_piece(staging, run, kind) for run in runs if run.pair == pair]
    filled = [piece for piece in pieces if pq.read_metadata(piece).num_rows]
    folder = output / ("rejected" if kind == "rejected" else "parallel") / pair
    stem = "part" if kind == "rejected" else kind
    if kind in ("validation", "test") and len(filled) > 1:
        joined = staging / pair / f"{kind}.parquet"
        with replacing(joined) as path, ExitStack() as stack:
            writer = ShardWriter(path, PARALLEL, stack)
            for piece in filled:
                for group in range(pq.read_metadata(piece).num_row_groups):
                    writer.write(pq.ParquetFile(piece).read_row_group(group))
        filled = [joined]
    for number, piece in enumerate(filled):
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{stem}-{number:05d}-of-{len(filled):05d}.parquet"
        piece.rename(target)
        yield describe(target, output)


def describe(path: Path, root: Path) -> Written:
    """A written Parquet file's rows, bytes and checksum."""
    rows = pq.read_metadata(path).num_rows
    return Written(path.relative_to(root).as_posix(), rows, path.stat().st_size, sha256_of(path))


def sha256_of(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def as_json(files: Sequence[Written]) -> list[dict[str, object]]:
    return [asdict(file) for file in files]
