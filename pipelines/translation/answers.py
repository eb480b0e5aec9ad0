"""The rounds of an attempt in Spark: what is asked is written, translated as far as the memory lacks it, and answered.

Tasks work chunk by chunk, and leave alone what is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from pipelines.atomic import replacing
from pipelines.progress import Stages
from pipelines.translation.attempt import FIRST, Attempt
from pipelines.translation.chunks import chunk_path
from pipelines.translation.memory import TranslationMemory, Work
from pipelines.translation.translate_missing import missing, translate_missing
from schemas.translation_config import Decoding, EngineConfig
from schemas.translation_memory import SEGMENTS, TRANSLATIONS

_ASKED = "chunk string, " + SEGMENTS.ddl()


class Source(NamedTuple):
    """Where answers come from: an engine with its way of decoding, behind its memory."""

    memory: TranslationMemory
    engine: EngineConfig
    decoding: Decoding


def answer(
    spark: SparkSession,
    source: Source,
    attempt: Attempt,
    round: int,
    chunks: Sequence[str],
    name: str,
    stages: Stages,
) -> Work:
    """Asks a round of an attempt and writes the answers; returns what the engine had to do for them."""
    ask(spark, attempt, chunks, round, stages)
    asked, work = asked_in(spark, attempt, round), Work()
    lacking, added = missing(spark, source.memory, asked).count(), source.memory.watch()
    if lacking:
        with stages.stage(name, lacking, partial(_counts, added), ("segments", "target tokens")):
            work = translate_missing(spark, source.memory, asked, source.engine, source.decoding)
    with stages.stage("look up" if attempt.name == FIRST else f"look up {attempt.name}"):
        _look_up(spark, source.memory, asked, attempt.known(round), chunks)
    return work


def _counts(added: Callable[[], Work]) -> tuple[int, int]:
    work = added()
    return work.segments, work.target_tokens


def ask(spark: SparkSession, attempt: Attempt, chunks: Sequence[str], round: int, stages: Stages) -> None:
    """Writes what the chunks ask in a round."""
    with stages.stage("ask" if attempt.name == FIRST else f"ask {attempt.name}"):
        in_tasks(spark, chunks, lambda chunk: attempt.ask(chunk, round))


def in_tasks(spark: SparkSession, chunks: Sequence[str], do: Callable[[str], None]) -> None:
    """Does something for each chunk, each in a Spark task of its own."""
    spark.sparkContext.parallelize(chunks, len(chunks)).foreach(do)


def asked_in(spark: SparkSession, attempt: Attempt, round: int) -> DataFrame:
    """What was asked in a round (schema `ASKED`)."""
    return spark.read.schema(_ASKED).parquet(str(attempt.asked(round)))


def _look_up(
    spark: SparkSession, memory: TranslationMemory, asked: DataFrame, folder: Path, chunks: Sequence[str]
) -> None:
    """Writes the answers to what each chunk asked, but for those that are there.

    What was looked up stays as it is: what is asked next depends on it, and another run may add to the memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in TRANSLATIONS.fields if field.name not in ("key", "made_by")]
    answers = asked.join(memory.read(spark).select(*names), SEGMENTS.columns)

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if not held:
            return
        table = pa.Table.from_batches(held)
        for chunk in table.column("chunk").unique().to_pylist():
            rows = table.filter(pc.equal(table.column("chunk"), chunk)).select(names)
            path = chunk_path(folder, chunk)
            if not path.exists():
                with replacing(path) as temporary:
                    pq.write_table(rows.sort_by([("tgt", "ascending"), ("text", "ascending")]), temporary)
        yield from ()  # nothing but files

    # as many partitions as chunks, so that a task holds few of them
    answers.select("chunk", *names).repartition(len(chunks), "chunk").mapInArrow(
        write, "chunk string"
    ).count()
