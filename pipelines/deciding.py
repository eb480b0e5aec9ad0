"""Deciding: scored rows in, a decision on each out. The corpora and the native libraries are not needed.

First each row by itself (thresholds), then the rows that pass against one another: exact duplicates, near-duplicates,
hubs and caps. A row that falls by itself never represents, and never drops, another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from pipelines.atomic import replacing
from pipelines.cleaning.decide import join_thresholds, row_reason, threshold, thresholds_table
from pipelines.dedup import caps, near, splits
from schemas.config import RunConfig
from schemas.parallel import SCORED

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
    unique = _rank_duplicates(passing).persist(StorageLevel.MEMORY_AND_DISK)
    best = unique.where(F.col("first_row") == F.col("row"))
    fallen = _near_duplicates(spark, config, table, best, rows)
    compared = _mark_duplicates(unique, fallen)
    standing = compared.where(F.col("reason").isNull()).drop("reason")
    capped = caps.cap(standing, config.dedup.caps)
    columns = ["row", "chunk", "corpus", "pair", "src_key", "cluster_id", "reason"]
    decided = (
        judged.where(F.col("reason").isNotNull())
        .withColumn("cluster_id", F.col("content_id"))
        .select(columns)
        .unionAll(compared.where(F.col("reason").isNotNull()).select(columns))
        .unionAll(capped.select(columns))
    ).withColumn("split", splits.split_of(F.col("src_key"), config.splits, config.seed))
    return _write(decided, out)


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
        row_reason(config).alias("reason"),
    )


def _rank_duplicates(passing: DataFrame) -> DataFrame:
    """Adds `first_row`: the best row of the same content."""
    same = Window.partitionBy("content_id").orderBy("rank")
    return passing.withColumn("first_row", F.first("row").over(same))


def _near_duplicates(
    spark: SparkSession, config: RunConfig, scored: DataFrame, best: DataFrame, rows: int
) -> DataFrame:
    settings = config.dedup.near
    if not settings.enabled:
        return spark.createDataFrame([], "row bigint, survivor bigint, content_id string")
    partitions = near.partitions_for(rows, settings.bands, spark.sparkContext.defaultParallelism)
    banded = scored.select("row", "pair", "bands").join(best.select("row"), "row", "left_semi")
    pairs = near.candidates(banded, partitions).persist(StorageLevel.MEMORY_AND_DISK)
    wanted = pairs.select(F.explode(F.array("a", "b")).alias("row")).distinct()
    ranked = best.select("row", "rank", "content_id").join(wanted, "row", "left_semi")
    texts = scored.select("row", "src_lang", "tgt_lang", "src_text", "tgt_text").join(ranked, "row")
    texts = texts.persist(StorageLevel.MEMORY_AND_DISK)
    shingle = {code: config.language(code).shingle for pair in config.pairs for code in pair.split("-")}
    return near.resolve(near.verify(pairs, texts, settings, shingle))


def _mark_duplicates(unique: DataFrame, fallen: DataFrame) -> DataFrame:
    """Adds `reason` (`exact_duplicate`, `near_duplicate` or null) and `cluster_id`, the final survivor's content."""
    survivors = fallen.select(F.col("row").alias("first_row"), F.col("content_id").alias("survivor"))
    joined = unique.join(survivors, "first_row", "left")
    return joined.select(
        "*",
        F.coalesce("survivor", "content_id").alias("cluster_id"),
        F.when(F.col("first_row") != F.col("row"), F.lit("exact_duplicate"))
        .when(F.col("survivor").isNotNull(), F.lit("near_duplicate"))
        .alias("reason"),
    ).drop("survivor")


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

    by_chunk = decided.repartition("chunk").select(
        "row", "reason", "cluster_id", "split", "chunk", "corpus", "pair"
    )
    counts = by_chunk.mapInArrow(write, "corpus string, pair string, reason string, count bigint")
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
