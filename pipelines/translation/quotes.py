"""What the fields of a row quote of one another: it must be the same text after translation.

Translated where they stand, `"the old mill"` in the output and the same words in a sentence of the input come out as
two different texts, and the answer no longer fits the question. So a phrase that one field quotes and another has
word for word is translated once, by itself, and put in at both places (`plan.py`). The same goes for the items of a
list that another list holds too (sorted, classified, picked from), and for a short answer that stands in the
question. What the code of another field holds as a string, no field may translate: `print("Hello")` prints no
greeting in Greek.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import regex

from pipelines.translation.segments import has_words
from pipelines.translation.spans import Span

Place = tuple[int, int]  # start and end (exclusive) in a field's text

_QUOTED = regex.compile(
    r"""
    "(?P<text>[^"\n]{2,500})" | “(?P<text>[^”\n]{2,500})” | «\s?(?P<text>[^»\n]{2,500}?)\s?»
    | 「(?P<text>[^」\n]{2,500})」 | ‘(?P<text>[^’\n]{2,500})’(?!\p{L})
    | (?<![\p{L}\d])'(?P<text>[^'\n]{2,500}(?:'\p{L}[^'\n]{0,200}){0,3})'(?![\p{L}\d])
    """,
    regex.VERBOSE,
)
_ITEM = r"[^\s,;.:!?，、；。：！？،؛](?:[^\n,;.:!?，、；。：！？،؛]{0,40}[^\s,;.:!?，、；。：！？،؛])?"
# a line that is nothing but a list, perhaps after a word or two and a colon
_LIST = regex.compile(
    rf"^(?:[^\n:：]{{1,30}}[:：]\s?)?(?P<item>{_ITEM})(?:\s?[,;，、；،؛]\s?(?P<item>{_ITEM}))+[.。]?[ ]*$",
    regex.MULTILINE,
)
_ITEM_WORDS = 4
_LONGEST = 500  # characters of a phrase
_MOST = 100  # quotations and items of a field that are looked at; each is looked for in all fields
_LABEL_WORDS = 5  # a whole output of so few words that stands in the instruction or input is taken from there
_END = ".,;:!?"
_BEFORE_SENTENCE = ("", *"\n.!?:\"“”'‘’«»()[]-–—*•|>")
# words of grammar: quoted or not, they are everywhere
_GRAMMAR = """
a an the and or but if of to in on at by for with from as is are was were be been it its he she his her him they
them their we us our you your i me my this that these those not no yes do does did have has had will would can could
should may who what which when where why how there here one two true false
"""
_COMMON = frozenset(_GRAMMAR.split())
_COMMON_WORDS = 2  # "to do"


@dataclass(frozen=True)
class Phrase:
    """A place in a field's text where a shared phrase stands; one that is `kept` must stay as it is."""

    start: int
    end: int
    text: str
    kept: bool = False


@dataclass
class _Candidate:
    """Which fields quote a phrase, and which have it as an item of a list."""

    quoting: set[str] = field(default_factory=set)
    listing: set[str] = field(default_factory=set)


def quoted(text: str) -> list[Place]:
    """What stands between quotation marks in a text."""
    return [found.span("text") for found in islice(_QUOTED.finditer(text), _MOST)]


def listed(text: str) -> list[Place]:
    """The items of a text's lines that are lists of short items and nothing else."""
    items = (place for line in _LIST.finditer(text) for place in line.spans("item"))
    return [place for place in islice(items, _MOST) if len(text[place[0] : place[1]].split()) <= _ITEM_WORDS]


