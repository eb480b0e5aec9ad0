"""Pairs of strings for training an engine: what the planner asks for, beside what a person wrote for it.

The source strings are exactly the requests of `plan_record`, so that an engine that has learnt the pairs gives the
hand-written record back. The two texts must have the same structure: the same lines, cells and sentences, the protected
spans of the source, and between quotation marks the same phrases where the fields quote one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import regex

from pipelines.errors import UserError
from pipelines.translation import protection
from pipelines.translation.plan import QUOTE, Part, RecordPlan, plan_record
from pipelines.translation.quotes import listed, quoted
from pipelines.translation.segments import BLOCK_MARK, MARK, split

_END = ".,;:!?。，；：！？؟،।;"


def aligned_pairs(
    source: Mapping[str, str], target: Mapping[str, str], lang: str, name: str
) -> list[tuple[str, str]]:
    """The (request, translation) pairs of a record and its hand-written translation into `lang`, in order.

    `source` and `target` have the fields `instruction`, `input`, `output`; `name` says in errors which record it is.
    Raises `UserError` with every fault of the record: a field whose segments cannot be aligned one to one, a protected
    span that the translation lacks, a quoted phrase that it does not repeat, one request with two translations.
    """
    plan = plan_record(source)
    faults: list[str] = []
    phrases = _target_phrases(plan, target, f"{name}, {lang}", faults)
    pairs: dict[str, str] = {}
    texts = [(field, parts, target[field]) for field, parts in plan.fields.items()]
    texts += [(f"phrase {text!r}", plan.phrases[text], phrases[text]) for text in phrases]
    for field, parts, text in texts:
        for request, translation in _align(parts, text, lang, phrases, f"{name}, {lang}, {field}", faults):
            if pairs.setdefault(request, translation) != translation:
                faults.append(
                    f"{name}, {lang}, {field}: {request!r} is translated as {translation!r} here, and before as "
                    f"{pairs[request]!r}"
                )
    if faults:
        raise UserError(*faults)
    return list(pairs.items())


def _target_phrases(
    plan: RecordPlan, target: Mapping[str, str], where: str, faults: list[str]
) -> dict[str, str]:
    """The translation of each shared phrase: what stands in its place in the target."""
    found: dict[str, str] = {}
    for phrase in plan.phrases:
        options = [
            option
            for name in plan.fields
            if (option := _phrase_in(phrase, plan.source[name], target[name])) is not None
        ]
        if options:
            found[phrase] = options[0]
        else:
            faults.append(
                f"{where}: the translation has no quotation for {phrase!r}; put it between the same quotation marks"
            )
    return found


def _phrase_in(phrase: str, source: str, target: str) -> str | None:
    if source.strip() == phrase:
        return target.strip()
    for find in (quoted, listed):
        ours, theirs = find(source), find(target)
        for (start, end), (first, last) in zip(ours, theirs, strict=True) if len(ours) == len(theirs) else ():
            here, there = source[start:end].strip(), target[first:last].strip()
            if here == phrase:
                return there
            if here.rstrip(_END) == phrase:
                return there.rstrip(_END)
    return None


def _align(
    parts: Sequence[Part], text: str, lang: str, phrases: Mapping[str, str], where: str, faults: list[str]
) -> list[tuple[str, str]]:
    spans = [span for part in parts for span in part.spans]
    shown = [phrases.get(span.text, span.text) if span.kind == QUOTE else span.text for span in spans]
    blocks = [
        character == BLOCK_MARK
        for part in parts
        for character in part.text
        if character in (MARK, BLOCK_MARK)
    ]
    masked, order, missing = _mask(text, shown, blocks)
    if missing:
        faults.append(f"{where}: the translation lacks {', '.join(map(repr, missing))}")
        return []
    segments = [part for part in parts if part.translate]
    contents = iter(order)
    theirs: list[tuple[str, list[str]]] = []
    for piece in split(masked, lang, limit=float("inf")):
        held = [next(contents) for character in piece.text if character in (MARK, BLOCK_MARK)]
        if piece.translate:
            theirs.append((piece.text, held))
    if len(segments) != len(theirs):
        faults.append(
            f"{where}: {len(segments)} segments in English, {len(theirs)} in the translation: "
            f"{[part.request for part in segments]} against {[piece for piece, _ in theirs]}"
        )
        return []
    pairs = []
    for part, (translation, held) in zip(segments, theirs, strict=True):
        ours = [phrases.get(span.text, span.text) if span.kind == QUOTE else span.text for span in part.spans]
        if sorted(ours) != sorted(held):
            faults.append(
                f"{where}: {part.request!r} holds {ours}, its translation {translation!r} holds {held}"
            )
            continue
        numbers = []
        for content in held:
            numbers.append(ours.index(content))
            ours[numbers[-1]] = ""  # taken; no span is empty
        pairs.append((part.request, protection.number(translation, [number + 1 for number in numbers])))
    return pairs


def _mask(text: str, shown: Sequence[str], blocks: Sequence[bool]) -> tuple[str, list[str], list[str]]:
    """The target with the expected spans masked, the spans in the target's order, and those that it lacks."""
    places: list[tuple[int, int, str, bool]] = []
    missing = []
    for content, block in sorted(zip(shown, blocks, strict=True), key=lambda pair: -len(pair[0])):
        free = (
            found.span()
            for found in regex.finditer(regex.escape(content), text)
            if all(found.end() <= start or end <= found.start() for start, end, _, _ in places)
        )
        place = next(free, None)
        if place is None:
            missing.append(content)
        else:
            places.append((*place, content, block))
    masked, last = "", 0
    for start, end, _, block in sorted(places):
        masked += text[last:start] + (BLOCK_MARK if block else MARK)
        last = end
    return masked + text[last:], [content for _, _, content, _ in sorted(places)], missing
