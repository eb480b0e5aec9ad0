"""The known key that a mistyped one is nearest to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(key: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the nearest known key: spelled alike, or the same last part elsewhere."""
    near = difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.6)
    if not near:
        last = key.rsplit(".", 1)[-1]
        tails = {name.rsplit(".", 1)[-1]: name for name in sorted(known, reverse=True)}
        near = [tails[tail] for tail in difflib.get_close_matches(last, sorted(tails), n=1, cutoff=0.6)]
    return f"; did you mean {near[0]}?" if near else ""
