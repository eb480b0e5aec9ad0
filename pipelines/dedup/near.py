"""Near-duplicates within a pair: candidates by LSH, each verified exactly, survivors chosen deterministically.

Two pairs of texts are as similar as the lower of their two sides' Jaccard similarities. Rows that share a band are
candidates; in a bucket of many rows each is compared with the bucket's first row and with its `_WINDOW` neighbours, so
that work grows linearly with a bucket, however skewed (what is alike meets again in other bands).

Survivors are the greedy maximal independent set in order of rank: a row falls only to a better row that itself stays
and to which it is similar, so a chain of near-duplicates is split where it drifts. The set is found in rounds (Luby,
SIAM J. Comput. 15(4), 1986, with ranks for random numbers), without a graph library, until few are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from pipelines.dedup.jaccard import similarities
from schemas.config import Near

_WINDOW = 32
_FEW_EDGES = 200_000  # so many the driver may hold
_FALLEN = pa.schema({"row": pa.int64(), "survivor": pa.int64(), "content_id": pa.string()})
_KEYS_IN_PARTITION = 4_000_000  # bounds what a task holds: 16 bytes a key


def candidates(rows: DataFrame, partitions: int) -> DataFrame:
    """Pairs of rows that share a band: columns `a`, `b` (a < b), distinct. `rows` has `row`, `pair`, `bands`."""
    banded = rows.select("row", "pair", F.posexplode("bands").alias("position", "band"))
    keys = banded.select("row", F.xxhash64("pair", "position", "band").alias("key"))
    pairs = keys.repartition(partitions, "key").mapInArrow(_pairs_in_buckets, "a bigint, b bigint")
    return pairs.distinct()


def partitions_for(rows: int, bands: int, minimum: int) -> int:
    """How many partitions keep a task's share of the band keys within bounds."""
    return max(minimum, -(-rows * bands // _KEYS_IN_PARTITION))


def _pairs_in_buckets(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    held = list(batches)
    if not held:
        return
    table = pa.Table.from_batches(held)
    key, row = (table.column(name).to_numpy() for name in ("key", "row"))
    order = np.argsort(key)
    key, row = key[order], row[order]
    shared = np.zeros(len(key), dtype=bool)
    shared[1:] = key[1:] == key[:-1]
    shared[:-1] |= shared[1:]
    key, row = key[shared], row[shared]
    if not len(key):
        return
    order = np.lexsort((row, key))  # few are left, and their order must not depend on how they came
    key, row = key[order], row[order]
    place = np.arange(len(key))
    first = np.searchsorted(key, key)  # of each bucket
    found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    for distance in range(1, _WINDOW + 1):
        same = key[distance:] == key[:-distance]
        if not same.any():
            break
        found.append((row[:-distance][same], row[distance:][same]))
    far = place - first > _WINDOW
    found.append((row[first[far]], row[far]))
    left, right = (np.concatenate([pair[side] for pair in found]) for side in (0, 1))
    a, b = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((b, a))
    a, b = a[order], b[order]
    new = np.ones(len(a), dtype=bool)
    new[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    yield pa.RecordBatch.from_pydict({"a": a[new], "b": b[new]})


def verify(pairs: DataFrame, texts: DataFrame, near: Near, shingle: Mapping[str, int]) -> DataFrame:
    """The candidates that are near-duplicates, as edges from the better row to the worse one.

    `texts` has `row`, `rank` (lower is better), `content_id`, `src_lang`, `tgt_lang`, `src_text`, `tgt_text`.
    Columns: `better`, `worse`, `rank` and `content_id` of the better row.
    """
    sides = {
        name: texts.select(
            F.col("row").alias(name),
            *(F.col(column).alias(f"{column}_{name}") for column in texts.columns[1:]),
        )
        for name in ("a", "b")
    }
    both = pairs.join(sides["a"], "a").join(sides["b"], "b")

    def compare(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for side in ("src", "tgt"):
                batch = batch.filter(pa.array(_similar(batch, side, shingle) >= near.threshold))
            yield batch.select(["a", "b", "rank_a", "rank_b", "content_id_a", "content_id_b"])

    rank = both.schema["rank_a"].dataType.simpleString()
    edges = both.select(
        "a", "b", "rank_a", "rank_b", "content_id_a", "content_id_b",
        "src_lang_a", "tgt_lang_a", "src_text_a", "src_text_b", "tgt_text_a", "tgt_text_b",
    ).mapInArrow(
        compare,
        f"a bigint, b bigint, rank_a {rank}, rank_b {rank}, content_id_a string, content_id_b string",
    )  # fmt: skip
    a_better = F.col("rank_a") < F.col("rank_b")
    return edges.select(
        F.when(a_better, F.col("a")).otherwise(F.col("b")).alias("better"),
        F.when(a_better, F.col("b")).otherwise(F.col("a")).alias("worse"),
        F.when(a_better, F.col("rank_a")).otherwise(F.col("rank_b")).alias("rank"),
        F.when(a_better, F.col("content_id_a")).otherwise(F.col("content_id_b")).alias("content_id"),
    )


def _similar(batch: pa.RecordBatch, side: str, shingle: Mapping[str, int]) -> npt.NDArray[np.float64]:
    """The similarity of each couple's texts of one side."""
    found = np.empty(batch.num_rows)
    one, other = (np.array(batch.column(f"{side}_text_{row}").to_pylist(), dtype=object) for row in "ab")
    lengths = np.array([shingle[lang] for lang in batch.column(f"{side}_lang_a").to_pylist()])
    for n in np.unique(lengths):
        of_length = lengths == n
        found[of_length] = similarities(one[of_length].tolist(), other[of_length].tolist(), int(n))
    return found


def resolve(edges: DataFrame) -> DataFrame:
    """The rows that fall and to whom: columns `row`, `survivor`, `content_id` (the survivor's).

    Each round settles the rows that no undecided better row threatens. What is left after it, or was so little from the
    start that the driver may hold it, is settled there in one greedy pass; the outcome is the same.
    """
    spark = edges.sparkSession
    edges = edges.persist(StorageLevel.MEMORY_AND_DISK)
    fallen = spark.createDataFrame(_FALLEN.empty_table())
    while edges.limit(_FEW_EDGES + 1).count() > _FEW_EDGES:
        falls = _fall_to_the_unthreatened(edges).persist(StorageLevel.MEMORY_AND_DISK)
        fallen = fallen.unionAll(falls)
        gone = falls.select("row")
        edges = (
            edges.join(gone.withColumnRenamed("row", "worse"), "worse", "left_anti")
            .join(gone.withColumnRenamed("row", "better"), "better", "left_anti")
            .localCheckpoint()
        )
    rest = pa.Table.from_pylist(_greedy(edges.collect()), schema=_FALLEN)
    return fallen.unionAll(spark.createDataFrame(rest))


def _fall_to_the_unthreatened(edges: DataFrame) -> DataFrame:
    """The rows that a row without an undecided better one drops, each with the best such row."""
    threatened = edges.select(F.col("worse").alias("better")).distinct()
    return (
        edges.join(threatened, "better", "left_anti")
        .groupBy(F.col("worse").alias("row"))
        .agg(F.min(F.struct("rank", F.col("better").alias("survivor"), "content_id")).alias("best"))
        .select("row", "best.survivor", "best.content_id")
    )


def _greedy(edges: Sequence[Row]) -> list[dict[str, object]]:
    """The same for edges in memory: from the best row on, each that has not fallen drops those it is better than."""
    fallen: dict[int, dict[str, object]] = {}
    for edge in sorted(edges, key=lambda edge: (edge["rank"], edge["worse"])):
        if edge["better"] not in fallen:
            falls = {"row": edge["worse"], "survivor": edge["better"], "content_id": edge["content_id"]}
            fallen.setdefault(edge["worse"], falls)
    return list(fallen.values())
