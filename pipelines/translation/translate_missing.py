"""Translating inside Spark what the translation memory lacks.

Distinct segments, minus those in the memory, go in the order of their hashes to as many workers as there are machines.
A worker loads the engine once, after it was forked, and gives it all its cores: CTranslate2 shares the weights among
its threads, so that a second process for the same machine would only take the memory again. It writes what is finished
into the translation memory every few seconds; a run that is killed loses what was not yet written, and the next asks
only for that. So does a task that Spark starts again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields

import pyarrow as pa
import pyarrow.compute as pc
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import InvariantError, UserError
from pipelines.translation.engine import Engine, Request, Translation, load_engine
from pipelines.translation.memory import TranslationMemory, Work
from schemas.translation_config import Decoding, EngineConfig
from schemas.translation_memory import TRANSLATIONS

_DONE = "segments bigint, source_tokens bigint, target_tokens bigint, seconds double, problem string"
_CRASHED = "Python worker exited unexpectedly"  # Spark's words for one that was killed
_WORK = pa.schema(
    [
        ("segments", pa.int64()),
        ("source_tokens", pa.int64()),
        ("target_tokens", pa.int64()),
        ("seconds", pa.float64()),
        ("problem", pa.string()),
    ]
)


def missing(spark: SparkSession, memory: TranslationMemory, segments: DataFrame) -> DataFrame:
    """The distinct segments (`key`, `src`, `tgt`, `text`) that the memory has no translation of."""
    return memory.keyed(segments).join(memory.read(spark).select("key"), "key", "left_anti")


def translate_missing(
    spark: SparkSession,
    memory: TranslationMemory,
    segments: DataFrame,
    engine: EngineConfig,
    decoding: Decoding,
) -> Work:
    """Translates the `segments` (`src`, `tgt`, `text`) that are missing, into the memory; returns what that took.

    Its seconds are the workers', added up. `segments` is evaluated twice, so it should be a table that was written; the
    engine has been checked by `open_directory`. Raises `UserError` if a worker cannot load or run the engine (after the
    others have finished; what they translate is kept), and `InvariantError` if any segment is still missing in the end.
    """
    known = frozenset(path.name for path in memory.files())
    todo = missing(spark, memory, segments).repartition(engine.workers, "key").sortWithinPartitions("key")
    done = todo.mapInArrow(TranslateBatches(memory, known, engine, decoding), _DONE)
    names = [field.name for field in fields(Work)]
    try:
        totals = done.agg(*(F.coalesce(F.sum(name), F.lit(0)) for name in names), F.min("problem")).first()
    except (Py4JJavaError, PySparkException) as error:
        if _CRASHED not in str(error):
            raise
        raise UserError(
            f"engine {engine.path}: the process that ran it was killed, as the system does when memory runs out; what "
            "was translated is kept: run the same command again with fewer engine.threads, a lower "
            "engine.token_budget or a smaller model"
        ) from None
    assert totals is not None  # an aggregate without groups has one row
    *work, problem = totals
    if problem:
        raise UserError(problem)
    if not missing(spark, memory, segments).isEmpty():
        raise InvariantError("segments were given to the engine, and are not in the translation memory")
    return Work(*work)


@dataclass(frozen=True)
class TranslateBatches:
    """A function for `mapInArrow`: takes `key`, `src`, `tgt`, `text`; translates into the memory; yields the work done.

    It travels to the workers as paths and settings; the model is loaded there, with the first segment. `known` are the
    names of the memory's files that the segments were held against: what others hold by now, because a task is started
    again or another run was there first, is left out.
    """

    memory: TranslationMemory
    known: frozenset[str]
    engine: EngineConfig
    decoding: Decoding

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        lacking = map(self._lacking, batches)
        requests = (Request(*row) for batch in lacking for row in zip(*map(_strings, batch), strict=True))
        first = next(requests, None)
        if first is None:
            return
        try:
            engine = load_engine(self.engine)
            commits = _Commits(self.memory, engine, self.engine.commit_every_s)
            try:
                for done in engine.stream(_chain(first, requests), self.decoding):
                    commits.add(done)
                    if commits.due:
                        yield _row(commits.commit())
            finally:  # what is finished is kept, whatever went wrong
                last = commits.commit()
            yield _row(last)
        except UserError as error:  # one that a task raises would come to the driver as Java's
            yield _row(Work(), str(error))

    def _lacking(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The segments of a batch (ordered by key) that are not stored by now."""
        keys = batch.column("key")
        if not len(keys):
            return batch
        stored = self.memory.stored_since(self.known, keys[0].as_py(), keys[-1].as_py())
        return batch.filter(pc.invert(pc.is_in(keys, stored))) if len(stored) else batch


class _Commits:
    """What is translated and not yet in the memory."""

    def __init__(self, memory: TranslationMemory, engine: Engine, every_s: float) -> None:
        self._memory, self._made_by, self._every_s = memory, engine.signature, every_s
        self._done: list[tuple[Request, Translation]] = []
        self._since = time.monotonic()

    def add(self, done: list[tuple[Request, Translation]]) -> None:
        self._done += done

    @property
    def due(self) -> bool:
        return time.monotonic() - self._since >= self._every_s

    def commit(self) -> Work:
        """Writes what there is, as one file, and says what it took."""
        now = time.monotonic()
        done, self._done = self._done, []
        work = Work(
            len(done),
            sum(translation.source_tokens for _, translation in done),
            sum(translation.target_tokens for _, translation in done),
            now - self._since,
        )
        self._since = now
        if done:
            rows = [
                (
                    *(request.key, request.src, request.tgt, request.text, t.text, t.score),
                    *(t.source_tokens, t.target_tokens, t.source_unknown, t.target_unknown),
                    *(t.source_truncated, t.target_truncated, self._made_by),
                )
                for request, t in done
            ]
            self._memory.append(dict(zip(TRANSLATIONS.columns, zip(*rows, strict=True), strict=True)), work)
        return work


def _row(work: Work, problem: str | None = None) -> pa.RecordBatch:
    values = asdict(work) | {"problem": problem}
    return pa.RecordBatch.from_pydict({name: [value] for name, value in values.items()}, schema=_WORK)


def _strings(column: pa.Array) -> list[str]:
    values: list[str] = column.to_pylist()
    return values


def _chain(first: Request, rest: Iterator[Request]) -> Iterator[Request]:
    yield first
    yield from rest
