"""The tokenizer of a base model, to count with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.errors import UserError

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_FILES = ("tokenizer.json", "tokenizer.model")


@dataclass(frozen=True)
class BaseTokenizer:
    """Tokenizes texts, without special tokens.

    `byte_ids` stand for single bytes, or for what is unknown (none in a tokenizer that works on bytes altogether).
    """

    encode: Callable[[list[str]], list[list[int]]]
    byte_ids: frozenset[int]

    def counts(self, texts: Sequence[str]) -> tuple[list[int], list[int]]:
        """The tokens of each text, and how many of them are of `byte_ids`."""
        found = self.encode(list(texts))
        return [len(ids) for ids in found], [sum(id in self.byte_ids for id in ids) for ids in found]


def tokenizer_file(path: Path, key: str = "tokenizer") -> Path:
    """The file of a tokenizer: `path`, or the one in the folder `path`. Raises `UserError` if there is none."""
    file = next((path / name for name in _FILES if (path / name).is_file()), path) if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            f"{key}: {path} holds no tokenizer; expected a SentencePiece model, a tokenizer.json, or a folder with "
            "either"
        )
    return file


def whole_texts(path: str) -> Any:
    """The `Tokenizer` of a `tokenizer.json`, without the truncation and padding that one may hold for its model."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@lru_cache(maxsize=2)
def load_tokenizer(path: str, key: str = "tokenizer") -> BaseTokenizer:
    """Loads a SentencePiece model or a `tokenizer.json`, once per process.

    Raises `UserError`, which names the configuration's `key`, if it is neither, or its library is missing.
    """
    try:
        if path.endswith(".json"):
            tokenizer = whole_texts(path)
            vocabulary = tokenizer.get_vocab()
            unknown = getattr(tokenizer.model, "unk_token", None) or "<unk>"
            single = {id for token, id in vocabulary.items() if token == unknown or _BYTE.fullmatch(token)}
            return BaseTokenizer(
                lambda texts: [one.ids for one in tokenizer.encode_batch(texts, add_special_tokens=False)],
                frozenset(single),
            )
        import sentencepiece

        processor = sentencepiece.SentencePieceProcessor(model_file=path)
        byte_ids = {id for id in range(processor.vocab_size()) if processor.is_byte(id)} | {
            processor.unk_id()
        }
        return BaseTokenizer(processor.encode, frozenset(byte_ids))
    except ImportError as error:
        raise UserError(f"{key} needs {error.name}: pip install 'polyinstruct[report]'") from None
    except Exception as error:  # what the two libraries raise has no common kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{key}: {path} is neither a SentencePiece model nor a tokenizer.json ({reason})"
        ) from None
