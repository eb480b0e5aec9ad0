"""Counts of characters, by class, for whole batches of texts: the ground on which the rule scores stand.

One table gives each code point its classes as bits; a batch of texts is one flat array of code points, so that a count
for all its texts is two numpy operations. (Java's regular expressions over Unicode classes, as Spark has them, took
about 300 microseconds a row for the same counts; this takes about 10.)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipelines.unicode import members

Counts = npt.NDArray[np.int32]

# name -> regular expression of the characters in the class (module `regex`: Unicode properties)
_CLASSES = {
    "space": " ",
    "letter": r"\p{L}",
    "mark": r"\p{M}",
    "digit": r"\p{Nd}",
    "ascii_digit": "[0-9]",
    "capital": r"\p{Lu}",
    "small": r"\p{Ll}",
    "separator": "[|•·►▪■◦/;,،、，；؛]",
    "opening": r"[(\[{（【［]",
    "closing": r"[)\]}）】］]",
    "quote": '["“”„«»「」『』《》]',
    "question": "[?？؟]",
    "end": r"[.!?؟।॥…]",
    "wide_end": "[。！？]",
    "after_end": r"[ \"”’)»\]]",
    "semicolon": "[;;]",
    "broken": r"[\ufffd\p{Co}\x80-\x9f]",
    "lead": "[ÂÃÐÑâ]",
    "sure_lead": "[ÃÄÅ]",
    "continuation": "[\x80-\xbf€‚ƒ„…†‡ˆ‰‹‘’“”•–—˜™›]",
    "joiner": "['’-]",
}
_BIT = {name: np.uint32(1 << i) for i, name in enumerate(_CLASSES)}
COUNTS = (
    "length",
    "spaces",
    "letters",
    "marks",
    "digits",
    "ascii_digits",
    "foreign",
    "separators",
    "opening",
    "closing",
    "quotes",
    "questions",
    "ends",
    "semicolon_ends",
    "words",
    "capitals",
    "longest_word",
    "broken",
    "repeated",
)
_PERIODS = range(1, 13)
_ROWS_AT_ONCE = 512


@lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint32]:
    table = np.zeros(0x110000, dtype=np.uint32)
    for name, pattern in _CLASSES.items():
        table[members(pattern)] |= _BIT[name]
    return table


@lru_cache(maxsize=64)
def _foreign(scripts: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Letters of other scripts than these (letters common to all scripts belong to each)."""
    own = "".join(rf"\p{{Script={script}}}" for script in (*scripts, "Common", "Inherited"))
    foreign: npt.NDArray[np.bool_] = members(r"\p{L}") & ~members(f"[{own}]")
    return foreign


def count_characters(texts: Sequence[str], scripts: tuple[str, ...]) -> dict[str, Counts]:
    """The counts named in `COUNTS` for each text.

    `foreign` are letters outside `scripts`; `ends` are sentence ends (a full stop inside a number or word is none);
    `semicolon_ends` are semicolons at such places (Greek's question mark); `words` and `capitals` are words and
    capitalised words; `broken` are replacement, private-use and control characters and couples of mojibake;
    `repeated` are characters that repeat, for at least the third time on end, a piece of 1 to 12 characters
    (1: for at least the sixth time).
    """
    parts = [
        _count(texts[first : first + _ROWS_AT_ONCE], scripts) for first in range(0, len(texts), _ROWS_AT_ONCE)
    ] or [_count([""], scripts)]
    return {name: np.concatenate([part[name] for part in parts])[: len(texts)] for name in COUNTS}


def _count(texts: Sequence[str], scripts: tuple[str, ...]) -> dict[str, Counts]:
    # every text is followed by two spaces, so that what ends it looks like what ends a word, and sees no other text
    codes = np.frombuffer(("  ".join(texts) + "  ").encode("utf-32-le"), dtype=np.uint32)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    begins = np.cumsum(lengths + 2) - lengths - 2
    bits = _table()[codes]

    def has(name: str) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = (bits & _BIT[name]) != 0
        return found

    def total(mask: npt.NDArray[np.bool_] | npt.NDArray[np.int32]) -> Counts:
        return np.add.reduceat(mask, begins, dtype=np.int32)

    space, letter, capital = has("space"), has("letter"), has("capital")
    in_word = (bits & (_BIT["letter"] | _BIT["mark"] | _BIT["joiner"])) != 0
    starts_word = letter & ~_shifted(in_word)
    ends = has("end")
    # no end where a small letter follows: "e.g. this", "etc. and"
    ends = ends & ~_next(ends) & _next(has("after_end")) & ~_next(_next(has("small")))
    ends |= has("wide_end") & ~_next(has("wide_end"))
    # "Ã?" is what is left of a couple whose second half could not be shown
    mojibake = (has("lead") & _next(has("continuation"))) | (has("sure_lead") & _next(codes == ord("?")))
    return {
        "length": lengths.astype(np.int32),
        "spaces": total(space) - 2,
        "letters": total(letter),
        "marks": total(has("mark")),
        "digits": total(has("digit")),
        "ascii_digits": total(has("ascii_digit")),
        "foreign": total(_foreign(scripts)[codes]),
        "separators": total(has("separator")),
        "opening": total(has("opening")),
        "closing": total(has("closing")),
        "quotes": total(has("quote")),
        "questions": total(has("question")),
        "ends": total(ends),
        "semicolon_ends": total(has("semicolon") & _next(has("after_end"))),
        "words": total(starts_word),
        "capitals": total(starts_word & capital),
        "longest_word": np.maximum.reduceat(_run_lengths(~space), begins),
        "broken": total(has("broken") | mojibake),
        "repeated": total(_repeated(codes, begins)),
    }


def _next(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    out = np.empty_like(mask)
    out[:-1], out[-1] = mask[1:], False
    return out


def _shifted(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    out = np.empty_like(mask)
    out[1:], out[0] = mask[:-1], False
    return out


def _run_lengths(mask: npt.NDArray[np.bool_]) -> Counts:
    """At each place, how many places up to it are set without a gap."""
    place = np.arange(1, len(mask) + 1, dtype=np.int32)
    return place - np.maximum.accumulate(np.where(mask, np.int32(0), place))


def _repeated(codes: npt.NDArray[np.uint32], begins: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    # what stands between two texts is made unlike everything, so that no run of repeats crosses from one to the next
    gaps = np.concatenate((begins[1:] - 2, begins[1:] - 1, [len(codes) - 2, len(codes) - 1]))
    apart = codes.copy()
    apart[gaps] = np.arange(0x110000, 0x110000 + len(gaps), dtype=np.uint32)
    out = np.zeros(len(codes), dtype=bool)
    same = np.zeros(len(codes) + 1, dtype=bool)
    for period in _PERIODS:
        same[:period] = False
        np.equal(apart[period:], apart[:-period], out=same[period:-1])
        # by turns the first place of a run and the first behind it
        edges = np.flatnonzero(same[1:] != same[:-1]) + 1
        begin, end = edges[::2], edges[1::2]
        # a run of n places that equal the one a period before: n / period repeats of the piece
        needed = 5 if period == 1 else 2 * period
        for run in np.flatnonzero(end - begin >= needed):
            out[begin[run] : end[run]] = True
    return out
