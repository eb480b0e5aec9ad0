"""A record's translation, planned without an engine: which strings to translate, and the record rebuilt from them.

    plan = plan_record({"instruction": ..., "input": ..., "output": ...})
    known: dict[str, str] = {}                                # string -> translation into one language
    while needed := plan.needed(known):                       # at most twice: segments, then words around lost spans
        known |= engine(needed)
    rebuilt = plan.rebuild(known, spaced=language.spaced)     # fields, and the facts that the checks need

A plan knows no target language: one plan serves all. The requests depend on nothing but the text of a segment (its
spans as placeholders, `protection.py`), so a translation memory can hold them, and the same sentence in two fields of
a row is the same text after translation. `instruction`, `input` and `output` share one map of protection: a name that
stands in the code of one is protected in all, and a phrase that one quotes of another is translated once, by itself,
and put in wherever it stands (`quotes.py`). Where a field stays English, the phrases it shares with the others stay
English there too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.translation import protection
from pipelines.translation.quotes import Phrase, shared_phrases
from pipelines.translation.segments import (
    BLOCK_MARK,
    LIMIT,
    MARK,
    Length,
    Piece,
    estimate_tokens,
    join,
    split,
)
from pipelines.translation.spans import Span, code_names, find_spans, mask

FIELDS = ("instruction", "input", "output")
QUOTE = "quote"  # kind of a span that is a phrase: translated, but once for the row


@dataclass(frozen=True)
class Protected:
    """What a mark stands for."""

    text: str
    kind: str


@dataclass(frozen=True)
class Part:
    """A segment, or what stands between segments, in a field's order; marks in `text` stand for `spans`, in order."""

    text: str
    translate: bool
    spans: tuple[Protected, ...] = ()

    @property
    def request(self) -> str:
        return protection.request(self.text)


@dataclass(frozen=True)
class Rebuilt:
    """A translated record, and what the checks need to know about it.

    `fields` and `natural` (source and target without protected spans) are by field name. `used` are the requests that
    the text is made of, with repeats, by field: the engine's scores and flags of a row are those of its requests.
    `lost_spans` counts protected spans missing from the target, `lost_quotes` shared phrases that differ between the
    fields (both 0 unless there is a bug), `around` the segments whose words had to be translated around their spans.
    """

    fields: dict[str, str]
    natural: dict[str, tuple[str, str]]
    used: dict[str, tuple[str, ...]]
    lost_spans: int
    lost_quotes: int
    around: int


@dataclass(frozen=True)
class RecordPlan:
    """How one record is translated; made by `plan_record`."""

    source: Mapping[str, str]
    fields: Mapping[str, tuple[Part, ...]]  # those to translate
    phrases: Mapping[str, tuple[Part, ...]]  # shared phrases, by their text

    def needed(self, known: Mapping[str, str]) -> list[str]:
        """The strings to translate that are not known yet, each once, in the order of the text."""
        wanted: dict[str, None] = {}
        for parts in (*self.fields.values(), *self.phrases.values()):
            for part in parts:
                if part.translate:
                    wanted.update(dict.fromkeys(_requests(part, known)))
        return [request for request in wanted if request not in known]

    def requests(self) -> list[str]:
        """The strings that the record asks for first."""
        return self.needed({})

    def rebuild(self, known: Mapping[str, str], spaced: bool = True) -> Rebuilt:
        """The translated record. Raises `KeyError` where a needed translation is not known.

        `spaced`: whether the target language parts its words by spaces (schemas/languages.py).
        """
        phrases = {text: _resolve(parts, known, {}, spaced) for text, parts in self.phrases.items()}
        fields, natural, used, lost_spans, lost_quotes, around = dict(self.source), {}, {}, 0, 0, 0
        for name, parts in self.fields.items():
            fields[name] = _resolve(parts, known, phrases, spaced)
            natural[name] = self._natural(name, known, phrases, spaced)
            used[name] = tuple(self._used(parts, known))
            around += sum(part.translate and len(_requests(part, known)) > 1 for part in parts)
            lost_spans += _lost(fields[name], _spans(parts, QUOTE, False))
            quotes = (phrases[text] for text in _spans(parts, QUOTE, True))
            lost_quotes += _lost(fields[name], quotes)
        return Rebuilt(fields, natural, used, lost_spans, lost_quotes, around)

    def _natural(
        self, name: str, known: Mapping[str, str], phrases: Mapping[str, str], spaced: bool
    ) -> tuple[str, str]:
        parts = self.fields[name]
        source = "".join(
            piece.text
            for part in parts
            for piece in _fixed(part, {text: text for text in phrases}, shown=False)
        )
        return source, _resolve(parts, known, phrases, spaced, shown=False)

    def _used(self, parts: Sequence[Part], known: Mapping[str, str]) -> Iterator[str]:
        for part in parts:
            if part.translate:
                requests = _requests(part, known)
                yield from requests[1:] or requests
            for span in part.spans:
                if span.kind == QUOTE:
                    yield from self._used(self.phrases[span.text], known)


