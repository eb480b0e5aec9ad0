"""What a report shows of the rows themselves: distributions, duplicate clusters and samples.

Each file is looked at by one Spark task; what comes to the driver is small, whatever the corpus.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.shards.published import BuiltDataset, read_rows
from quality.pages import MOST_LETTERS
from schemas.parallel import REJECTED
from schemas.reasons import KEPT

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


class _Looked(NamedTuple):
    """Of some rows of a pair: counts per bin by measure, and the `most` rows with the least hashes, with these."""

    histograms: dict[str, Any]
    samples: list[tuple[int, dict[str, Any]]]
    most: int


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
        for folder in (dataset.kept, dataset.rejected)
        if folder is not None
        for path in sorted(folder.rglob("*.parquet"))
    ]
    seed = dataset.config.seed
    found = Statistics({}, {}, {}, _cluster_sizes(spark, dataset))
    if not files:
        return found
    # what the files say of the same pair and reason is merged before it comes to the driver
    looked = spark.sparkContext.parallelize(files, len(files)).flatMap(lambda file: _look(*file, seed))
    merged = looked.reduceByKey(_merged).collect()
    for (pair, reason), part in sorted(merged, key=lambda item: item[0]):
        side = found.kept if reason == KEPT else found.rejected
        for name, counts in part.histograms.items():
            side[pair, name] = side.get((pair, name), np.zeros(BINS, dtype=np.int64)) + counts
        found.samples[pair, reason] = [row for _, row in part.samples]
    return found


def _look(pair: str, path: str, seed: int) -> Iterator[tuple[tuple[str, str], _Looked]]:
    """A file's histograms and samples by (pair, reason or `kept`)."""
    file = pq.ParquetFile(path)
    rejected = "reason" in file.schema_arrow.names
    names = [*_SHOWN, *(measure.name for measure in MEASURES), *(["reason", "detail"] if rejected else [])]
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=names)
        for reason in table.column("reason").unique().to_pylist() if rejected else [KEPT]:
            of_reason = table.filter(pc.equal(table.column("reason"), reason)) if rejected else table
            histograms = {m.name: _histogram(of_reason.column(m.name), m) for m in MEASURES}
            most = _KEPT_SAMPLES if reason == KEPT else _REJECTED_SAMPLES
            yield (pair, reason), _Looked(histograms, _least(of_reason, most, seed), most)


def _merged(one: _Looked, other: _Looked) -> _Looked:
    histograms = {name: counts + other.histograms[name] for name, counts in one.histograms.items()}
    samples = heapq.nsmallest(
        one.most, [*one.samples, *other.samples], key=lambda row: (row[0], row[1]["id"])
    )
    return _Looked(histograms, samples, one.most)


def _histogram(column: pa.ChunkedArray, measure: Measure) -> Any:
    values = column.drop_null().to_numpy().astype(np.float64)
    inside = np.clip(values, measure.low, np.nextafter(measure.high, measure.low))
    return np.histogram(inside, bins=BINS, range=(measure.low, measure.high))[0]


def _least(table: pa.Table, most: int, seed: int) -> list[tuple[int, dict[str, Any]]]:
    """The rows with the least hashes of seed and id, and these; texts are cut."""
    hashes = np.array([zlib.crc32(f"{seed} {row_id}".encode()) for row_id in table.column("id").to_pylist()])
    places = np.argsort(hashes, kind="stable")[:most]
    rows = table.take(pa.array(places)).to_pylist()
    for row in rows:
        for name in ("src_text", "tgt_text"):
            row[name] = row[name][: MOST_LETTERS + 1]
    return [(int(hashes[place]), row) for place, row in zip(places, rows, strict=True)]


def _cluster_sizes(spark: SparkSession, dataset: BuiltDataset) -> dict[int, int]:
    """How many duplicate clusters there are of each size, the survivor counted."""
    if dataset.rejected is None:
        return {}
    copies = read_rows(spark, REJECTED, dataset.rejected).where(
        F.col("reason").isin("exact_duplicate", "near_duplicate")
    )
    sizes = copies.groupBy("cluster_id").count().groupBy((F.col("count") + 1).alias("size")).count()
    return {row["size"]: row["count"] for row in sorted(sizes.collect())}
