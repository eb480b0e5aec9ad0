"""Overlap of a small set with very much training data: which of the set's n-grams stand there.

The other way round than `contamination.py`, where a small index of evaluation sets is held against every training row:
here a few texts are decided on, and the training data is what one would not index. It is read once, by Spark's tasks,
and what comes back is no more than the small set's own n-grams.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from pipelines.dedup.contamination import Hashes, ngram_hashes
from pipelines.dedup.texts import data_files, parquet_texts
from pipelines.errors import UserError
from pipelines.normalize import normalize
from pipelines.streams import COMPRESSIONS, BrokenFile

TextsOf = Callable[[Path], Iterable[str]]  # the texts of a file that is not Parquet
Unit = tuple[int, Path, int | None]  # a file's number and path, and a row group of it if it is Parquet

_BATCH = 4096  # texts


@dataclass(frozen=True)
class Overlap:
    """The highest share of n-grams, over some texts, that stand in training data; the file that has most of them."""

    share: float
    file: str | None


@dataclass(frozen=True)
class TrainingData:
    """Files of training data, and how n-grams of them are made (`contamination.ngram_hashes`)."""

    files: tuple[Path, ...]
    texts_of: TextsOf
    words: int
    chars: int

    def overlaps(self, spark: SparkSession, groups: Sequence[Sequence[str]]) -> list[Overlap]:
        """For each group of texts, the overlap of the text that has the most. One pass over the training data.

        Raises `UserError` with every file that cannot be read, or holds no text at all: what is held against nothing
        passes.
        """
        texts = [normalize(text) for group in groups for text in group]
        if not texts:
            return [Overlap(0.0, None) for _ in groups]
        grams, counts = ngram_hashes(texts, self.words, self.chars)
        wanted = np.unique(grams)
        file_of = self._find(spark, wanted)
        found = np.isin(grams, np.fromiter(file_of, dtype=np.uint64, count=len(file_of)))
        ends = np.cumsum(counts)
        of_texts = iter(zip(ends - counts, ends, strict=True))
        overlaps = []
        for group in groups:
            best = Overlap(0.0, None)
            for start, end in itertools.islice(of_texts, len(group)):
                share = float(found[start:end].mean()) if end > start else 0.0
                if share > best.share:
                    best = Overlap(share, _most_frequent(grams[start:end][found[start:end]], file_of))
            overlaps.append(best)
        return overlaps

    def _find(self, spark: SparkSession, wanted: Hashes) -> dict[int, str]:
        """Of the n-grams `wanted`, those in the training data, each with the first file that has it."""
        if not len(wanted):
            return {}
        units = [(number, path, group) for number, path in enumerate(self.files) for group in _groups(path)]
        shared = spark.sparkContext.broadcast(wanted)
        words, chars, texts_of = self.words, self.chars, self.texts_of

        def look(units: Iterable[Unit]) -> Iterator[tuple[int, int] | int | str]:
            """N-grams with a file's number, the numbers of files that hold texts, and problems."""
            first: dict[int, int] = {}
            speaking: set[int] = set()
            for number, path, group in units:
                texts = parquet_texts(path, group) if group is not None else texts_of(path)
                try:
                    for batch in _batches(texts):
                        speaking.add(number)
                        for hit in _hits(batch, shared.value, words, chars):
                            first.setdefault(hit, number)
                except (UserError, BrokenFile, OSError, pa.ArrowException) as error:
                    # what a task raises comes to the driver as Java's; this is for a person
                    yield f"training: {path}: cannot be read ({error})"
            yield from first.items()
            yield from speaking

        # few tasks, so that few n-grams come back more than once
        tasks = max(1, min(len(units), 4 * spark.sparkContext.defaultParallelism))
        found = spark.sparkContext.parallelize(units, tasks).mapPartitions(look).collect()
        shared.destroy()
        if problems := sorted(one for one in found if isinstance(one, str)):
            raise UserError(*problems)
        speaking = {one for one in found if isinstance(one, int)}
        if silent := [path for number, path in enumerate(self.files) if number not in speaking]:
            raise UserError(*(f"training: {path}: holds no text" for path in silent))
        numbers: dict[int, int] = {}
        for one in found:
            if isinstance(one, tuple):
                hit, number = one
                numbers[hit] = min(number, numbers.get(hit, number))
        return {hit: file_label(self.files[number]) for hit, number in numbers.items()}


def file_label(path: Path) -> str:
    """A file of training data as it is told of: a shard with its folder, since shards of all folders bear one name."""
    return f"{path.parent.name}/{path.name}" if path.suffix == ".parquet" else path.name


def training_files(paths: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """The files in `paths` (files, and those of folders) that end in one of `suffixes`, compressed or not.

    Of the output of a job, what is published (`texts.data_files`). Manifests and what lies in hidden folders
    are not data. Raises `UserError` for a path that holds none.
    """
    files: list[Path] = []
    problems = []
    for path in paths:
        inside = sorted(data_files(path)) if path.is_dir() else [path]
        found = [
            file
            for file in inside
            if file.is_file()
            and _kind(file) in suffixes
            and file.name not in ("manifest.json", "checksums.json")
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
        ]
        if not found:
            problems.append(f"training: {path}: holds no training data; expected {', '.join(suffixes)}")
        files += found
    if problems:
        raise UserError(*problems)
    return list(dict.fromkeys(files))


def _kind(path: Path) -> str:
    """The suffix of a file, that of its compression apart."""
    return Path(path.stem).suffix if path.suffix in COMPRESSIONS else path.suffix


def _groups(path: Path) -> Sequence[int | None]:
    """What a task reads: a row group of Parquet, or another file whole."""
    if path.suffix != ".parquet":
        return [None]
    try:
        return range(pq.read_metadata(path).num_row_groups)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"training: {path}: is no Parquet file ({error})") from None


def _hits(texts: Sequence[str], wanted: Hashes, words: int, chars: int) -> list[int]:
    grams = ngram_hashes([normalize(text) for text in texts], words, chars)[0]
    return np.unique(grams[_contained(grams, wanted)]).tolist() if len(grams) else []


def _contained(grams: Hashes, wanted: Hashes) -> npt.NDArray[np.bool_]:
    place = np.minimum(np.searchsorted(wanted, grams), len(wanted) - 1)
    return np.asarray(wanted[place] == grams)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch


def _most_frequent(grams: Hashes, file_of: dict[int, str]) -> str:
    names = [file_of[gram] for gram in grams.tolist()]
    return max(dict.fromkeys(names), key=names.count)
