"""MinHash signatures, against datasketch, and the bands in which similar pairs meet."""

from __future__ import annotations

import json
import random
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from shingle_sets import jaccard, shingles

from pipelines.dedup.minhash import Bander, permutations, shingle_hashes, signatures
from schemas.config import Near
from schemas.languages import LANGUAGES

SAMPLES = Path(__file__).parents[2] / "samples" / "text"
texts = st.lists(
    st.text(max_size=12) | st.text("ab ", max_size=30) | st.text("我们明天去杭州，", max_size=12),
    min_size=1,
    max_size=6,
)


@lru_cache(maxsize=1)
def bander() -> Bander:
    """The bands of the default configuration."""
    near = Near()
    return Bander.make(near.bands, near.rows)


@lru_cache(maxsize=1)
def sentences() -> dict[str, list[str]]:
    records = [
        json.loads(line) for path in sorted(SAMPLES.glob("*.jsonl")) for line in path.open(encoding="utf-8")
    ]
    return {language: [record[language] for record in records] for language in ("en", "ar", "vi", "zh")}


def hashes_of(text: str, n: int) -> set[int]:
    """Its shingles' polynomial hashes modulo 2^32, computed one by one."""
    padded = text.casefold().ljust(n, "\0")
    found = set()
    for place in range(len(padded) - n + 1):
        value = 0
        for character in padded[place : place + n]:
            value = (value * 0x01000193 + ord(character)) % 2**32
        found.add(value)
    return found


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(1, 6))
def test_shingle_hashes_are_those_of_each_text_by_itself(batch: list[str], n: int) -> None:
    flat, begins = shingle_hashes(batch, n)
    apart = np.split(flat, begins[1:])
    assert [set(map(int, hashes)) for hashes in apart] == [hashes_of(text, n) for text in batch]


@settings(max_examples=40, deadline=None)
@given(texts, st.sampled_from([2, 3, 5]), st.integers(1, 3))
def test_signatures_equal_those_of_datasketch_for_the_same_hashes(
    batch: list[str], n: int, seed: int
) -> None:
    found = signatures(batch, n, permutations(48, seed))
    for row, text in zip(found, batch, strict=True):
        theirs = MinHash(num_perm=48, seed=seed, scheme="affine32", hashfunc=int)
        theirs.update_batch(sorted(hashes_of(text, n)))
        assert row.tolist() == theirs.hashvalues.tolist()


@settings(max_examples=40, deadline=None)
@given(texts, st.sampled_from([1, 3, 5]))
def test_texts_hash_alike_just_when_their_shingles_are_the_same(batch: list[str], n: int) -> None:
    flat, begins = shingle_hashes(batch, n)
    apart = [set(map(int, hashes)) for hashes in np.split(flat, begins[1:])]
    for one, its_hashes in zip(batch, apart, strict=True):
        for other, other_hashes in zip(batch, apart, strict=True):
            padded = [text.casefold().ljust(n, "\0") for text in (one, other)]
            assert (its_hashes == other_hashes) == (shingles(padded[0], n) == shingles(padded[1], n))


@pytest.mark.parametrize("text", ["", "a", "我", "ab", "我们", "a" * 200])
def test_no_text_is_too_short_or_too_uniform_for_a_signature(text: str) -> None:
    (row,) = signatures([text], 5, permutations(8))
    assert row.shape == (8,)
    assert not (row == 0xFFFFFFFF).any()
    assert (signatures([text, text], 5, permutations(8)) == row).all()


def test_an_empty_batch_has_neither_signatures_nor_bands() -> None:
    assert signatures([], 5, permutations(8)).shape == (0, 8)
    assert bander().bands([], [], 5, 3).shape == (0, Near().bands)


def test_batches_beyond_one_step_of_work_are_signed_alike() -> None:
    batch = [f"sentence number {number}" for number in range(1100)]
    whole = signatures(batch, 5, permutations(6))
    for number in (0, 511, 512, 1023, 1024, 1099):
        assert (whole[number] == signatures([batch[number]], 5, permutations(6))[0]).all()


def test_case_does_not_matter() -> None:
    one, other = signatures(["Straße IN Ankara", "STRASSE in ankara"], 5, permutations(16))
    assert (one == other).all()


def test_signatures_agree_as_often_as_shingles_do() -> None:
    one = "The committee will meet again in the spring to discuss the budget."
    other = "The committee will meet again in the autumn to discuss the budget."
    exact = jaccard(one, other, 5)
    a, b = signatures([one, other], 5, permutations(1024))
    assert abs(float((a == b).mean()) - exact) < 0.06


def variant(text: str, chance: random.Random) -> str:
    """A small edit somewhere: a character put in, dropped or exchanged, or an end added."""
    place = chance.randrange(len(text))
    return chance.choice(
        [
            text[:place] + "x" + text[place:],
            text[:place] + text[place + 1 :],
            text[:place] + "0" + text[place + 1 :],
            text.rstrip(".。") + "!",
            text + " 3",
        ]
    )


@pytest.mark.parametrize("language", ["ar", "vi", "zh"])
def test_planted_near_duplicates_share_a_band(language: str) -> None:
    chance = random.Random(3)
    n_src, n_tgt = LANGUAGES["en"].shingle, LANGUAGES[language].shingle
    pairs = list(zip(sentences()["en"], sentences()[language], strict=True)) * 4
    planted = [((src, tgt), (variant(src, chance), variant(tgt, chance))) for src, tgt in pairs]
    similar = [
        (one, other)
        for one, other in planted
        if jaccard(one[0], other[0], n_src) >= 0.8 and jaccard(one[1], other[1], n_tgt) >= 0.8
    ]
    assert len(similar) > 100
    keys = [
        bander().bands([src for src, _ in side], [tgt for _, tgt in side], n_src, n_tgt)
        for side in zip(*similar, strict=True)
    ]
    assert (keys[0] == keys[1]).any(axis=1).mean() >= 0.95


def test_pairs_that_are_alike_on_one_side_only_do_not_meet() -> None:
    src, tgt = sentences()["en"], sentences()["zh"]
    keys = bander().bands(src, tgt, 5, 3)
    shifted = bander().bands(src, tgt[1:] + tgt[:1], 5, 3)
    assert (keys == shifted).any(axis=1).mean() < 0.02


def test_bands_depend_on_the_texts_alone() -> None:
    src, tgt = sentences()["en"][:40], sentences()["vi"][:40]
    whole = bander().bands(src, tgt, 5, 5)
    assert (bander().bands(src[7:9], tgt[7:9], 5, 5) == whole[7:9]).all()
    near = Near()
    assert (Bander.make(near.bands, near.rows).bands(src, tgt, 5, 5) == whole).all()
