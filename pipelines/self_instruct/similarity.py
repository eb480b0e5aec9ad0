"""ROUGE-L against very many texts: the same result as comparing with each, found among few.

ROUGE-L (Lin 2004) of two texts of m and n words is 2 L / (m + n), L the length of their longest common subsequence of
words. Words are those of `rouge_score`, which self-instruct used: runs of a-z and 0-9 of the text in small letters. So
it sees English and little else: Chinese, Arabic or Greek texts have no words and are like nothing.

A score of at least t with a text of m words asks for L >= t m / (2 - t) common words, since n >= L. A text that has so
many words in common has one of *any* m - L + 1 words of the m (pigeonhole; Chaudhuri et al. 2006 call it the prefix
filter): those that the fewest texts have are looked up in an inverted index. What passes that, and the bound
L <= min(m, n), is compared exactly, bit-parallel (rapidfuzz).
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

_WORD = re.compile(r"[a-z0-9]+")
# a text becomes a string whose characters are its words, which is what rapidfuzz compares fastest; above the surrogates
_FIRST = 0xE000
_WORDS = 0x110000 - _FIRST


class Similar(NamedTuple):
    """The most similar text: its place in the order in which texts were added, and its ROUGE-L; the first of equals."""

    place: int
    score: float


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


class SimilarityIndex:
    """Texts to compare with, each once added."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        self._lengths = array("i")
        self._postings: list[array[int]] = []
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """Adds a text. Raises `ValueError` where there are more than about a million different words."""
        found = words(text)
        numbers = [self._number(word) for word in found]
        place = len(self._texts)
        for number in set(numbers):
            self._postings[number].append(place)
        self._texts.append(_as_string(numbers))
        self._lengths.append(len(numbers))

    def _number(self, word: str) -> int:
        number = self._numbers.setdefault(word, len(self._postings))
        if number == len(self._postings):
            if number >= _WORDS - 1:
                raise ValueError("more different words than the index can hold")
            self._postings.append(array("i"))
        return number

    def nearest(
        self, text: str, at_least: float = 0.0, among: int | None = None, after: int = -1
    ) -> Similar | None:
        """The text with the highest ROUGE-L, if that is `at_least` and above 0; exact, as if each had been compared.

        `among`: of the first so many texts only; `after`: of those after this place only.
        """
        found = words(text)
        # a word that no text has is a number that no text has
        numbers = [self._numbers.get(word, _WORDS - 1) for word in found]
        candidates = self._candidates(numbers, at_least)
        candidates = candidates[(candidates > after) & (candidates < (len(self) if among is None else among))]
        if not len(candidates):
            return None
        m, lengths = len(numbers), np.frombuffer(self._lengths, dtype=np.int32)[candidates]
        possible = 2 * np.minimum(m, lengths) / (m + lengths) >= at_least
        candidates, lengths = candidates[possible], lengths[possible]
        if not len(candidates):
            return None
        others = [self._texts[place] for place in candidates]
        common = cdist([_as_string(numbers)], others, scorer=LCSseq.similarity, dtype=np.int32)[0]
        scores = 2 * common / (m + lengths)
        best = int(scores.argmax())
        score = float(scores[best])
        return Similar(int(candidates[best]), score) if score > 0 and score >= at_least else None

    def _candidates(self, numbers: Sequence[int], at_least: float) -> npt.NDArray[np.int32]:
        """The places of texts that may have enough words in common with one of the words `numbers`, in order."""
        m = len(numbers)
        needed = max(1, math.ceil(at_least * m / (2 - at_least) - 1e-9))
        known = [number for number in numbers if number != _WORDS - 1]
        # of any m - needed + 1 words one must be common; unknown words are the rarest
        rare = m - needed + 1 - (m - len(known))
        if rare <= 0:
            return np.zeros(0, dtype=np.int32)
        rarest = sorted(known, key=lambda number: len(self._postings[number]))[:rare]
        postings = [np.frombuffer(self._postings[number], dtype=np.int32) for number in dict.fromkeys(rarest)]
        return np.unique(np.concatenate(postings))


def _as_string(numbers: Iterable[int]) -> str:
    return "".join(chr(_FIRST + number) for number in numbers)
