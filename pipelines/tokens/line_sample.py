"""A bounded sample of the lines of documents, drawn by hash: the same whatever the order of files and lines."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.shards.write import sha256_of
from pipelines.tokens.documents import Fault, drawn, read_documents

_LONGEST = 1_000  # characters of a line: a longer one is several


class LineSample:
    """Of the lines offered, those with the least hashes that have `most` bytes together; a line counts once."""

    def __init__(self, seed: int, most: int) -> None:
        self.bytes = 0
        self.seed, self._most = seed, most
        self._heap: list[tuple[int, str]] = []  # the greatest hash first, negated
        self._held: set[int] = set()
        self._below = 1 << 128  # a line beyond one that did not fit must not take its place

    def offer(self, line: str) -> None:
        hash = int.from_bytes(hashlib.sha256(f"{self.seed}\0{line}".encode()).digest()[:16])
        if hash >= self._below or hash in self._held:
            return
        heapq.heappush(self._heap, (-hash, line))
        self._held.add(hash)
        self.bytes += len(line.encode())
        while self.bytes > self._most:
            negated, dropped = heapq.heappop(self._heap)
            self._below = -negated
            self._held.remove(self._below)
            self.bytes -= len(dropped.encode())

    def lines(self) -> list[str]:
        """The lines in the order of their hashes."""
        return [line for _, line in sorted(self._heap, reverse=True)]


def sample_lines(
    text: Mapping[str, Sequence[Path]],
    validation: float,
    train: Mapping[str, LineSample],
    held_out: Mapping[str, LineSample],
) -> list[dict[str, Any]]:
    """Offers the lines of each language's documents to its sample in `train`, or in `held_out`.

    A share of `validation` of the documents is held out, and all of a language that is not in `train`. Returns the
    manifest's `inputs[]`, where `broken` counts lines and rows that are no documents. Raises `UserError`.
    """
    inputs = []
    for lang, paths in text.items():
        for path in paths:
            rows = broken = 0
            for document in read_documents(path):
                rows += 1
                if isinstance(document, Fault):
                    broken += 1
                    continue
                held = lang not in train or drawn(train[lang].seed, document) < validation
                sample = held_out[lang] if held else train[lang]
                for line in _lines(document):
                    sample.offer(line)
            digest = sha256_of(path)
            inputs.append({"path": path.name, "lang": lang, "rows": rows, "broken": broken, "sha256": digest})
    return inputs


def _lines(document: str) -> Iterator[str]:
    for line in filter(None, map(str.strip, document.split("\n"))):
        yield from (line[start : start + _LONGEST] for start in range(0, len(line), _LONGEST))
