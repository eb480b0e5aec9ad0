"""Jaccard similarities of many couples of texts at once: what verifies the candidates of MinHash.

Each text's set of shingles becomes a run of sorted integers, the couple's number in the high bits and the shingle's
hash in the low ones, so that the sets of a whole batch are built, counted and intersected by sorting. (Python sets of
strings take four times as long.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipelines.dedup.minhash import shingle_hashes

_COUPLE_BITS = 12
_COUPLES_AT_ONCE = 1 << _COUPLE_BITS
# two different shingles of a couple share a hash once in 10^11 couples
_HASH_BITS = np.uint64(64 - _COUPLE_BITS)
_BASE = np.uint64(0x9E3779B97F4A7C15)


def similarities(a: Sequence[str], b: Sequence[str], n: int) -> npt.NDArray[np.float64]:
    """|A & B| / |A | B| of the sets of shingles of each two texts, in [0, 1]; shape (len(a),)."""
    found = np.empty(len(a))
    for first in range(0, len(a), _COUPLES_AT_ONCE):
        some = slice(first, first + _COUPLES_AT_ONCE)
        one, other = _sets(a[some], n), _sets(b[some], n)
        count = len(a[some])
        common = _sizes(np.intersect1d(one, other, assume_unique=True), count)
        found[some] = common / (_sizes(one, count) + _sizes(other, count) - common)
    return found


def _sets(texts: Sequence[str], n: int) -> npt.NDArray[np.uint64]:
    hashes, begins = shingle_hashes(texts, n, _BASE)
    hashes ^= hashes >> np.uint64(32)
    hashes *= _BASE
    sizes = np.diff(begins, append=len(hashes))
    owners = np.repeat(np.arange(len(texts), dtype=np.uint64), sizes)
    sets = np.sort((owners << _HASH_BITS) | (hashes >> (np.uint64(64) - _HASH_BITS)))
    distinct = np.ones(len(sets), dtype=bool)
    distinct[1:] = sets[1:] != sets[:-1]
    return sets[distinct]  # np.unique would find them by a hash table, which takes twenty times as long


def _sizes(sets: npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.int64]:
    return np.bincount((sets >> _HASH_BITS).astype(np.int64), minlength=count)
