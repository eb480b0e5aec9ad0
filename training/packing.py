"""Packing: which examples share a row, so that a step's meaning stays and its slots are used.

A *row* is what a rank computes at once: examples end to end, each with positions from 0 and without attention to the
others. An optimiser step always has the batch's examples, however they are packed: only their number of rows changes.
Rows come in *rounds*, one row for each rank, since all ranks must do the same number of passes.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

Row = list[int]  # places of examples


def best_fit(lengths: Sequence[int], capacity: int) -> list[Row]:
    """Best-fit decreasing: the longest example first, each into the fullest row that has room for it.

    Raises `ValueError` for an example longer than `capacity` (tokens).
    """
    rows: list[Row] = []
    room: list[tuple[int, int]] = []  # (tokens left, row), sorted
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        length = lengths[place]
        if length > capacity:
            raise ValueError(f"an example of {length} tokens does not fit into a row of {capacity}")
        found = bisect.bisect_left(room, (length, -1))
        if found < len(room):
            left, row = room.pop(found)
        else:
            left, row = capacity, len(rows)
            rows.append([])
        rows[row].append(place)
        bisect.insort(room, (left - length, row))
    return rows


def plan_step(lengths: Sequence[int], ranks: int, capacity: int) -> list[list[Row]]:
    """The rounds of a step: each holds `ranks` rows of at most `capacity` tokens; rows may be empty at the end.

    As few rounds as best-fit needs, and within them the rows as even as best-fit makes them: the capacity is narrowed
    by bisection (MULTIFIT, Coffman, Garey and Johnson 1978), so that no rank waits long for another.
    """
    if not lengths:
        return []
    rows = best_fit(lengths, capacity)
    wanted = math.ceil(len(rows) / ranks) * ranks
    low, high = max(max(lengths), math.ceil(sum(lengths) / wanted)), capacity
    while low < high:
        middle = (low + high) // 2
        tried = best_fit(lengths, middle)
        if len(tried) <= wanted:
            rows, high = tried, middle
        else:
            low = middle + 1
    rows += [[] for _ in range(wanted - len(rows))]
    # rows of like size run together
    rows.sort(key=lambda row: (-sum(lengths[place] for place in row), row))
    return [rows[start : start + ranks] for start in range(0, wanted, ranks)]


def busy_share(lengths: Sequence[int], rounds: Sequence[Sequence[Row]]) -> float:
    """Tokens / slots, where the slots of a round are its longest row for each rank: what is not waiting or padding."""
    slots = sum(len(rows) * max(sum(lengths[place] for place in row) for row in rows) for rows in rounds)
    return sum(lengths) / slots if slots else 1.0
