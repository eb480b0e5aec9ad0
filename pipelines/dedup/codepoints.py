"""Texts as flat arrays of code points: what the vectorised hashes work on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int64]


def codepoints(texts: Sequence[str]) -> tuple[Codes, Offsets]:
    """All code points of `texts` in a row, and the length of each text."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    return codes, lengths


def starts(lengths: Offsets) -> Offsets:
    """Where each text begins in the flat array."""
    return np.concatenate(([0], np.cumsum(lengths[:-1]))) if len(lengths) else lengths
