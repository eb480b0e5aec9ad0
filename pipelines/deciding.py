"""Deciding: scored rows in, a decision on each out. The corpora and the native libraries are not needed.

First each row by itself (thresholds), then the rows that pass against one another: exact duplicates, near-duplicates,
hubs and caps. A row that falls by itself never represents, and never drops, another. Most rows share neither side with
another row, so what compares rows looks at few of them: the rest are neither sorted nor sent around.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from pipelines import splits
from pipelines.atomic import replacing
from pipelines.cleaning.decide import join_thresholds, row_reason, threshold, thresholds_table
from pipelines.dedup import caps, near
from schemas.config import RunConfig
from schemas.parallel import SCORED

_FEW_ROWS = 500_000  # tables of so many rows fit into every task

DECISIONS = pa.schema(
    [
        pa.field("row", pa.int64(), False),
        pa.field("reason", pa.string()),
        pa.field("cluster_id", pa.string(), False),
        pa.field("split", pa.string(), False),
    ]
)


def decide(
    spark: SparkSession,
    config: RunConfig,
    scored: Path,
    out: Path,
    combinations: Sequence[tuple[str, str]],
    rows: int,
) -> list[dict[str, object]]:
    """Writes a file of decisions (schema `DECISIONS`, ordered by row) for each scored chunk, under the same name.

    `combinations` are the (corpus, pair) of the run, `rows` how many rows were scored. Returns the counts: dicts of
    `corpus`, `pair`, `reason` (null for kept) and `count`.
    """
    table = spark.read.schema(SCORED.ddl()).option("recursiveFileLookup", "true").parquet(str(scored))
    judged = _judge(spark, config, table, combinations).persist(StorageLevel.MEMORY_AND_DISK)
    passing = judged.where(F.col("reason").isNull()).drop("reason")
    shared = _sharing_a_side(passing).persist(StorageLevel.MEMORY_AND_DISK)
    few = _are_few(shared, rows)
    alike = passing.drop("bands").join(_sent_along(shared, few), "row", "left_semi")
    alike = _exact_duplicates(alike).persist(StorageLevel.MEMORY_AND_DISK)
    copies = alike.where(F.col("first_row") != F.col("row"))
    best = passing.join(_sent_along(copies, few), "row", "left_anti")
    fallen = _near_duplicates(spark, config, table, best, rows)
    verdicts = _verdicts(alike, fallen, config).persist(StorageLevel.MEMORY_AND_DISK)
    verdicts = _sent_along(verdicts, _are_few(verdicts, rows))
    decided = judged.withColumnRenamed("reason", "own_reason").join(verdicts, "row", "left")
    split = splits.split_of(F.col("src_key"), config.splits, config.seed)
    return _write(
        decided.select(
            "row",
            F.coalesce("own_reason", "reason").alias("reason"),
            F.coalesce("survivor", "content_id").alias("cluster_id"),
            split.alias("split"),
            "chunk",
            "corpus",
            "pair",
        ),
        out,
    )


def _are_few(part: DataFrame, rows: int) -> bool:
    """Whether a part of the `rows` fits into every task; counted only where it may not."""
    return rows <= _FEW_ROWS or part.count() <= _FEW_ROWS


def _sent_along(part: DataFrame, few: bool) -> DataFrame:
    """For joins: if they are few, every task gets them, and the other rows stay where they are."""
    return F.broadcast(part) if few else part


def _rank() -> Column:
    """Which of two duplicates is better (lower): higher margin, then the corpus's priority, then file and line.

    A row without a margin comes after those with one.
    """
    margin = F.coalesce(-F.col("margin"), F.lit(float("inf")))
    return F.struct(margin.alias("margin"), F.col("priority"), F.col("row"))


def _judge(
    spark: SparkSession, config: RunConfig, scored: DataFrame, combinations: Sequence[tuple[str, str]]
) -> DataFrame:
    thresholds = thresholds_table(spark, config, combinations)
    # `_metadata` is Spark's: the chunk's own file name
    named = scored.select("*", F.col("_metadata.file_name").alias("chunk"))
    return join_thresholds(named, thresholds).select(
        "row",
        "chunk",
        "corpus",
        "pair",
        "content_id",
        "src_key",
        "tgt_key",
        _rank().alias("rank"),
        F.col("margin").isNotNull().alias("mined"),
        threshold("hub.max_partners").alias("max_partners"),
        "bands",
        row_reason(config).alias("reason"),
    )


def _sharing_a_side(passing: DataFrame) -> DataFrame:
    """Column `row`: those whose source or target another row of the pair has; no others are duplicates, or capped."""
    sides = F.array(*(F.xxhash64("pair", F.lit(side), side) for side in ("src_key", "tgt_key")))
    keys = passing.select("row", F.explode(sides).alias("key"))
    shared = keys.withColumn("rows", F.count("*").over(Window.partitionBy("key"))).where("rows > 1")
    return shared.select("row").distinct()


def _exact_duplicates(rows: DataFrame) -> DataFrame:
    """Adds `first_row`: the best row of the same content."""
    same = Window.partitionBy("content_id").orderBy("rank")
    return rows.withColumn("first_row", F.first("row").over(same))


def _near_duplicates(
    spark: SparkSession, config: RunConfig, scored: DataFrame, best: DataFrame, rows: int
) -> DataFrame:
    """The near-duplicates among the best rows of each content: columns `row`, `survivor` (its content)."""
    settings = config.dedup.near
    if not settings.enabled:
        return spark.createDataFrame([], "row bigint, survivor string")
    partitions = near.partitions_for(rows, settings.bands, spark.sparkContext.defaultParallelism)
    pairs = near.candidates(best.select("row", "pair", "bands"), partitions).persist(
        StorageLevel.MEMORY_AND_DISK
    )
    wanted = (
        pairs.select(F.explode(F.array("a", "b")).alias("row"))
        .distinct()
        .persist(StorageLevel.MEMORY_AND_DISK)
    )
    few = _are_few(wanted, rows)
    ranked = best.select("row", "rank", "content_id").join(_sent_along(wanted, few), "row", "left_semi")
    texts = scored.select("row", "src_lang", "tgt_lang", "src_text", "tgt_text")
    texts = texts.join(_sent_along(ranked, few), "row").persist(StorageLevel.MEMORY_AND_DISK)
    shingle = {code: config.language(code).shingle for pair in config.pairs for code in pair.split("-")}
    fallen = near.resolve(near.verify(pairs, texts, settings, shingle))
    return fallen.select("row", F.col("content_id").alias("survivor"))


def _verdicts(alike: DataFrame, fallen: DataFrame, config: RunConfig) -> DataFrame:
    """Why rows fall that pass by themselves: columns `row`, `reason`, `survivor` (content of whom they duplicate)."""
    # a copy of a near-duplicate is represented by the near-duplicate's survivor
    ends = alike.join(fallen.withColumnRenamed("row", "first_row"), "first_row", "left")
    copy = F.col("first_row") != F.col("row")
    standing = ends.where(~copy & F.col("survivor").isNull()).drop("survivor")
    nobody = F.lit(None).cast("string")
    return (
        ends.where(copy)
        .select(
            "row",
            F.lit("exact_duplicate").alias("reason"),
            F.coalesce("survivor", "content_id").alias("survivor"),
        )
        .unionAll(fallen.select("row", F.lit("near_duplicate"), "survivor"))
        .unionAll(
            caps.cap(standing, config.dedup.caps)
            .where(F.col("reason").isNotNull())
            .select("row", "reason", nobody)
        )
    )


def _write(decided: DataFrame, out: Path) -> list[dict[str, object]]:
    out.mkdir(parents=True, exist_ok=True)

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if not held:
            return
        table = pa.Table.from_batches(held)
        for chunk in table.column("chunk").unique().to_pylist():
            rows = table.filter(pa.compute.equal(table.column("chunk"), chunk)).sort_by("row")
            with replacing(out / str(chunk)) as temporary:
                pq.write_table(rows.select(DECISIONS.names).cast(DECISIONS), temporary, compression="lz4")
        counts = table.group_by(["corpus", "pair", "reason"]).aggregate([([], "count_all")])
        yield from counts.rename_columns(["corpus", "pair", "reason", "count"]).to_batches()

    counts = decided.repartition("chunk").mapInArrow(
        write, "corpus string, pair string, reason string, count bigint"
    )
    totals = counts.groupBy("corpus", "pair", "reason").agg(F.sum("count").alias("count")).collect()
    return sorted(
        (row.asDict() for row in totals), key=lambda row: (row["corpus"], row["pair"], row["reason"] or "")
    )


def summarise(counts: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """The manifest's `counts[]`: for each corpus and pair `read`, `kept` and `rejected` by reason."""
    summary: dict[tuple[str, str], dict[str, object]] = {}
    for count in counts:
        entry = summary.setdefault(
            (str(count["corpus"]), str(count["pair"])),
            {"corpus": count["corpus"], "pair": count["pair"], "kept": 0, "rejected": {}},
        )
        if count["reason"] is None:
            entry["kept"] = count["count"]
        else:
            entry["rejected"][count["reason"]] = count["count"]  # type: ignore[index]
    return [summary[key] for key in sorted(summary)]
