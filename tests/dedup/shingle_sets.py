"""Shingles and their Jaccard similarity in plain sets of strings: what the vectorised code is held to."""

from __future__ import annotations


def shingles(text: str, n: int) -> set[str]:
    """The n-grams of the case-folded text; a text shorter than n is one."""
    folded = text.casefold()
    return {folded[place : place + n] for place in range(max(1, len(folded) - n + 1))}


def jaccard(a: str, b: str, n: int) -> float:
    one, other = shingles(a, n), shingles(b, n)
    return len(one & other) / len(one | other)
