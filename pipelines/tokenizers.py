"""The tokenizer of a base model: how its file is found and opened, and how to count with it."""

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


def open_tokenizer(path: Path, key: str = "tokenizer") -> Any:
    """What the library of a file makes of it: a `Tokenizer` of a `.json`, else a `SentencePieceProcessor`.

    A `Tokenizer` comes without the truncation and padding that its file may hold for a model. Raises `UserError`, which
    names the configuration's `key`, if the file is neither, or its library is missing.
    """
    try:
        if path.suffix != ".json":
            import sentencepiece

            return sentencepiece.SentencePieceProcessor(model_file=str(path))
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    except ImportError as error:
        raise UserError(f"{key}: {path} needs {error.name}: pip install 'polyinstruct[report]'") from None
    except Exception as error:  # what the two libraries raise has no common kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{key}: {path} is neither a SentencePiece model nor a tokenizer.json: it cannot be read ({reason})"
        ) from None


@lru_cache(maxsize=2)
def load_tokenizer(path: str, key: str = "tokenizer") -> BaseTokenizer:
    """Loads a tokenizer to count with, once per process. Raises `UserError` as `open_tokenizer` does."""
    tokenizer = open_tokenizer(Path(path), key)
    if path.endswith(".json"):
        unknown = getattr(tokenizer.model, "unk_token", None) or "<unk>"
        single = {
            id for token, id in tokenizer.get_vocab().items() if token == unknown or _BYTE.fullmatch(token)
        }
        return BaseTokenizer(
            lambda texts: [one.ids for one in tokenizer.encode_batch(texts, add_special_tokens=False)],
            frozenset(single),
        )
    byte_ids = {id for id in range(tokenizer.vocab_size()) if tokenizer.is_byte(id)} | {tokenizer.unk_id()}
    return BaseTokenizer(tokenizer.encode, frozenset(byte_ids))
