"""Translated rows, kept and rejected, as the shards of each language.

A task takes one language and all chunks in order, so that rows stand in the order of the records; it streams, a chunk
is all it holds.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from pipelines.shards.write import ShardWriter, Written, describe
from pipelines.translation.attempt import merged
from schemas.fields import Dataset
from schemas.instructions import INSTRUCTIONS, REJECTED_INSTRUCTIONS
from schemas.parallel import SPLITS
from schemas.reasons import KEPT

_REJECTED = "rejected"


@dataclass
class WrittenLanguage:
    """What was written of a language: files, rows by (file, route, reason or `kept`), a digest of those kept."""

    lang: str
    files: list[Written] = field(default_factory=list)
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    sha256: str = ""


def write_languages(
    spark: SparkSession,
    languages: Sequence[str],
    chunks: Sequence[str],
    first: Path,
    retries: Sequence[Path],
    target_bytes: int,
    output: Path,
) -> list[WrittenLanguage]:
    """Writes `output/instructions/<lang>` and `output/rejected/<lang>`, from the rows of the attempts."""

    def write(lang: str) -> WrittenLanguage:
        return _write_language(lang, chunks, first, retries, target_bytes, output)

    return spark.sparkContext.parallelize(languages, len(languages)).map(write).collect()


def _write_language(
    lang: str, chunks: Sequence[str], first: Path, retries: Sequence[Path], target_bytes: int, output: Path
) -> WrittenLanguage:
    found, digest = WrittenLanguage(lang), hashlib.sha256()
    shards = {
        split: _Shards(output / "instructions" / lang, split, INSTRUCTIONS, target_bytes) for split in SPLITS
    }
    shards[_REJECTED] = _Shards(output / "rejected" / lang, "part", REJECTED_INSTRUCTIONS, target_bytes)
    for chunk in chunks:
        rows = merged(chunk, lang, first, retries)
        kept = rows.filter(pc.is_null(rows.column("reason")))
        for split in SPLITS:
            shards[split].write(kept.filter(pc.equal(kept.column("split"), split)))
        shards[_REJECTED].write(rows.filter(pc.is_valid(rows.column("reason"))))
        names = ("id", "split", "instruction", "input", "output")
        for row in zip(*(kept.column(name).to_pylist() for name in names), strict=True):
            digest.update("\0".join(row).encode() + b"\n")
        places = (rows.column(name).to_pylist() for name in ("file", "route", "reason"))
        found.counts.update(
            (file, route, reason or KEPT) for file, route, reason in zip(*places, strict=True)
        )
    found.files = [describe(path, output) for shard in shards.values() for path in shard.finish()]
    found.sha256 = digest.hexdigest()
    return found


class _Shards:
    """Shards of one split of a language, each of about `target_bytes`; one without rows does not come to be."""

    def __init__(self, folder: Path, stem: str, dataset: Dataset, target_bytes: int) -> None:
        self._folder, self._stem, self._dataset, self._target_bytes = folder, stem, dataset, target_bytes
        self._paths: list[Path] = []
        self._stack = ExitStack()
        self._writer: ShardWriter | None = None
        self._bytes = 0

    def write(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        if self._writer is None or self._bytes >= self._target_bytes:
            self._stack.close()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._paths.append(self._folder / f".{self._stem}-{uuid.uuid4().hex}")
            self._writer = ShardWriter(self._paths[-1], self._dataset, self._stack)
            self._bytes = 0
        self._writer.write(rows)
        self._bytes += rows.nbytes

    def finish(self) -> list[Path]:
        """Closes the shards and gives them their names, now that their number is known."""
        self._stack.close()
        named = [
            self._folder / f"{self._stem}-{number:05d}-of-{len(self._paths):05d}.parquet"
            for number in range(len(self._paths))
        ]
        for path, name in zip(self._paths, named, strict=True):
            path.rename(name)
        return named
