"""How many tokens a base model's tokenizer spends on each language."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import tokenizers
from schemas.reasons import KEPT

Encode = Callable[[list[str]], list[int]]  # texts -> how many tokens each has


@dataclass(frozen=True)
class Fertility:
    """Of one language, measured on `rows` kept rows.

    `per_word` is null for a script without spaces; `premium` is the tokens of the texts / those of their English
    counterparts.
    """

    language: str
    rows: int
    per_word: float | None
    per_character: float
    premium: float


def load_tokenizer(path: Path) -> Encode:
    """A SentencePiece model (`.model`) or a `tokenizer.json`. Raises `UserError` if it is neither."""
    tokenizer = tokenizers.load_tokenizer(str(path), "report.tokenizer")
    return lambda texts: [len(ids) for ids in tokenizer.encode(texts)]


def fertility(
    samples: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]], encode: Encode, unspaced: Collection[str]
) -> list[Fertility]:
    """The fertility of English and of each language with kept rows; `unspaced` are those without spaces."""
    kept = [(pair.split("-")[1], rows) for (pair, reason), rows in samples.items() if reason == KEPT and rows]
    english: dict[str, int] = {}
    found = []
    for language, rows in kept:
        sources, targets = ([row[f"{side}_text"] for row in rows] for side in ("src", "tgt"))
        tokens = encode(sources)
        english |= dict(zip(sources, tokens, strict=True))
        found.append(_of(language, targets, encode(targets), sum(tokens), language not in unspaced))
    if not found:
        return []
    total = sum(english.values())
    return [_of("en", list(english), list(english.values()), total, spaced=True), *found]


def _of(
    language: str, texts: Sequence[str], tokens: Sequence[int], english_tokens: int, spaced: bool
) -> Fertility:
    spent = sum(tokens)
    words = sum(len(text.split()) for text in texts)
    return Fertility(
        language=language,
        rows=len(texts),
        per_word=spent / max(words, 1) if spaced else None,
        per_character=spent / max(sum(map(len, texts)), 1),
        premium=spent / max(english_tokens, 1),
    )
