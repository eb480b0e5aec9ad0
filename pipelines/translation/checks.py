"""What a translated row looks like: scores first, then a decision, as in cleaning.

Scores are computed on the words alone, without protected spans: a row that is mostly code is judged by its sentences,
and one without any has null scores, which fail nothing. What each means stands in `schemas/instructions.py`,
thresholds, conditions and retries in `schemas/translation.py`. Language identification takes many texts at once and
is apart (`add_lid`), and so is the second opinion of a round trip.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import regex
from rapidfuzz.distance import Indel

from pipelines import lid
from pipelines.numbers import number_overlap, numbers
from pipelines.scripts import script_share
from pipelines.translation.plan import Rebuilt
from pipelines.translation.protection import without_placeholders
from pipelines.translation.segments import has_words, sentences
from pipelines.translation.spans import find_spans
from schemas.instructions import REASONS, SCORES
from schemas.languages import Language
from schemas.translation import CONDITIONS, RETRIES, RETRY_OF, Checks, Retry

Scores = dict[str, Any]

_LETTERS = regex.compile(r"\p{L}")
_WORDS = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_GRAM = {True: 4, False: 8}  # words, or characters where words are not parted, that make a repeat
_FEW_LETTERS = 20  # fewer of a field tell no language
_SHORT = 100  # characters of a source below which compression says nothing
_SAME = 0.9  # similarity from which a segment counts as copied
_COPYABLE = 10  # letters of a segment that a translator may leave as it is: a name, a title
_MADE_UP = frozenset(("url", "email", "placeholder", "control", "path"))
_UNKNOWN = "⁇"  # SentencePiece's surface of an unknown token


class SegmentFacts(NamedTuple):
    """What the engine says of one request's translation; `score` is the mean log-probability of its `tokens`."""

    score: float
    tokens: int
    unknown: int
    truncated: bool


def score_row(
    rebuilt: Rebuilt,
    known: Mapping[str, str],
    facts: Mapping[str, SegmentFacts],
    code: str,
    language: Language,
) -> Scores:
    """The scores of a rebuilt row, without those of `add_lid` and `round_trip`; `code` is the language's (ISO 639-1).

    `known` are the translations that it was rebuilt from, and `facts` what the engine said of them, by request. Raises
    `KeyError` for a request without facts.
    """
    scores: Scores = {field.name: None for field in SCORES}
    scores |= {"lost_spans": rebuilt.lost_spans, "lost_quotes": rebuilt.lost_quotes, "around": rebuilt.around}
    pairs = [pair for pair in rebuilt.natural.values() if has_words(pair[0])]
    scores["lost_spans"] += sum(_made_up(source, target) for source, target in rebuilt.natural.values())
    requests = [request for used in rebuilt.used.values() for request in used]
    scores["empty_segments"] = sum(not has_words(known[request]) for request in requests)
    if not pairs or not requests:
        return scores
    targets = [target for _, target in pairs]
    shares = [script_share(target, language) for target in targets]
    scores |= {
        "script_share": min(1.0 if share is None else share for share in shares),
        "length_ratio": max((_length_ratio(*pair, language.char_factor) for pair in pairs), key=_distance),
        "shortest_segment": min(_length_ratio(r, known[r], language.char_factor) for r in requests),
        "sentence_ratio": _sentence_ratio(requests, known, code),
        "repetition": max(
            max(0.0, _repetition(target, language.spaced) - _repetition(source, True))
            for source, target in pairs
        ),
        "compression": max(filter(None, (_compression(*pair) for pair in pairs)), default=None),
        "copy": _copy(requests, known),
        "number_overlap": min(number_overlap(numbers(source), numbers(target)) for source, target in pairs),
    }
    said = [facts[request] for request in requests]
    tokens = sum(fact.tokens for fact in said)
    return scores | {
        "unknown_tokens": max(
            sum(fact.unknown for fact in said), sum(target.count(_UNKNOWN) for target in targets)
        ),
        "truncated": sum(fact.truncated for fact in said),
        "score": sum(fact.score * fact.tokens for fact in said) / tokens if tokens else None,
        "worst_score": min((fact.score for fact in said if fact.tokens), default=None),
    }


