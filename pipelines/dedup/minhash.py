"""MinHash signatures and LSH bands of whole batches of text pairs.

Broder 1997; the affine permutations are those of datasketch 2 (`affine32`), so a signature equals datasketch's for the
same shingle hashes and seed. Shingles are n-grams of characters of the case-folded text; a text shorter than n is one
shingle, so that no row is too short to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.dedup.codepoints import Offsets, codepoints, starts

Signatures = npt.NDArray[np.uint32]
_BASE = np.uint32(0x01000193)  # FNV's prime, as the base of the polynomial hash
_ROWS_AT_ONCE = 512  # keeps the shingles of a step in the processor's cache


def shingle_hashes(
    texts: Sequence[str], n: int, base: np.unsignedinteger[Any] = _BASE
) -> tuple[npt.NDArray[Any], Offsets]:
    """Hashes of every text's shingles, flat, and where each text's hashes begin.

    A polynomial rolling hash over the code points of the case-folded text, modulo 2^32 or 2^64 as is `base`; texts
    shorter than n are padded with U+0000.
    """
    codes, lengths = codepoints([text.casefold().ljust(n, "\0") for text in texts])
    hashes = np.zeros(len(codes), dtype=type(base))
    for k in range(n):
        hashes[: len(codes) - n + 1] *= base
        hashes[: len(codes) - n + 1] += codes[k : len(codes) - n + 1 + k]
    within = np.ones(len(codes), dtype=bool)
    ends = np.cumsum(lengths)
    for k in range(1, n):
        within[ends - k] = False  # windows that would run into the next text
    return hashes[within], starts(lengths - n + 1)


@dataclass(frozen=True)
class Permutations:
    """The coefficients of `len(a)` permutations h -> a h + b mod 2^32, a odd."""

    a: Signatures
    b: Signatures


def permutations(count: int, seed: int = 1) -> Permutations:
    """datasketch's permutations for this count and seed.

    Made once, on the driver, and sent to the workers: importing datasketch takes a second.
    """
    from datasketch import MinHash

    a, b = MinHash(num_perm=count, seed=seed, scheme="affine32").permutations
    return Permutations(np.asarray(a, dtype=np.uint32), np.asarray(b, dtype=np.uint32))


def _fmix32(h: Signatures) -> Signatures:
    """MurmurHash3's finalizer, with which datasketch's affine schemes mix their input."""
    h = h ^ (h >> np.uint32(16))
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h


def signatures(texts: Sequence[str], n: int, permutations: Permutations) -> Signatures:
    """MinHash signatures, shape (texts, permutations), equal to `datasketch.MinHash(scheme="affine32")`'s."""
    out = np.empty((len(texts), len(permutations.a)), dtype=np.uint32)
    for first in range(0, len(texts), _ROWS_AT_ONCE):
        some = texts[first : first + _ROWS_AT_ONCE]
        hashes, begin = shingle_hashes(some, n)
        hashes = _fmix32(hashes)
        for k, (a, b) in enumerate(zip(permutations.a, permutations.b, strict=True)):
            np.minimum.reduceat(hashes * a + b, begin, out=out[first : first + len(some), k])
    return out


@dataclass(frozen=True)
class Bander:
    """LSH bands of text pairs: `count` bands of `rows` minima of each side.

    A band joins minima of the source with minima of the target, so two pairs meet only if they are alike on both sides:
    with similarities s and t they share a band with probability 1 - (1 - s^rows * t^rows)^count.
    """

    count: int
    rows: int
    src: Permutations
    tgt: Permutations

    @classmethod
    def make(cls, count: int, rows: int) -> Bander:
        return cls(count, rows, permutations(count * rows, seed=1), permutations(count * rows, seed=2))

    def bands(self, src: Sequence[str], tgt: Sequence[str], n_src: int, n_tgt: int) -> Signatures:
        """Band keys, shape (pairs, count); `n_src` and `n_tgt` are the lengths of the sides' shingles."""
        keys = np.zeros((len(src), self.count), dtype=np.uint32)
        for side in (signatures(src, n_src, self.src), signatures(tgt, n_tgt, self.tgt)):
            for row in range(self.rows):
                keys = _fmix32(keys * np.uint32(31) + side[:, row :: self.rows])
        return keys
