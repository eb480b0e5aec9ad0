"""The tokens of a mixture, and the order in which steps see them.

The order is a pure function of (the manifest's content hash, seed, position): no state, no shuffle buffer, no number of
ranks or workers in it. A position is looked up through a keyed permutation, computed for the positions asked for alone,
so that any step is found at once, in any epoch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.atomic import replacing
from pipelines.errors import UserError
from pipelines.shards.from_hub import fetched
from pipelines.shards.published import open_published
from schemas import datasets
from schemas.tokens import TOKENS
from schemas.training_run import DataConfig

_ROUNDS = 6
_READ = ("length", "prompt_tokens", "lang", "task")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Some rows. `ids[i][: prompts[i]]` are not learned; `groups[i]` is "language task"."""

    ids: list[npt.NDArray[np.int32]]
    prompts: list[int]
    groups: list[str]

    @property
    def lengths(self) -> list[int]:
        return [len(row) for row in self.ids]

    @property
    def learned(self) -> int:
        """Tokens that are learned."""
        return sum(self.lengths) - sum(self.prompts)


class Tokens:
    """One split of one mixture: lengths and groups in memory, the tokens in one flat file that ranks share."""

    def __init__(
        self, folder: Path, mixture: str, split: str, manifest: dict[str, Any], cache: Path | None
    ) -> None:
        """Opens what `open_tokens` has checked; without a folder for the flat file, it knows lengths alone."""
        names = [file["path"] for file in manifest["outputs"] if _is_of(file["path"], mixture, split)]
        paths = [folder / name for name in sorted(names)]
        columns = [pq.read_table(path, columns=list(_READ)) for path in paths]
        table = pa.concat_tables(columns) if columns else TOKENS.arrow().empty_table()
        self.lengths: Ints = table.column("length").to_numpy().astype(np.int64)
        self.prompts: Ints = table.column("prompt_tokens").to_numpy().astype(np.int64)
        groups = pc.binary_join_element_wise(table.column("lang"), table.column("task"), " ")
        coded = groups.combine_chunks().dictionary_encode()
        self.groups: list[str] = coded.dictionary.to_pylist()
        self._group_of: npt.NDArray[np.int32] = coded.indices.to_numpy()
        self.content_sha256 = str(manifest["content_sha256"])
        self._starts: Ints = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        self._flat: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        if paths and cache is not None:
            flat = cache / f"{self.content_sha256[:32]}-{mixture}-{split}.int32"
            if not flat.exists() or flat.stat().st_size != 4 * self._starts[-1]:
                _flatten(paths, flat)
            self._flat = np.memmap(flat, np.int32, "r")

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, places: Ints) -> Examples:
        """The rows at these places."""
        ids = [self._flat[self._starts[place] : self._starts[place + 1]] for place in places]
        return Examples(
            ids, self.prompts[places].tolist(), [self.groups[self._group_of[place]] for place in places]
        )

    def at(self, positions: Ints, seed: int) -> Ints:
        """The places of the rows at these positions of the order; position n is the first of the second epoch."""
        found = np.empty(len(positions), np.int64)
        epochs = positions // len(self)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            key = hashlib.sha256(f"{self.content_sha256}\0{seed}\0{epoch}".encode()).digest()
            found[chosen] = permuted(positions[chosen] % len(self), len(self), key)
        return found

    def step(self, step: int, batch: int, epochs: float, seed: int) -> Ints:
        """The places of the rows of optimiser step `step` (from 0); the last step of a run may be short."""
        end = min((step + 1) * batch, self.examples(epochs))
        return self.at(np.arange(step * batch, end, dtype=np.int64), seed)

    def examples(self, epochs: float) -> int:
        """How many examples so many epochs have."""
        return round(epochs * len(self))


def open_tokens(
    config: DataConfig, cache: Path | None, checksums: bool
) -> tuple[Tokens, Tokens, dict[str, Any], Path]:
    """The splits `train` and `validation` of a mixture, the manifest, and the folder that holds the tokenizer.

    `cache` holds the flat files, which one node's ranks share; without it, lengths can be read alone. Raises
    `UserError`.
    """
    dataset = open_published(config.tokens or fetched(str(config.hub)), datasets.TOKENS, checksums)
    folder, manifest, mixture = dataset.folder, dataset.manifest, config.mixture
    empty = [str(file["path"]) for file in manifest["outputs"] if not file["rows"]]
    if empty:
        raise UserError(f"{folder}: empty shard {', '.join(empty)}; tokenise again")
    known = sorted({str(file["path"]).split("/")[0] for file in manifest["outputs"]})
    if mixture not in known:
        raise UserError(f"data.mixture: {folder} has no mixture {mixture!r}; it has {', '.join(known)}")
    train, validation = (Tokens(folder, mixture, split, manifest, cache) for split in ("train", "validation"))
    if not len(train):
        raise UserError(f"{folder}: the mixture {mixture} has no rows to train on (split `train`)")
    return train, validation, manifest, folder


def _is_of(path: str, mixture: str, split: str) -> bool:
    folder, name = path.split("/")[-2:]
    return folder == mixture and name.startswith(f"{split}-")


def _flatten(paths: list[Path], flat: Path) -> None:
    """Writes the tokens of all rows, end to end, as int32: random access, which Parquet is not made for."""
    with replacing(flat) as temporary, temporary.open("wb") as stream:
        for path in paths:
            for batch in pq.ParquetFile(path).iter_batches(16_384, columns=["input_ids"]):
                column = batch.column("input_ids")
                stream.write(np.ascontiguousarray(column.flatten().to_numpy(), np.int32).tobytes())


def permuted(positions: Ints, n: int, key: bytes) -> Ints:
    """Where a keyed permutation of [0, n) takes these positions.

    A Feistel network over the least power of four that holds n, walked on until the value is below n (Black and Rogaway
    2002); fewer than four walks on average.
    """
    half = max(1, (max(n - 1, 1).bit_length() + 1) // 2)
    mask = np.uint64((1 << half) - 1)
    keys = [
        np.uint64(int.from_bytes(hashlib.sha256(key + bytes([number])).digest()[:8], "little"))
        for number in range(_ROUNDS)
    ]
    found = positions.astype(np.uint64)
    todo = np.ones(len(found), bool)
    while todo.any():
        left, right = found[todo] >> np.uint64(half), found[todo] & mask
        for round_key in keys:
            left, right = right, left ^ (_mixed(right ^ round_key) & mask)
        found[todo] = (left << np.uint64(half)) | right
        todo &= found >= n
    return found.astype(np.int64)


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
