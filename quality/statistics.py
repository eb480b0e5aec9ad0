"""What a report shows of the rows themselves: distributions, duplicate clusters and samples.

Each file is looked at by one Spark task; what comes to the driver is small, whatever the corpus.
"""

from __future__ import annotations

import heapq
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.shards.published import BuiltDataset
from quality.figures import KEPT
from schemas.parallel import REJECTED

BINS = 40
_KEPT_SAMPLES = 500  # of a pair; a tokenizer's fertility is measured on them
_REJECTED_SAMPLES = 6  # of a pair and reason
_SHOWN = ("id", "src_text", "tgt_text", "corpus", "file", "line", "src_lang", "tgt_lang", "zh_script")


@dataclass(frozen=True)
class Measure:
    """A score whose distribution is shown, from `low` to `high`; what lies outside counts to the ends."""

    name: str
    title: str
    low: float
    high: float
    thresholds: tuple[str, ...]


MEASURES = (
    Measure("margin", "LASER margin (mined corpora)", 1.0, 1.3, ("margin.min",)),
    Measure(
        "length_ratio", "length ratio, target / source", 0.0, 3.0, ("length_ratio.min", "length_ratio.max")
    ),
    Measure("lid_src_claimed", "probability of the claimed source language", 0.0, 1.0, ("lid.min_src",)),
    Measure("lid_tgt_claimed", "probability of the claimed target language", 0.0, 1.0, ("lid.min_tgt",)),
    Measure("src_length", "source length, words", 0.0, 80.0, ("length.min_words", "length.max_words")),
    Measure(
        "tgt_length",
        "target length, words (characters in a script without spaces)",
        0.0,
        80.0,
        ("length.max_words",),
    ),
)

# (pair, measure) -> counts per bin
Histograms = dict[tuple[str, str], np.ndarray[Any, np.dtype[np.int64]]]


@dataclass
class Statistics:
    """Distributions of kept and of rejected rows, samples by (pair, reason or `kept`), and clusters by size."""

    kept: Histograms
    rejected: Histograms
    samples: dict[tuple[str, str], list[dict[str, Any]]]
    clusters: dict[int, int]


def statistics(spark: SparkSession, dataset: BuiltDataset) -> Statistics:
    """Looks at all kept and rejected rows of a run's output. Samples are the rows least by a hash of seed and id."""
    files = [
        (path.parent.name, str(path))
        for folder in (dataset.parallel, dataset.rejected)
        if folder is not None
        for path in sorted(folder.rglob("*.parquet"))
    ]
    seed = dataset.config.seed
    found = Statistics({}, {}, {}, _cluster_sizes(spark, dataset))
    if not files:
        return found
    merged: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    tasks = spark.sparkContext.parallelize(files, len(files)).map(lambda file: _look(*file, seed))
    for pair, rejected, histograms, samples in tasks.collect():
        side = found.rejected if rejected else found.kept
        for name, counts in histograms.items():
            side[pair, name] = side.get((pair, name), np.zeros(BINS, dtype=np.int64)) + counts
        for reason, rows in samples.items():
            merged[pair, reason] = _least([*merged[pair, reason], *rows], reason)
    found.samples = {key: [row for _, row in rows] for key, rows in sorted(merged.items())}
    return found


def _look(
    pair: str, path: str, seed: int
) -> tuple[str, bool, Mapping[str, Any], Mapping[str, list[tuple[int, dict[str, Any]]]]]:
    """A file's pair, whether its rows were rejected, its histograms, and its samples with their hashes."""
    file = pq.ParquetFile(path)
    rejected = "reason" in file.schema_arrow.names
    names = [*_SHOWN, *(measure.name for measure in MEASURES), *(["reason", "detail"] if rejected else [])]
    histograms: dict[str, Any] = {}
    samples: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=names)
        for measure in MEASURES:
            counts = _histogram(table.column(measure.name), measure)
            histograms[measure.name] = histograms.get(measure.name, 0) + counts
        for reason, row in _candidates(table, rejected, seed):
            samples[reason].append(row)
    return pair, rejected, histograms, {reason: _least(rows, reason) for reason, rows in samples.items()}


def _histogram(column: pa.ChunkedArray, measure: Measure) -> Any:
    values = column.drop_null().to_numpy().astype(np.float64)
    inside = np.clip(values, measure.low, np.nextafter(measure.high, measure.low))
    return np.histogram(inside, bins=BINS, range=(measure.low, measure.high))[0]


def _candidates(
    table: pa.Table, rejected: bool, seed: int
) -> Iterator[tuple[str, tuple[int, dict[str, Any]]]]:
    """The rows of a row group that are among its samples, by reason."""
    hashes = np.array([zlib.crc32(f"{seed} {row_id}".encode()) for row_id in table.column("id").to_pylist()])
    reasons = table.column("reason").unique().to_pylist() if rejected else [KEPT]
    for reason in reasons:
        if rejected:
            places = np.flatnonzero(pc.equal(table.column("reason"), reason).to_numpy())
        else:
            places = np.arange(table.num_rows)
        least = places[np.argsort(hashes[places], kind="stable")[: _wanted(reason)]]
        for place, row in zip(least, table.take(pa.array(least)).to_pylist(), strict=True):
            yield reason, (int(hashes[place]), row)


def _wanted(reason: str) -> int:
    return _KEPT_SAMPLES if reason == KEPT else _REJECTED_SAMPLES


def _least(rows: Sequence[tuple[int, dict[str, Any]]], reason: str) -> list[tuple[int, dict[str, Any]]]:
    return heapq.nsmallest(_wanted(reason), rows, key=lambda row: (row[0], row[1]["id"]))


def _cluster_sizes(spark: SparkSession, dataset: BuiltDataset) -> dict[int, int]:
    """How many duplicate clusters there are of each size, the survivor counted."""
    if dataset.rejected is None:
        return {}
    reader = spark.read.schema(REJECTED.ddl()).option("recursiveFileLookup", "true")
    rejected = reader.option("pathGlobFilter", "*.parquet").parquet(str(dataset.rejected))
    copies = rejected.where(F.col("reason").isin("exact_duplicate", "near_duplicate"))
    sizes = copies.groupBy("cluster_id").count().groupBy((F.col("count") + 1).alias("size")).count()
    return {row["size"]: row["count"] for row in sorted(sizes.collect())}