def shared_phrases(fields: Mapping[str, str], spans: Mapping[str, Sequence[Span]]) -> dict[str, list[Phrase]]:
    """For each field, the places of phrases that it shares with another; not overlapping, in order.

    `fields` are texts by name, `spans` their protected spans: a phrase may hold such spans but begins and ends in
    none. A phrase of several words is shared wherever it stands. A single word is shared between quotation marks, and
    where the output quotes it from another field or the instruction from the input; a word of grammar never is. An
    item of a list is shared with other lists.
    """
    quotes = {name: _language(quoted(text), spans[name]) for name, text in fields.items()}
    lists = {name: _language(listed(text), spans[name]) for name, text in fields.items()}
    candidates = _candidates(fields, quotes, lists)
    code = {
        name: [text[s.start : s.end] for s in spans[name] if s.kind == "code"]
        for name, text in fields.items()
    }
    places: dict[str, list[Phrase]] = {name: [] for name in fields}
    for phrase in sorted(candidates, key=lambda phrase: (-len(phrase), phrase)):
        candidate = candidates[phrase]
        # between quotation marks in the code, or as what it prints
        kept = any(phrase in part for name in fields for part in code[name] if candidate.quoting - {name})
        found = {
            name: [
                place
                for place in _language(_occurrences(phrase, text), spans[name])
                if _may_stand(phrase, name, place, text, candidate, quotes[name], lists[name])
            ]
            for name, text in fields.items()
        }
        if not kept and sum(map(bool, found.values())) < 2:
            continue
        for name in fields:
            places[name] += [
                Phrase(*place, phrase, kept) for place in found[name] if _is_free(place, places[name])
            ]
    _drop_lonely(places)
    return {name: sorted(found, key=lambda place: place.start) for name, found in places.items()}


def _candidates(
    fields: Mapping[str, str], quotes: Mapping[str, Sequence[Place]], lists: Mapping[str, Sequence[Place]]
) -> dict[str, _Candidate]:
    candidates: dict[str, _Candidate] = {}
    for name, text in fields.items():
        found = [text[start:end].strip() for start, end in quotes[name]]
        found += [phrase.rstrip(_END) for phrase in found]  # a sentence of its own there, a part of one here
        whole = text.strip().rstrip(_END)
        if name == "output" and len(whole.split()) <= _LABEL_WORDS and "\n" not in whole:
            found.append(whole)
        for phrase in found:
            if len(phrase) > _LONGEST:
                continue
            words = phrase.lower().rstrip(_END).split()
            if has_words(phrase) and not (len(words) <= _COMMON_WORDS and _COMMON.issuperset(words)):
                candidates.setdefault(phrase, _Candidate()).quoting.add(name)
        for start, end in lists[name]:
            if has_words(text[start:end]):
                candidates.setdefault(text[start:end], _Candidate()).listing.add(name)
    return candidates


def _language(places: Iterable[Place], spans: Sequence[Span]) -> list[Place]:
    """The places outside of all protected spans, or that hold them whole beside words of their own."""
    found = []
    for start, end in places:
        touching = [span for span in spans if span.start < end and start < span.end]
        whole = all(start <= span.start and span.end <= end and not span.block for span in touching)
        if whole and sum(span.end - span.start for span in touching) < end - start:
            found.append((start, end))
    return found


def _occurrences(phrase: str, text: str) -> list[Place]:
    """Where a phrase stands in a text as words of their own."""
    found: list[Place] = []
    start = text.find(phrase)
    while start >= 0 and len(found) < _MOST:
        end = start + len(phrase)
        if not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum():
            found.append((start, end))
        start = text.find(phrase, end)
    return found


def _may_stand(
    phrase: str,
    name: str,
    place: Place,
    text: str,
    candidate: _Candidate,
    quotes: Sequence[Place],
    lists: Sequence[Place],
) -> bool:
    """Whether a phrase is shared at this place of a field."""
    if place in lists and len(candidate.listing) > 1:
        return True
    if not candidate.quoting:
        return False
    if phrase[-1] in _END and text[: place[0]].rstrip(" \t")[-1:] not in _BEFORE_SENTENCE:
        return False  # else the mark of a part of a sentence would swallow the sentence's end
    if len(phrase.split()) > 1 or text.strip() == phrase:
        return True
    if any(start <= place[0] and place[1] <= end for start, end in quotes):
        return True
    # a single word: quoted by a field that comes later
    return ("output" in candidate.quoting and name != "output") or (
        "instruction" in candidate.quoting and name == "input"
    )


def _is_free(place: Place, taken: Iterable[Phrase]) -> bool:
    return all(place[1] <= other.start or other.end <= place[0] for other in taken)


def _drop_lonely(places: dict[str, list[Phrase]]) -> None:
    """Phrases that are left in one field only, because longer ones took their other places, are not shared."""
    fields_of: dict[str, set[str]] = {}
    for name, found in places.items():
        for place in found:
            fields_of.setdefault(place.text, set()).add(name)
    for name in places:
        places[name] = [place for place in places[name] if place.kept or len(fields_of[place.text]) > 1]
