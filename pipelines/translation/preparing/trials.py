"""What an engine must pass before it is published: equal to the untrimmed one, in the languages asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipelines.errors import UserError
from pipelines.translation.engine import Engine
from schemas.engine import SelfTest
from schemas.translation_config import Decoding

TRIAL = Decoding(max_decoding_length=256)
_SENTENCES = 32  # of the certificate, into each language
_SPOKEN = 8  # of the self-test
_LEAST_IDENTIFIED = 0.5  # short sentences are often taken for a neighbour; a wrong tag gives none at all

Identify = Callable[[str, Sequence[str]], int]
"""How many texts are in a language (by its code), by language identification."""


def equal_share(trimmed: Engine, whole: Engine, sentences: Sequence[str]) -> tuple[int, float]:
    """Translations into every language that were compared, and the share of those whose texts are equal."""
    step = max(1, len(sentences) // _SENTENCES)
    sentences = sentences[::step][:_SENTENCES]
    equal = compared = 0
    for target in trimmed.manifest.target_tags:
        if target == "en":
            continue
        ours, theirs = (
            [translation.text for translation in engine.translate(sentences, "en", target, TRIAL)]
            for engine in (trimmed, whole)
        )
        equal += sum(a == b for a, b in zip(ours, theirs, strict=True))
        compared += len(ours)
    return compared, equal / max(1, compared)


def self_test(engine: Engine, sentences: Sequence[str], identify: Identify) -> dict[str, SelfTest]:
    """Translates into every language and has the output identified.

    Raises `UserError` for languages in which too little of it is.
    """
    found: dict[str, SelfTest] = {}
    problems = []
    for target in engine.manifest.target_tags:
        if target == "en":
            continue
        texts = [t.text for t in engine.translate(sentences[:_SPOKEN], "en", target, TRIAL)]
        identified = identify(target, texts)
        found[target] = SelfTest(translations=len(texts), identified=identified)
        if identified < _LEAST_IDENTIFIED * len(texts):
            problems.append(
                f"self-test: of {len(texts)} translations into {target}, {identified} are in that language, by "
                f"language identification; the first is {texts[0][:100]!r}"
            )
    if problems:
        raise UserError(*problems)
    return found
