"""Similarities of whole batches, against sets of strings."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shingle_sets import jaccard, shingles

from pipelines.dedup import jaccard as vectorised
from pipelines.dedup import near
from pipelines.dedup.jaccard import similarities

texts = st.text(max_size=12) | st.text("abA ", max_size=30) | st.text("我们明天去杭州，", max_size=12)
couples = st.lists(st.tuples(texts, texts), max_size=6)


@settings(max_examples=150, deadline=None)
@given(couples, st.integers(1, 6))
def test_a_batch_has_the_similarities_of_its_couples(batch: list[tuple[str, str]], n: int) -> None:
    found = similarities([a for a, _ in batch], [b for _, b in batch], n)
    # U+0000, which pads short texts, is in no normalised text
    plain = [(a, b) for a, b in batch if "\0" not in a + b]
    expected = [jaccard(a, b, n) for a, b in plain]
    assert [x for x, (a, b) in zip(found, batch, strict=True) if "\0" not in a + b] == expected


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=10), st.text(max_size=10), st.integers(1, 5))
def test_similarity_is_symmetric_and_one_for_equals(a: str, b: str, n: int) -> None:
    there, back, itself = similarities([a, b, a], [b, a, a], n)
    assert 0 <= there == back <= 1 == itself
    if "\0" not in a + b:
        assert (there == 1) == (shingles(a, n) == shingles(b, n))


def test_each_language_of_a_batch_has_its_own_length_of_shingles() -> None:
    couples = [
        ("tr", "Dar bir patika.", "Dar bir patikadır."),
        ("zh", "我们明天去杭州。", "我们明天去苏州。"),
    ]
    columns = {"tgt_lang_a": 0, "tgt_text_a": 1, "tgt_text_b": 2}
    batch = pa.RecordBatch.from_pydict(
        {name: [couple[place] for couple in couples] for name, place in columns.items()}
    )
    found = near._similar(batch, "tgt", {"tr": 5, "zh": 3})
    assert found.tolist() == [jaccard(a, b, {"tr": 5, "zh": 3}[lang]) for lang, a, b in couples]
    assert near._similar(batch.slice(0, 0), "tgt", {"tr": 5, "zh": 3}).shape == (0,)


def test_batches_beyond_one_step_of_work_are_compared_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = [f"sentence number {number}" for number in range(50)]
    others = [text.replace("1", "2") for text in batch]
    whole = similarities(batch, others, 3)
    monkeypatch.setattr(vectorised, "_COUPLES_AT_ONCE", 7)
    assert similarities(batch, others, 3).tolist() == whole.tolist()
    assert similarities([], [], 3).shape == (0,)
