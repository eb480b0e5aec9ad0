"""What must come back from translation exactly as it went in: where it stands in a text, and of what kind it is.

Kinds: `code` (fenced, bare, inline, JSON, CSV, markup), `control` (tokens that engines give a meaning, and characters
no tokenizer keeps), `latex`, `url`, `email`, `path`, `placeholder`, `identifier`, `math`, `quantity`, `tag` (hashtags
and mentions), `emoji`.

Numbers are protected only where their written form is the same in all languages: IP addresses, versions, colours, hex
numbers, and a number with a symbol of computing or physics (16 GB, 20 °C, 90 km/h). Its number must be whole, or a
decimal fraction without exactly three digits: "1,500 km/h" is a different number in Turkish or Vietnamese. All other
numbers are the engine's to write, and checked afterwards as numbers. Names of units ("5 miles") are words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import regex

from pipelines.translation.code_blocks import code_blocks
from pipelines.translation.segments import BLOCK_MARK, MARK
from pipelines.translation.span_patterns import NO_MATH, PATTERNS


@dataclass(frozen=True)
class Span:
    """A part of a text, from `start` to `end` (exclusive), that is not translated as running text."""

    start: int
    end: int
    kind: str
    block: bool = False  # whole lines: nothing around it belongs to its sentence


_WORDLIKE = frozenset(("identifier", "path", "url", "email", "quantity", "math", "tag"))
_NAME = regex.compile(r"(?<![\w$])[A-Za-z_$][\w$]*(?![\w$])")
_DISTINCT = regex.compile(r"\w*[a-z\d][A-Z]\w*|\w*[A-Za-z]\d\w*|\w*_\w*|[A-Z]{4,}")


def find_spans(text: str, names: frozenset[str] = frozenset()) -> list[Span]:
    """The protected spans of a text, in order and not overlapping; `names` are further words to protect."""
    found = [Span(start, end, "code", True) for start, end in code_blocks(text)]
    rest = _hide(text, found)
    taken = bytearray(len(text))
    for span in found:
        taken[span.start : span.end] = b"\1" * (span.end - span.start)
    patterns = (*PATTERNS, ("identifier", _NAME, _NAME)) if names else PATTERNS
    for kind, hint, pattern in patterns:
        if not hint.search(rest):
            continue
        spans = [
            Span(match.start(), match.end(), kind)
            for match in pattern.finditer(rest)
            if not (kind == "math" and NO_MATH.fullmatch(match.group()))
            and not (pattern is _NAME and match.group() not in names)
        ]
        # white space in a pattern may have matched what is hidden
        spans = [span for span in spans if 1 not in taken[span.start : span.end]]
        for span in spans:
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
        if kind == "emoji":
            spans = [replace(span, block=_ends_sentence(text, span)) for span in spans]
        rest = _hide(rest, spans)
        found += spans
    return _freed(text, sorted(found, key=lambda span: span.start))


def _freed(text: str, spans: Sequence[Span]) -> list[Span]:
    """The spans with none glued to a letter or digit, where a placeholder could not be told from what it touches.

    A name, number or address takes in the rest of its word; anything else (a blank, an emoji) parts what it touches.
    """
    freed: list[Span] = []
    for number, span in enumerate(spans):
        start, end = span.start, span.end
        if span.block or not (_is_glue(text[start - 1 : start]) or _is_glue(text[end : end + 1])):
            freed.append(span)
        elif span.kind in _WORDLIKE:
            floor = freed[-1].end if freed else 0
            while start > floor and _is_glue(text[start - 1]):
                start -= 1
            ceiling = spans[number + 1].start if number + 1 < len(spans) else len(text)
            while end < ceiling and _is_glue(text[end]):
                end += 1
            freed.append(Span(start, end, span.kind))
        else:
            freed.append(replace(span, block=True))
    return freed


def _is_glue(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _ends_sentence(text: str, emoji: Span) -> bool:
    """Whether an emoji stands between two sentences or beside one, rather than for a word within it."""
    before, after = text[: emoji.start].rstrip(" "), text[emoji.end :].lstrip(" ")
    return not (before[-1:].isalnum() and after[:1].isalnum() and after[:1].islower())


def _hide(text: str, spans: Sequence[Span]) -> str:
    """The text with its spans made line breaks, which no pattern of a span begins or ends with."""
    if not spans:
        return text
    hidden = list(text)
    for span in spans:
        hidden[span.start : span.end] = "\n" * (span.end - span.start)
    return "".join(hidden)


def code_names(text: str, spans: Iterable[Span]) -> frozenset[str]:
    """Names in a text's code that no running text has (`ArrayList`, `WHERE`): protected wherever the row has them."""
    code = (text[span.start : span.end] for span in spans if span.kind == "code")
    return frozenset(
        name for part in code for name in _NAME.findall(part) if len(name) > 2 and _DISTINCT.fullmatch(name)
    )


def mask(text: str, spans: Iterable[Span]) -> str:
    """The text with each span replaced by one mark. A text's own marks are spans, so that marks are never ambiguous."""
    parts, place = [], 0
    for span in spans:
        parts += [text[place : span.start], BLOCK_MARK if span.block else MARK]
        place = span.end
    return "".join((*parts, text[place:]))