def add_lid(model: Any, rows: Sequence[tuple[Rebuilt, Scores]], code: str, language: Language) -> None:
    """Adds `lid`, `lid_prob` and `lid_claimed` to the scores of rows: those of the field least like the language.

    Fields of a few letters are judged together with the others of their row, by themselves they tell no language.
    """
    texts, owners = [], []
    for number, (rebuilt, scores) in enumerate(rows):
        if scores["script_share"] is None:
            continue
        fields = [target for source, target in rebuilt.natural.values() if has_words(source)]
        long = [text for text in fields if len(_LETTERS.findall(text)) >= _FEW_LETTERS]
        for text in [*long, *([" ".join(fields)] if len(long) < len(fields) else [])]:
            texts.append(text)
            owners.append(number)
    for number, found in zip(owners, lid.identify(model, texts, language.lid_labels or (code,)), strict=True):
        scores = rows[number][1]
        if found is not None and (scores["lid_claimed"] is None or found.claimed < scores["lid_claimed"]):
            scores |= {"lid": found.label, "lid_prob": found.prob, "lid_claimed": found.claimed}


def decide(scores: Mapping[str, Any], checks: Checks) -> str | None:
    """Why a translation is rejected, or `None`: the first reason in the vocabulary's order whose conditions hold."""
    for reason in REASONS:
        comparisons = CONDITIONS.get(reason)
        if comparisons and all(
            _holds(scores[name], sign, getattr(checks, key)) for name, sign, key in comparisons
        ):
            return reason
    return None


def retry_for(reason: str) -> tuple[str, Retry] | None:
    """The other way to translate a row that failed for this reason, by name; `None` where none is worth trying."""
    name = RETRY_OF.get(reason)
    return (name, RETRIES[name]) if name else None


def round_trip(sources: Sequence[str], back: Sequence[str]) -> list[float]:
    """chrF (0 to 100) of each back-translation against its source: a second opinion, at the price of translating twice.

    A good engine's own way back lies above 50; what has nothing in common shares some letters, and lies below 20
    (Popović 2015; sacrebleu's defaults). Needs sacrebleu (the extra `eval`).
    """
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()
    return [chrf.sentence_score(text, [source]).score for source, text in zip(sources, back, strict=True)]


def _holds(score: float | None, sign: str, threshold: float) -> bool:
    if score is None:
        return False
    # as it will be stored: what is decided again from the dataset must come out the same
    one, other = np.float32(score), np.float32(threshold)
    return bool(one < other if sign == "<" else one > other)


def _made_up(source: str, target: str) -> int:
    """Addresses, placeholders and the like in the words of a translation that its source's words do not hold."""
    ours, theirs = (
        Counter(text[span.start : span.end] for span in find_spans(text) if span.kind in _MADE_UP)
        for text in (source, target)
    )
    return sum((theirs - ours).values())


def _length_ratio(source: str, target: str, factor: float) -> float:
    # 10 is added to both, so that short texts may differ by a word (as in cleaning)
    return (len(target.strip()) * factor + 10) / (len(source.strip()) + 10)


def _distance(ratio: float) -> float:
    return abs(math.log(ratio))


def _sentence_ratio(requests: Sequence[str], known: Mapping[str, str], code: str) -> float:
    # a segment is a sentence, or a part of one
    found = sum(sum(map(has_words, sentences(known[request], code))) for request in requests)
    return (found + 1) / (len(requests) + 1)


def _repetition(text: str, spaced: bool) -> float:
    """The share of n-grams that stand in the text before."""
    units: Sequence[str] = _WORDS.findall(text.lower())
    if not spaced:
        units = "".join(units)
    size = _GRAM[spaced]
    grams = [tuple(units[i : i + size]) for i in range(len(units) - size + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def _compression(source: str, target: str) -> float | None:
    if len(source) < _SHORT or not target:
        return None
    return _ratio(target) / _ratio(source)


def _ratio(text: str) -> float:
    # one byte a character: UTF-8 writes the same high byte before each letter of most scripts
    data = bytes(ord(character) & 0xFF for character in text)
    return len(data) / len(zlib.compress(data, 9))


def _copy(requests: Sequence[str], known: Mapping[str, str]) -> float:
    """The share, by length, of segments that came back as they were, of those long enough to be no name."""
    long = copied = 0
    for request in requests:
        words, translated = (without_placeholders(text).casefold() for text in (request, known[request]))
        length = len(_LETTERS.findall(words))
        if length > _COPYABLE and " " in words.strip():
            long += length
            copied += length if Indel.normalized_similarity(words, translated) >= _SAME else 0
    return copied / long if long else 0.0
