"""Text to tokens and back, by sentencepiece alone.

No text can become a control token: ids are mapped to tokens by a table in which language tags, `</s>` and their like
occur for no piece of text. (The tokenizers of transformers read such strings in a user's text as what they look like;
so would CTranslate2, which takes tokens as strings, if sentencepiece's surface of an unknown stretch were passed on.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

from schemas.engine import EngineManifest


@dataclass(frozen=True)
class Pieces:
    """The tokens of a text, and how many of them are unknown."""

    tokens: list[str]
    unknown: int


class TextTokens:
    """The two sentencepiece models of an engine, tied to its vocabulary."""

    def __init__(
        self, source_spm: Path, target_spm: Path, vocabulary: Iterable[str], manifest: EngineManifest
    ) -> None:
        self._source = sentencepiece.SentencePieceProcessor(model_file=str(source_spm))
        self._target = sentencepiece.SentencePieceProcessor(model_file=str(target_spm))
        self._unknown = manifest.unknown_token
        text = set(vocabulary) - {*manifest.control_tokens, self._unknown}
        pieces = (self._source.id_to_piece(id_) for id_ in range(self._source.get_piece_size()))
        self._tokens = [piece if piece in text else self._unknown for piece in pieces]
        self._ids = {token: self._target.piece_to_id(token) for token in text}

    def encode(self, texts: Sequence[str]) -> list[Pieces]:
        """The tokens of each text."""
        table, unknown = self._tokens, self._unknown
        tokens = [[table[id_] for id_ in ids] for ids in self._source.encode(list(texts))]
        return [Pieces(row, row.count(unknown)) for row in tokens]

    def decode(self, tokens: Sequence[str]) -> tuple[str, int]:
        """The text of tokens, and how many of them stand for no text (unknown ones, stray control tokens).

        An unknown token shows as sentencepiece's ` ⁇ `, a control token not at all.
        """
        known = [self._ids.get(token) for token in tokens]
        ids = [
            self._target.unk_id() if id_ is None else id_
            for id_, token in zip(known, tokens, strict=True)
            if id_ is not None or token == self._unknown
        ]
        text: str = self._target.decode(ids)
        return text, known.count(None)
