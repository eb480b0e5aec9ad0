"""The translation memory: what was translated once is never translated again.

    <memory>/lock                           shared by runs; held alone to tidy up
    <memory>/<engine>-<decoding>/about.json what the two hashes stand for
                                /segments-<hash>.parquet

Segment files are only ever added, each whole by one rename, under the hash of its content: a killed run leaves finished
files, two runs at once do not disturb each other, and a segment that both translated is found once. Lookups are joins
in Spark, so that memory does not grow with the number of entries.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.atomic import write_json
from pipelines.errors import UserError
from schemas.engine import EngineManifest
from schemas.translation_config import Decoding
from schemas.translation_memory import TRANSLATIONS

_PREFIX = "segments-"
_MANY, _SMALL = 256, 64 << 20  # so many files of less than so many bytes are merged into one
_ROW_GROUP = 1 << 16
_NONE = pa.array([], pa.string())
_WORK = b"work"  # key of a file's metadata that says what work it took


@dataclass(frozen=True)
class Work:
    """What was done, and in how many seconds; `tokens` are text tokens of both sides."""

    segments: int = 0
    source_tokens: int = 0
    target_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.segments + other.segments,
            self.source_tokens + other.source_tokens,
            self.target_tokens + other.target_tokens,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class TranslationMemory:
    """The part of a memory that belongs to one engine and one way of decoding; it can be sent to workers."""

    folder: Path
    identity: str

    def key(self, src: str, tgt: str, text: str) -> str:
        """The key of a segment (64 hexadecimal digits)."""
        return hashlib.sha256("\n".join((self.identity, src, tgt, text)).encode()).hexdigest()

    def keyed(self, segments: DataFrame) -> DataFrame:
        """The segments (`src`, `tgt`, `text`), each once, with their `key`."""
        columns = F.concat_ws("\n", F.lit(self.identity), "src", "tgt", "text")
        return segments.select(F.sha2(columns, 256).alias("key"), "src", "tgt", "text").dropDuplicates(
            ["key"]
        )

    def read(self, spark: SparkSession) -> DataFrame:
        """All translations, each segment once (columns as in `schemas/translation_memory.py`)."""
        files = [str(path) for path in self.files()]
        if not files:
            return spark.createDataFrame([], TRANSLATIONS.ddl())
        found = spark.read.schema(TRANSLATIONS.ddl()).parquet(*files)
        others = [name for name in TRANSLATIONS.columns if name != "key"]
        # two runs at once may both have translated a segment: which one is taken must not depend on the order of files
        return found.groupBy("key").agg(F.min(F.struct(*others)).alias("row")).select("key", "row.*")

    def files(self) -> list[Path]:
        """The segment files that are there now."""
        return sorted(self.folder.glob(f"{_PREFIX}*.parquet"))

    def stored_since(self, known: frozenset[str], first: str, last: str) -> pa.Array:
        """The keys from `first` to `last` in files that are not among the names `known`."""
        new = [path for path in self.files() if path.name not in known]
        within = [("key", ">=", first), ("key", "<=", last)]
        tables = [pq.read_table(path, columns=["key"], filters=within) for path in new]
        return pa.concat_arrays(
            [chunk for table in tables for chunk in table.column("key").chunks] or [_NONE]
        )

    def append(self, rows: Mapping[str, Sequence[object]], work: Work) -> None:
        """Adds translations, by column, as one file. Raises `UserError` if it cannot be written."""
        table = pa.table(dict(rows), schema=TRANSLATIONS.arrow())
        try:
            _write(self.folder, [table], work)
        except OSError as error:
            raise UserError(_unusable(self.folder, error)) from None

    def work(self, latest: int = 64) -> Work:
        """What it took to make the latest files: the speed of the engine, as it was measured."""
        files = sorted(self.files(), key=lambda path: path.stat().st_mtime)
        return sum(map(_work_of, files[-latest:]), Work())

    def watch(self) -> Callable[[], Work]:
        """A function that says what was added to the memory since now, by whoever."""
        known, total = set(self.files()), Work()

        def added() -> Work:
            nonlocal total
            for path in self.files():
                if path not in known:
                    known.add(path)
                    total += _work_of(path)
            return total

        return added


@contextmanager
def open_memory(root: Path, engine: EngineManifest, decoding: Decoding) -> Iterator[TranslationMemory]:
    """Opens a memory for a run, and tidies up if no other run uses it: leftovers of killed runs, many small files.

    Raises `UserError` if the folder cannot be written.
    """
    identity = hashlib.sha256(f"{engine.identity()} {decoding.sha256()}".encode()).hexdigest()
    folder = root / f"{engine.identity()[:16]}-{decoding.sha256()[:16]}"
    about = {
        "engine": engine.model_dump(mode="json", include={"model", "revision", "quantization"}),
        "engine_identity": engine.identity(),
        "decoding": decoding.model_dump(mode="json"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (root / "lock").open("a", encoding="utf-8")
        if _alone(lock.fileno()):
            _tidy(folder)
        fcntl.flock(lock, fcntl.LOCK_SH)
        write_json(folder / "about.json", about)
    except OSError as error:
        raise UserError(_unusable(root, error)) from None
    with lock:
        yield TranslationMemory(folder, identity)


def _unusable(folder: Path, error: OSError) -> str:
    # pyarrow's errors have a number, and a text of their own in the place of the system's
    return (
        f"translation memory {folder}: cannot be used ({os.strerror(error.errno) if error.errno else error})"
    )


def _alone(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _tidy(folder: Path) -> None:
    for leftover in folder.glob(f".{_PREFIX}*"):
        leftover.unlink()
    small = [path for path in sorted(folder.glob(f"{_PREFIX}*.parquet")) if path.stat().st_size < _SMALL]
    if len(small) < _MANY:
        return
    # killed between the two, the rows stand twice for a while, and are still found once
    merged = _write(folder, _in_bulk(small), sum(map(_work_of, small), Work()))
    for path in small:
        if path != merged:
            path.unlink()


def _in_bulk(files: Sequence[Path]) -> Iterator[pa.Table]:
    """The rows of files, in tables that make good row groups."""
    tables: list[pa.Table] = []
    for path in files:
        tables.append(pq.read_table(path))
        if sum(len(table) for table in tables) >= _ROW_GROUP:
            yield pa.concat_tables(tables)
            tables = []
    if tables:
        yield pa.concat_tables(tables)


def _write(folder: Path, tables: Iterable[pa.Table], work: Work) -> Path:
    """Writes tables into one new file, which appears whole under the hash of its content."""
    schema = TRANSLATIONS.arrow().with_metadata({_WORK: json.dumps(asdict(work))})
    temporary = folder / f".{_PREFIX}{uuid.uuid4().hex}"
    try:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table.replace_schema_metadata(schema.metadata))
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        path = folder / f"{_PREFIX}{digest[:32]}.parquet"
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _work_of(path: Path) -> Work:
    metadata = pq.read_metadata(path).metadata or {}
    return Work(**json.loads(metadata.get(_WORK, b"{}")))
