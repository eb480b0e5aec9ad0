"""A base model's tokenizer: text in, token ids out, with nothing added and no control token read out of a text.

A SentencePiece model (`.model`), or a model directory with `tokenizer.json` (or else `tokenizer.model`), whose
`tokenizer_config.json` names the tokens that begin and end a text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from pipelines.shards.write import sha256_of
from pipelines.tokenizers import open_tokenizer, tokenizer_file

# what a directory may hold of a tokenizer; the others do not change what comes out
_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)

Encode = Callable[[Sequence[str]], list[list[int]]]


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer that was loaded. `encode` takes texts as texts: `</s>` in one is four characters.

    (A `tokenizer.json` of the Unigram kind may find the control token all the same; whoever encodes looks for it.)

    `vocab_size` is the greatest id + 1. `with_offsets` reads control tokens, for a rendered chat, and also gives where
    each token ends in the text, in characters; None for a bare SentencePiece model, which knows no chats.
    """

    encode: Encode
    vocab_size: int
    bos_id: int | None
    eos_id: int
    unk_id: int | None
    control_tokens: dict[int, str]
    chat_template: str | None
    with_offsets: Callable[[str], tuple[list[int], list[int]]] | None
    decode: Callable[[Sequence[int]], str]
    special: dict[str, str | None]  # bos_token and eos_token, as a chat template names them


def tokenizer_files(path: Path) -> dict[str, Path]:
    """The files that make the tokenizer, by name. Raises `UserError` if there are none."""
    if path.is_file():
        return {path.name: path}
    found = {name: path / name for name in _FILES if (path / name).is_file()}
    if not path.exists():
        raise UserError(f"tokenizer: {path}: no such file or directory")
    if not {"tokenizer.json", "tokenizer.model"} & set(found):
        raise UserError(f"tokenizer: {path}: holds neither tokenizer.json nor tokenizer.model")
    return found


def tokenizer_sha256(path: Path) -> str:
    """Of the tokenizer's files: their names and bytes."""
    lines = [f"{name} {sha256_of(file)}" for name, file in sorted(tokenizer_files(path).items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def load_tokenizer(path: Path) -> Tokenizer:
    """Raises `UserError` if it is none, or has no token that ends a text (which a model could never learn to do)."""
    config = _config(tokenizer_files(path))
    file = tokenizer_file(path)
    if file.suffix == ".json":
        loaded = _tokenizers(open_tokenizer(file), open_tokenizer(file), config)
    else:
        loaded = _sentencepiece(open_tokenizer(file), config)
    if loaded.eos_id < 0:
        raise UserError(f"tokenizer: {path} names no eos_token, so a model could not learn to end an answer")
    return loaded


def _config(files: dict[str, Path]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if name in files:
            try:
                found |= json.loads(files[name].read_text(encoding="utf-8"))
            except (OSError, ValueError, TypeError) as error:
                raise UserError(f"tokenizer: {files[name]} cannot be read ({error})") from None
    if "chat_template.jinja" in files:
        found["chat_template"] = files["chat_template.jinja"].read_text(encoding="utf-8")
    return found


def _content(config: dict[str, Any], name: str) -> str | None:
    token = config.get(name)
    return token.get("content") if isinstance(token, dict) else token


def _sentencepiece(model: Any, config: dict[str, Any]) -> Tokenizer:
    bos, eos = model.bos_id(), model.eos_id()
    return Tokenizer(
        encode=lambda texts: model.encode(list(texts)),
        vocab_size=model.vocab_size(),
        bos_id=bos if bos >= 0 and config.get("add_bos_token", True) else None,
        eos_id=eos,
        unk_id=model.unk_id(),
        control_tokens={
            token: model.id_to_piece(token) for token in range(model.vocab_size()) if model.is_control(token)
        },
        chat_template=None,
        with_offsets=None,
        decode=lambda ids: str(model.decode(list(ids))),
        special={},
    )


def _tokenizers(plain: Any, reading: Any, config: dict[str, Any]) -> Tokenizer:
    """`plain` and `reading` are the same: one is told to take control tokens for text, the other reads them."""
    plain.encode_special_tokens = True
    vocabulary = plain.get_vocab(with_added_tokens=True)
    special: dict[str, str | None] = {name: _content(config, name) for name in ("bos_token", "eos_token")}
    unknown = _content(config, "unk_token")
    bos = vocabulary.get(special["bos_token"] or "")

    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [found.ids for found in plain.encode_batch(list(texts), add_special_tokens=False)]

    def with_offsets(text: str) -> tuple[list[int], list[int]]:
        found = reading.encode(text, add_special_tokens=False)
        return found.ids, [end for _, end in found.offsets]

    # many name a bos_token that they never put before a text: what they do counts, unless the configuration says it
    begins = config.get("add_bos_token")
    if begins is None:
        begins = bos is not None and reading.encode("a", add_special_tokens=True).ids[:1] == [bos]
    added = plain.get_added_tokens_decoder()
    return Tokenizer(
        encode=encode,
        vocab_size=max(vocabulary.values(), default=-1) + 1,
        bos_id=bos if begins else None,
        eos_id=vocabulary.get(special["eos_token"] or "", -1),
        unk_id=vocabulary.get(unknown or ""),
        control_tokens={id: token.content for id, token in added.items() if token.special},
        chat_template=config.get("chat_template"),
        with_offsets=with_offsets,
        decode=lambda ids: str(reading.decode(list(ids), skip_special_tokens=False)),
        special=special,
    )
