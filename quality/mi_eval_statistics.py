"""What MI-EVAL is made of: verbs and their objects, likeness to the seeds and among the items, lengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from pipelines.self_instruct.similarity import SimilarityIndex, words

_BINS = 10


@dataclass(frozen=True)
class Balance:
    """The most frequent root verbs, each with its count and most frequent objects; and how many there are in all."""

    verbs: tuple[tuple[str, int, tuple[tuple[str, int], ...]], ...]
    distinct_verbs: int
    distinct_pairs: int
    without_verb: int
    most: int


@dataclass(frozen=True)
class Diversity:
    """Histograms of the highest ROUGE-L (ten bins from 0 to 1) with a seed, and with another item."""

    with_seeds: tuple[int, ...]
    among_items: tuple[int, ...]
    median_with_seeds: float
    median_among_items: float
    median_words: float


def balance(rows: Sequence[Mapping[str, Any]], shown_verbs: int = 20, shown_nouns: int = 4) -> Balance:
    """Of the English rows. Self-instruct's figure 3 shows the 20 most frequent verbs with 4 objects each."""
    verbs = Counter(row["verb"] for row in rows if row["verb"])
    pairs = Counter((row["verb"], row["noun"]) for row in rows if row["verb"] and row["noun"])
    top = sorted(verbs.items(), key=lambda found: (-found[1], found[0]))[:shown_verbs]

    def nouns(verb: str) -> tuple[tuple[str, int], ...]:
        of_verb = [(noun, count) for (own, noun), count in pairs.items() if own == verb]
        return tuple(sorted(of_verb, key=lambda found: (-found[1], found[0]))[:shown_nouns])

    return Balance(
        tuple((verb, count, nouns(verb)) for verb, count in top),
        len(verbs),
        len(pairs),
        sum(not row["verb"] for row in rows),
        max(verbs.values(), default=1),
    )


def diversity(rows: Sequence[Mapping[str, Any]]) -> Diversity:
    """Of the English rows, of which there is at least one."""
    among = []
    index = SimilarityIndex(row["instruction"] for row in rows)
    for place, row in enumerate(rows):
        others = (
            index.nearest(row["instruction"], among=place),
            index.nearest(row["instruction"], after=place),
        )
        among.append(max((near.score for near in others if near), default=0.0))
    with_seeds = [row["seed_similarity"] for row in rows]
    return Diversity(
        _histogram(with_seeds),
        _histogram(among),
        median(with_seeds),
        median(among),
        median(len(words(row["instruction"])) for row in rows),
    )


def _histogram(scores: Sequence[float]) -> tuple[int, ...]:
    found = Counter(min(int(score * _BINS), _BINS - 1) for score in scores)
    return tuple(found[place] for place in range(_BINS))
