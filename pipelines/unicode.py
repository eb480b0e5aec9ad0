"""Classes of characters as tables over all code points, for vectorised work on text."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import regex

_PLANES = 0x30000  # the planes that hold letters of living scripts; what lies above is in no class


def members(pattern: str) -> npt.NDArray[np.bool_]:
    """Which code points match a pattern of the module `regex` (Unicode properties and all); shape (0x110000,)."""
    table = np.zeros(0x110000, dtype=bool)
    for match in regex.finditer(f"(?:{pattern})+", _everything()):
        table[ord(match.group()[0]) : ord(match.group()[-1]) + 1] = True
    table[0xD800:0xE000] = False  # surrogates are no characters
    return table


@lru_cache(maxsize=1)
def _everything() -> str:
    return "".join(map(chr, (*range(0xD800), *range(0xE000, _PLANES))))
