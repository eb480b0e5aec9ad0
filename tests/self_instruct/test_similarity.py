"""ROUGE-L found fast is ROUGE-L: the same as comparing with every text by the definition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.self_instruct.similarity import Similar, SimilarityIndex, words

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def rouge_l(a: str, b: str) -> float:
    """The F-measure of Lin (2004) with beta 1, by the textbook's table."""
    one, other = words(a), words(b)
    row = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for place, second in enumerate(other, 1):
            diagonal, row[place] = (
                row[place],
                diagonal + 1 if word == second else max(row[place], row[place - 1]),
            )
    return 2 * row[-1] / (len(one) + len(other)) if one and other else 0.0


def plainly(texts: list[str], query: str, at_least: float) -> Similar | None:
    scores = [rouge_l(text, query) for text in texts]
    best = max(scores, default=0.0)
    return Similar(scores.index(best), best) if best > 0 and best >= at_least else None


_WORDS = st.sampled_from(["a", "the", "list", "name", "birds", "sea", "7", "é", "中", "List", "the-sea"])
_TEXTS = st.lists(_WORDS, max_size=9).map(" ".join)


@given(st.lists(_TEXTS, max_size=12), _TEXTS, st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.8, 1.0]))
def test_the_nearest_is_that_of_comparing_with_each(texts: list[str], query: str, at_least: float) -> None:
    index = SimilarityIndex(texts)
    assert index.nearest(query, at_least) == plainly(texts, query, at_least)
    half = len(texts) // 2
    assert index.nearest(query, at_least, among=half) == plainly(texts[:half], query, at_least)
    later = index.nearest(query, at_least, after=half)
    expected = plainly(texts[half + 1 :], query, at_least)
    assert later == (expected and Similar(expected.place + half + 1, expected.score))


def test_the_samples_against_one_another() -> None:
    texts = [
        row["instruction"] for row in json.loads((SAMPLES / "alpaca_data.json").read_text(encoding="utf-8"))
    ]
    queries = [row["instruction"] for row in json.loads((SAMPLES / "mi_eval_instructions.json").read_text())]
    index = SimilarityIndex(texts)
    for query in queries:
        for at_least in (0.0, 0.3, 0.7):
            assert index.nearest(query, at_least) == plainly(texts, query, at_least)


def test_a_score_at_the_threshold_counts_and_texts_can_be_added() -> None:
    index = SimilarityIndex()
    assert index.nearest("anything at all") is None
    index.add("a b c d e f g h i j")
    # seven of ten words, in order
    assert index.nearest("a b c d e f g x y z", 0.7) == (0, pytest.approx(0.7))
    assert index.nearest("a b c d e f w x y z", 0.7) is None
    assert index.nearest("g f e d c b a x y z", 0.2) is None  # common words, but not in order


def test_texts_without_latin_letters_are_like_nothing() -> None:
    index = SimilarityIndex(["列出四种鸟", "اذكر أربعة طيور", "Ονόμασε τέσσερα πουλιά"])
    assert index.nearest("列出四种鸟", 0.0) is None