def plan_record(
    record: Mapping[str, str],
    translate: Sequence[str] = FIELDS,
    limit: float = LIMIT,
    length: Length = estimate_tokens,
) -> RecordPlan:
    """Plans a record with the fields `instruction`, `input`, `output`; those not in `translate` stay as they are.

    No request is longer than `limit` by `length` (default: estimated NLLB tokens).
    """
    source = {name: record[name] for name in FIELDS}
    spans = {name: find_spans(text) for name, text in source.items()}
    names = frozenset().union(*(code_names(text, spans[name]) for name, text in source.items()))
    if names:
        spans = {name: find_spans(text, names) for name, text in source.items()}
    shared = shared_phrases(source, spans)
    kept = {phrase.text for name in FIELDS if name not in translate for phrase in shared[name]}
    fields = {
        name: _parts(source[name], spans[name], shared[name], kept, limit, length)
        for name in FIELDS
        if name in translate
    }
    texts = dict.fromkeys(text for parts in fields.values() for text in _spans(parts, QUOTE, True))
    phrases = {text: _parts(text, find_spans(text, names), (), kept, limit, length) for text in texts}
    return RecordPlan(source, fields, phrases)


def _parts(
    text: str,
    spans: Sequence[Span],
    phrases: Sequence[Phrase],
    kept: set[str],
    limit: float,
    length: Length,
) -> tuple[Part, ...]:
    """A field as parts. A phrase in `kept` is protected as it is."""
    starts, ends = _sentence_edges(text, spans) if phrases else (set(), set())
    quotes = [
        Span(
            p.start, p.end, "kept" if p.kept or p.text in kept else QUOTE, p.start in starts and p.end in ends
        )
        for p in phrases
    ]
    outside = [s for s in spans if not any(q.start <= s.start and s.end <= q.end for q in quotes)]
    ordered = sorted([*outside, *quotes], key=lambda span: span.start)
    contents = iter([Protected(text[span.start : span.end], span.kind) for span in ordered])
    parts = []
    for piece in split(mask(text, ordered), limit=limit, length=length):
        marks = sum(map(_is_mark, piece.text))
        parts.append(Part(piece.text, piece.translate, tuple(next(contents) for _ in range(marks))))
    return tuple(parts)


def _is_mark(character: str) -> bool:
    return character in (MARK, BLOCK_MARK)


def _sentence_edges(text: str, spans: Sequence[Span]) -> tuple[set[int], set[int]]:
    """Where the segments of a text begin and end, in the text's own places."""
    starts, ends, place = set(), set(), 0
    inner = iter(spans)
    for piece in split(mask(text, spans), limit=float("inf")):
        begin = place
        for character in piece.text:
            span = next(inner) if _is_mark(character) else None
            place += span.end - span.start if span else 1
        if piece.translate:
            starts.add(begin)
            ends.add(place)
    return starts, ends


def _requests(part: Part, known: Mapping[str, str]) -> list[str]:
    """The request of a segment and, once its translation lost a placeholder, those around its spans."""
    requests = [part.request]
    translated = known.get(part.request)
    if (
        translated is not None
        and part.spans
        and protection.fill(translated, [s.text for s in part.spans]) is None
    ):
        requests += [piece.text for piece in protection.around(part.text) if piece.translate]
    return requests


def _fixed(part: Part, phrases: Mapping[str, str], shown: bool = True) -> list[Piece]:
    """A part with its spans in place, untranslated but for its phrases (these count as translated, for `join`)."""
    pieces, spans, place = [], iter(part.spans), 0
    for i, character in enumerate(part.text):
        if _is_mark(character):
            pieces += [Piece(part.text[place:i], False), _shown(next(spans), phrases, shown)]
            place = i + 1
    pieces.append(Piece(part.text[place:], False))
    return [piece for piece in pieces if piece.text]


def _shown(span: Protected, phrases: Mapping[str, str], shown: bool) -> Piece:
    if span.kind == QUOTE:
        return Piece(phrases[span.text], True)
    return Piece(span.text if shown else "", False)


def _resolve(
    parts: Sequence[Part],
    known: Mapping[str, str],
    phrases: Mapping[str, str],
    spaced: bool,
    shown: bool = True,
) -> str:
    """A field's translation; with `shown` false, its protected spans are left out."""
    pieces: list[Piece] = []
    for part in parts:
        if not part.translate:
            pieces += _fixed(part, phrases, shown)
            continue
        translated = known[part.request]
        filled = protection.fill(translated, [_shown(span, phrases, shown).text for span in part.spans])
        if not part.spans:
            pieces.append(Piece(translated, True))
        elif filled is not None:
            pieces.append(Piece(filled, True))
        else:
            spans = iter(part.spans)
            words = "".join(
                _shown(next(spans), phrases, shown).text
                if piece.text == MARK
                else known[piece.text] if piece.translate else piece.text
                for piece in protection.around(part.text)
            )  # fmt: skip
            pieces.append(Piece(words, True))
    return join(pieces, spaced)


def _spans(parts: Sequence[Part], kind: str, same: bool) -> list[str]:
    """The texts of the spans of a kind (`same`), or of all others."""
    return [span.text for part in parts for span in part.spans if (span.kind == kind) == same]


def _lost(text: str, expected: Iterator[str] | list[str]) -> int:
    """How many of the expected strings (with repeats) a text lacks."""
    return sum(max(0, count - text.count(string)) for string, count in Counter(expected).items())
