"""Overlap with evaluation sets: n-grams that work for spaced and unspaced scripts, on either side of a pair.

A token is a word (a run of letters, marks and digits) or, in a script without spaces, a single character. A row is
compared by the share of its n-grams that stand in an evaluation set; GPT-3 (arXiv 2005.14165, App. C) and datatrove use
n-grams of 13 and 12 words, which sentences seldom have. A text with fewer than n tokens is one n-gram, if it has at
least `MIN_TOKENS` (shorter ones would condemn every "Thank you").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.atomic import write_json
from pipelines.dedup.codepoints import codepoints, starts
from pipelines.dedup.texts import eval_files, read_eval_texts
from pipelines.errors import UserError
from pipelines.normalize import normalize
from pipelines.unicode import members

Hashes = npt.NDArray[np.uint64]
MIN_TOKENS = 5

_SEPARATOR, _LETTER, _IDEOGRAPH = 0, 1, 2
_UNSPACED = "".join(
    rf"\p{{Script={name}}}" for name in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
)
_ODD = np.uint64(0x9E3779B97F4A7C15)


@lru_cache(maxsize=1)
def _classes() -> npt.NDArray[np.uint8]:
    """For each code point: separator, part of a word, or a token of its own."""
    table = np.where(members(r"[\p{L}\p{M}\p{N}]"), np.uint8(_LETTER), np.uint8(_SEPARATOR))
    table[members(rf"(?=[\p{{L}}\p{{M}}\p{{N}}])[{_UNSPACED}]")] = _IDEOGRAPH
    return table


def _mix(h: Hashes) -> Hashes:
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return h ^ (h >> np.uint64(33))


def ngram_hashes(texts: Sequence[str], words: int, chars: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """64-bit hashes of the n-grams of each text, flat, and the number of n-grams of each text (possibly 0).

    n is `words`, or `chars` for a text most of whose tokens are characters of an unspaced script.
    """
    codes, lengths = codepoints([text.casefold() + " " for text in texts])
    kind = _classes()[codes]
    before = np.concatenate(([_SEPARATOR], kind[:-1]))
    begins = np.flatnonzero((kind == _IDEOGRAPH) | ((kind == _LETTER) & (before != _LETTER)))
    # a token's hash: its letters, each multiplied by a number that depends on its place, added up
    began = np.zeros(len(codes), dtype=np.int64)
    began[begins] = begins
    place = np.arange(len(codes)) - np.maximum.accumulate(began)
    letters = _mix(codes.astype(np.uint64) + np.uint64(1)) * (
        np.uint64(2) * place.astype(np.uint64) + np.uint64(1)
    )
    letters[kind == _SEPARATOR] = 0
    tokens = _mix(np.add.reduceat(letters, begins)) if len(begins) else np.zeros(0, dtype=np.uint64)
    text_of_token = np.searchsorted(np.cumsum(lengths), begins, side="right")
    token_count = np.bincount(text_of_token, minlength=len(texts))
    ideographs = np.bincount(text_of_token, weights=kind[begins] == _IDEOGRAPH, minlength=len(texts))
    n = np.where(2 * ideographs > token_count, chars, words)
    first = starts(token_count)

    grams: list[Hashes] = [np.zeros(0, dtype=np.uint64)]
    owners: list[npt.NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    for size in sorted({words, chars}):
        of_size = np.flatnonzero((n == size) & (token_count >= size))
        windows = token_count[of_size] - size + 1
        begin = np.repeat(first[of_size], windows) + _ranges(windows)
        grams.append(_windows(tokens, begin, size))
        owners.append(np.repeat(of_size, windows))
    for text in np.flatnonzero((token_count < n) & (token_count >= MIN_TOKENS)):
        grams.append(_windows(tokens, first[text : text + 1], int(token_count[text])))
        owners.append(np.array([text]))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(grams)[order], np.bincount(owner, minlength=len(texts))


def _ranges(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0 .. counts[0]-1, 0 .. counts[1]-1, ..."""
    return np.arange(counts.sum()) - np.repeat(starts(counts), counts)


def _windows(tokens: Hashes, begin: npt.NDArray[np.int64], size: int) -> Hashes:
    grams = np.full(len(begin), np.uint64(size), dtype=np.uint64)
    for k in range(size):
        grams = grams * _ODD + tokens[begin + k]
    return _mix(grams)


@dataclass(frozen=True)
class EvalIndex:
    """The n-grams of all evaluation sets: sorted hashes, the set of each, and the sets' names."""

    hashes: Hashes
    set_of: npt.NDArray[np.int32]
    names: tuple[str, ...]
    words: int
    chars: int

    def overlap(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float32], list[str | None]]:
        """For each text, the share of its n-grams in the index (0 if none), and the set that has most of them."""
        grams, counts = ngram_hashes(texts, self.words, self.chars)
        share = np.zeros(len(texts), dtype=np.float32)
        names: list[str | None] = [None] * len(texts)
        if not len(self.hashes) or not len(grams):
            return share, names
        place = np.minimum(np.searchsorted(self.hashes, grams), len(self.hashes) - 1)
        hit = np.flatnonzero(self.hashes[place] == grams)
        owner = np.repeat(np.arange(len(texts)), counts)[hit]
        share = (np.bincount(owner, minlength=len(texts)) / np.maximum(counts, 1)).astype(np.float32)
        sets = self.set_of[place[hit]]
        for text in np.unique(owner):
            names[text] = self.names[int(np.bincount(sets[owner == text]).argmax())]
        return share, names

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "hashes.npy", self.hashes)
        np.save(folder / "set_of.npy", self.set_of)
        meta = {"names": self.names, "words": self.words, "chars": self.chars}
        write_json(folder / "index.json", meta)  # comes last: where it is, the index is whole


@lru_cache(maxsize=1)
def load_index(folder: str) -> EvalIndex:
    """A saved index, its arrays mapped into memory and shared by all processes of the machine."""
    meta = json.loads((Path(folder) / "index.json").read_text(encoding="utf-8"))
    return EvalIndex(
        np.load(Path(folder) / "hashes.npy", mmap_mode="r"),
        np.load(Path(folder) / "set_of.npy", mmap_mode="r"),
        tuple(meta["names"]),
        meta["words"],
        meta["chars"],
    )


def build_index(folder: Path, words: int, chars: int) -> EvalIndex:
    """The index of all evaluation sets in `folder`, one set for each file. Raises `UserError` with every bad file."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder (the evaluation sets)")
    names: list[str] = []
    hashes: list[Hashes] = [np.zeros(0, dtype=np.uint64)]
    set_of: list[npt.NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    problems: list[str] = []
    for path in eval_files(folder):
        try:
            texts = [normalize(text) for text in read_eval_texts(path) if text]
        except (ValueError, OSError, KeyError, TypeError, pa.ArrowException) as error:
            problems.append(f"{path}: cannot be read as an evaluation set ({error})")
            continue
        grams = np.unique(ngram_hashes(texts, words, chars)[0]) if texts else hashes[0]
        set_of.append(np.full(len(grams), len(names), dtype=np.int32))
        names.append(path.relative_to(folder).as_posix())
        hashes.append(grams)
    if not names and not problems:
        problems.append(
            f"{folder}: no evaluation set found; expected SQuAD-style .json, .jsonl, .parquet or text files"
        )
    if problems:
        raise UserError(*problems)
    # a shared n-gram belongs to the first set
    flat, first = np.unique(np.concatenate(hashes), return_index=True)
    return EvalIndex(flat, np.concatenate(set_of)[first], tuple(names), words, chars)
