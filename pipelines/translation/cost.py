"""What a translation will cost, before it is done: segments, tokens, what the memory has already, and the hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.translation.engine_files import EngineDirectory, read_vocabulary
from pipelines.translation.memory import TranslationMemory, Work
from pipelines.translation.tokens import TextTokens
from pipelines.translation.translate_missing import missing, translate_missing
from schemas.translation_config import Decoding, EngineConfig

_COUNTS = "src string, tgt string, known boolean, segments bigint, source_tokens bigint"
_TRIAL = 128  # segments, which are translated to measure the speed where it is not known


@dataclass(frozen=True)
class PairPlan:
    """One pair: its distinct segments, those that the memory has, and the source tokens of those that it lacks."""

    src: str
    tgt: str
    segments: int
    known: int
    source_tokens: int


@dataclass(frozen=True)
class Estimate:
    """What a run will cost: its pairs, what the engine's speed was measured on, and whether it translates back, too."""

    pairs: tuple[PairPlan, ...]
    speed: Work
    workers: int
    round_trip: bool

    @property
    def seconds(self) -> float:
        return seconds_for(list(self.pairs), self.speed, self.workers)


def plan(
    spark: SparkSession, memory: TranslationMemory, segments: DataFrame, engine: EngineDirectory
) -> list[PairPlan]:
    """What there is to translate of `segments` (`src`, `tgt`, `text`), pair by pair. Loads no model."""
    known = memory.read(spark).select("key", F.lit(True).alias("known"))
    looked_up = memory.keyed(segments).join(known, "key", "left")
    rows = looked_up.select("src", "tgt", F.coalesce("known", F.lit(False)).alias("known"), "text")
    counted = rows.mapInArrow(CountTokens(engine), _COUNTS).groupBy("src", "tgt")
    per_pair = counted.agg(
        F.sum("segments"),
        F.sum(F.when(F.col("known"), F.col("segments")).otherwise(0)),
        F.sum(F.when(F.col("known"), 0).otherwise(F.col("source_tokens"))),
    )
    return [PairPlan(*row) for row in per_pair.orderBy("src", "tgt").collect()]


def measured_speed(
    spark: SparkSession,
    memory: TranslationMemory,
    segments: DataFrame,
    engine: EngineConfig,
    decoding: Decoding,
) -> Work:
    """Tokens and seconds of the engine on this machine: from the memory, or by translating a few segments into it."""
    work = memory.work()
    if not work.segments:
        few = missing(spark, memory, segments).orderBy("key").limit(_TRIAL).select("src", "tgt", "text")
        work = translate_missing(spark, memory, few, engine, decoding)
    return work


def seconds_for(pairs: list[PairPlan], speed: Work, workers: int) -> float:
    """How long it will take `workers` engines to translate what is missing, at a speed that was measured."""
    tokens = sum(pair.source_tokens for pair in pairs)
    return tokens * speed.seconds / max(1, speed.source_tokens) / workers


@dataclass(frozen=True)
class CountTokens:
    """A function for `mapInArrow`: takes `src`, `tgt`, `known`, `text`; yields segments and tokens of each group."""

    engine: EngineDirectory

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tokens = None
        segments: Counter[tuple[str, str, bool]] = Counter()
        lengths: Counter[tuple[str, str, bool]] = Counter()
        for batch in batches:
            tokens = tokens or self._tokens()
            src, tgt, known, texts = (column.to_pylist() for column in batch)
            for group, pieces in zip(zip(src, tgt, known, strict=True), tokens.encode(texts), strict=True):
                segments[group] += 1
                lengths[group] += len(pieces.tokens)
        groups = list(segments)
        columns: list[list[object]] = [list(column) for column in zip(*groups, strict=True)] or [[], [], []]
        types = [pa.string(), pa.string(), pa.bool_(), pa.int64(), pa.int64()]
        columns += [[segments[group] for group in groups], [lengths[group] for group in groups]]
        yield pa.RecordBatch.from_arrays(
            [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)],
            names=["src", "tgt", "known", "segments", "source_tokens"],
        )

    def _tokens(self) -> TextTokens:
        engine = self.engine
        return TextTokens(engine.source_spm, engine.target_spm, read_vocabulary(engine.path), engine.manifest)
