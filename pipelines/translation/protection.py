"""Placeholders: how a segment with protected spans is sent to the engine, and how the spans come back.

Each span becomes a placeholder in the segment (`Call X1 before X2.`), numbered from 1 *within the segment*: the same
sentence makes the same request in every field and row, so that it is translated once. The translated segment must hold
each placeholder exactly once, in any order; then the spans take their places again. Otherwise the words around the
spans are translated by themselves (`around`), which costs fluency but never a span. No form of placeholder survives
every engine (OpenNMT/CTranslate2#1798, modernmt/modernmt#362), hence the check; this one is what engines copy best, a
capital letter with a number, as in the name of a variable. A text's own `X1` is a protected span itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from pipelines.translation.segments import MARK, Piece, has_words

# Greek and Cyrillic have a letter of the same shape, Arabic and Hindi digits of their own
_PLACEHOLDERS = regex.compile(
    r"(?<![A-Za-z\d])(?:[XΧХ]\d{1,3})+(?![A-Za-z\d])"
)  # spans may touch one another
_NUMBER = regex.compile(r"[XΧХ](\d+)")
_BEFORE = regex.compile(r"[\s\p{P}]*")
_AFTER = regex.compile(r"[\s(\[\"'“‘«]*$")


def request(masked: str) -> str:
    """What the engine is asked for: the masked segment with numbered placeholders."""
    return number(masked, range(1, masked.count(MARK) + 1))


def number(masked: str, numbers: Sequence[int]) -> str:
    """The masked segment with the placeholders of these numbers in place of its marks."""
    first, *parts = masked.split(MARK)
    return first + "".join(f"X{number}{part}" for number, part in zip(numbers, parts, strict=True))


def fill(translated: str, spans: Sequence[str]) -> str | None:
    """A translated segment with its spans in place; `None` if a placeholder is missing, doubled or made up."""
    found = [int(number) for run in _PLACEHOLDERS.findall(translated) for number in _NUMBER.findall(run)]
    if sorted(found) != list(range(1, len(spans) + 1)):
        return None
    return _PLACEHOLDERS.sub(
        lambda run: "".join(spans[int(number) - 1] for number in _NUMBER.findall(run.group())), translated
    )


def without_placeholders(text: str) -> str:
    """The words of a request or its translation."""
    return _PLACEHOLDERS.sub("", text)


def around(masked: str) -> list[Piece]:
    """The masked segment as pieces of its own: the words between the spans to translate, all else kept."""
    pieces: list[Piece] = []
    for i, part in enumerate(masked.split(MARK)):
        if i:
            pieces.append(Piece(MARK, False))
        if not has_words(part):
            pieces.append(Piece(part, False))
            continue
        before, after = _BEFORE.match(part), _AFTER.search(part)
        start, end = before.end() if before else 0, after.start() if after else len(part)
        pieces += [Piece(part[:start], False), Piece(part[start:end], True), Piece(part[end:], False)]
    return [piece for piece in pieces if piece.text]
