"""How many tokens a base model's tokenizer spends on each language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from schemas.reasons import KEPT

Encode = Callable[[list[str]], list[int]]  # texts -> how many tokens each has


@dataclass(frozen=True)
class Fertility:
    """Of one pair's target language, measured on `rows` kept rows.

    `per_word` is null for a script without spaces; `premium` is the tokens of the targets / those of their sources.
    """

    pair: str
    rows: int
    per_word: float | None
    per_character: float
    premium: float


def load_tokenizer(path: Path) -> Encode:
    """A SentencePiece model (`.model`) or a `tokenizer.json`. Raises `UserError` if it is neither."""
    try:
        if path.suffix == ".json":
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(path))
            return lambda texts: [
                len(found.ids) for found in tokenizer.encode_batch(texts, add_special_tokens=False)
            ]
        import sentencepiece

        processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
        return lambda texts: [len(ids) for ids in processor.encode(texts)]
    except ImportError as error:
        raise UserError(f"report.tokenizer needs {error.name}: pip install 'polyinstruct[report]'") from None
    except Exception as error:  # what the two libraries raise has no common kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"report.tokenizer: {path} is neither a SentencePiece model nor a tokenizer.json ({reason})"
        ) from None


def fertility(
    samples: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]], encode: Encode, unspaced: Sequence[str]
) -> list[Fertility]:
    """The fertility of each pair that has kept rows; `unspaced` are the languages without spaces between words."""
    found = []
    for (pair, reason), rows in samples.items():
        if reason != KEPT or not rows:
            continue
        sources, targets = ([row[f"{side}_text"] for row in rows] for side in ("src", "tgt"))
        tokens = sum(encode(targets))
        words = sum(len(text.split()) for text in targets)
        found.append(
            Fertility(
                pair=pair,
                rows=len(rows),
                per_word=None if pair.split("-")[1] in unspaced else tokens / max(words, 1),
                per_character=tokens / max(sum(map(len, targets)), 1),
                premium=tokens / max(sum(encode(sources)), 1),
            )
        )
    return found
