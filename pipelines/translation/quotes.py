"""What the fields of a row quote of one another: it must be the same text after translation.

Translated where they stand, `"the old mill"` in the output and the same words in a sentence of the input come out as two
different texts, and the answer no longer fits the question. So a phrase that one field quotes and another has word for
word is translated once, by itself, and put in at both places (`plan.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import regex

from pipelines.translation.segments import has_words
from pipelines.translation.spans import Span

_QUOTED = regex.compile(
    r"""
    "(?P<text>[^"\n]{2,})" | “(?P<text>[^”\n]{2,})” | «\s?(?P<text>[^»\n]{2,}?)\s?» | 「(?P<text>[^」\n]{2,})」
    | ‘(?P<text>[^’\n]{2,})’(?!\p{L}) | (?<![\p{L}\d])'(?P<text>[^'\n]{2,}(?:'\p{L}[^'\n]*)*)'(?![\p{L}\d])
    """,
    regex.VERBOSE,
)
_LABEL_WORDS = (
    5  # a whole output of so few words that stands in the instruction or input is an answer taken from there
)
_END = ".,;:!?"
# single words of grammar: quoted or not, they are everywhere
_COMMON = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "if",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "with",
        "from",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "it",
        "its",
        "he",
        "she",
        "his",
        "her",
        "him",
        "they",
        "them",
        "their",
        "we",
        "us",
        "our",
        "you",
        "your",
        "i",
        "me",
        "my",
        "this",
        "that",
        "these",
        "those",
        "not",
        "no",
        "yes",
        "do",
        "does",
        "did",
        "have",
        "has",
        "had",
        "will",
        "would",
        "can",
        "could",
        "should",
        "may",
        "who",
        "what",
        "which",
        "when",
        "where",
        "why",
        "how",
        "there",
        "here",
        "one",
        "two",
        "true",
        "false",
    ]
)


@dataclass(frozen=True)
class Phrase:
    """A place in a field's text where a shared phrase stands."""

    start: int
    end: int
    text: str


def quoted(text: str) -> list[tuple[int, int]]:
    """Start and end of what stands between quotation marks in a text."""
    return [found.span("text") for found in _QUOTED.finditer(text)]


def shared_phrases(fields: Mapping[str, str], spans: Mapping[str, Sequence[Span]]) -> dict[str, list[Phrase]]:
    """For each field, the places of phrases that one field quotes and another has; not overlapping, in order.

    `fields` are texts by name, `spans` their protected spans: a phrase may hold such spans but begins and ends in none. A
    phrase of several words is shared wherever it stands. A single word is shared between quotation marks, and where the
    output quotes it from another field or the instruction from the input; a word of grammar never is. An output of a
    few words that stands in another field counts as quoted.
    """
    phrases = _candidates(fields, spans)
    places: dict[str, list[Phrase]] = {name: [] for name in fields}
    for phrase in sorted(phrases, key=lambda phrase: (-len(phrase), phrase)):
        found = {
            name: [place for place in _occurrences(phrase, text) if _is_language(*place, spans[name])]
            for name, text in fields.items()
        }
        single = len(phrase.split()) == 1
        for name, where in found.items() if sum(map(bool, found.values())) > 1 else ():
            for start, end in where:
                if single and not _may_stand(name, fields[name], start, end, phrases[phrase]):
                    continue
                if all(end <= other.start or other.end <= start for other in places[name]):
                    places[name].append(Phrase(start, end, phrase))
    _drop_lonely(places)
    return {name: sorted(found, key=lambda place: place.start) for name, found in places.items()}


def _candidates(fields: Mapping[str, str], spans: Mapping[str, Sequence[Span]]) -> dict[str, set[str]]:
    """Phrases that a field quotes, and which fields do. With and without the punctuation that ends them."""
    phrases: dict[str, set[str]] = {}
    for name, text in fields.items():
        places = quoted(text)
        whole = text.strip()
        if name == "output" and whole and len(whole.split()) <= _LABEL_WORDS and "\n" not in whole:
            start = text.index(whole)
            places.append((start, start + len(whole)))
        for start, end in places:
            phrase = text[start:end].strip()
            if not _is_language(start, end, spans[name]) or phrase.lower().strip(_END) in _COMMON:
                continue
            for variant in dict.fromkeys((phrase, phrase.rstrip(_END))):
                if has_words(variant):
                    phrases.setdefault(variant, set()).add(name)
    return phrases


def _is_language(start: int, end: int, spans: Sequence[Span]) -> bool:
    """Whether a place is outside of all spans, or holds them whole beside words of its own."""
    touching = [span for span in spans if span.start < end and start < span.end]
    whole = all(start <= span.start and span.end <= end and not span.block for span in touching)
    return whole and sum(span.end - span.start for span in touching) < end - start


def _occurrences(phrase: str, text: str) -> list[tuple[int, int]]:
    if phrase not in text:
        return []
    pattern = rf"(?<![\p{{L}}\p{{N}}]){regex.escape(phrase, special_only=True)}(?![\p{{L}}\p{{N}}])"
    return [found.span() for found in regex.finditer(pattern, text)]


def _may_stand(name: str, text: str, start: int, end: int, quoting: set[str]) -> bool:
    """Whether a single word is shared at this place: between quotation marks, the whole field, or quoted later on."""
    if text.strip() == text[start:end] or any(a <= start and end <= b for a, b in quoted(text)):
        return True
    return ("output" in quoting and name != "output") or ("instruction" in quoting and name == "input")


def _drop_lonely(places: dict[str, list[Phrase]]) -> None:
    """Phrases that are left in one field only, because longer ones took their other places, are not shared."""
    while True:
        fields_of: dict[str, set[str]] = {}
        for name, found in places.items():
            for place in found:
                fields_of.setdefault(place.text, set()).add(name)
        lonely = {phrase for phrase, names in fields_of.items() if len(names) < 2}
        if not lonely:
            return
        for name in places:
            places[name] = [place for place in places[name] if place.text not in lonely]
