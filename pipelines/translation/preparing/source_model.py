"""A published model as it was downloaded: its family, and its vocabulary in the order of its embedding.

The vocabulary is put together from the files themselves. transformers' tokenizers are not asked: those of version 5
ignore an NLLB sentencepiece model that they are given, and take every language tag for `<unk>` without a word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece

from pipelines.errors import UserError
from pipelines.translation.families import END, FAMILIES, Family

UNKNOWN = "<unk>"
_WEIGHTS = ("model.safetensors*", "pytorch_model*.bin*")


@dataclass(frozen=True)
class SourceModel:
    """A model directory. `tokens` are in the order of the ids; `source_spm` and `target_spm` may be one file."""

    path: Path
    config: dict[str, Any]
    family: Family
    tokens: tuple[str, ...]
    source_spm: Path
    target_spm: Path

    @property
    def max_positions(self) -> int | None:
        """Tokens that the model has positions for; None where positions are relative (T5)."""
        found = self.config.get("max_position_embeddings")
        return int(found) if found is not None and self.family.name != "madlad400" else None


def read_source_model(path: Path) -> SourceModel:
    """Reads a directory in the layout of transformers. Raises `UserError` if it is of no known family, or not whole."""
    if not path.is_dir():
        raise UserError(f"model {path}: there is no such directory")
    config = _json(path / "config.json")
    if not any(any(path.glob(pattern)) for pattern in _WEIGHTS):
        raise UserError(f"model {path}: has no weights (model.safetensors or pytorch_model.bin)")
    kind = config.get("model_type")
    if kind == "m2m_100" and (path / "vocab.json").exists():
        name, spm = "m2m100", ("sentencepiece.bpe.model",) * 2
    elif kind == "m2m_100":
        name, spm = "nllb", ("sentencepiece.bpe.model",) * 2
    elif kind == "t5":
        name, spm = "madlad400", ("spiece.model",) * 2
    elif kind == "marian":
        name, spm = "marian", ("source.spm", "target.spm")
    else:
        raise UserError(
            f"model {path}: is of type {kind!r}; expected one of m2m_100 (NLLB-200, M2M-100), t5 (MADLAD-400), marian"
        )
    source_spm, target_spm = (path / file for file in spm)
    for file in (source_spm, target_spm):
        if not file.is_file():
            raise UserError(f"model {path}: {file.name}, its sentencepiece model, is missing")
    tokens = _TOKENS[name](path, source_spm)
    rows = config["vocab_size"]
    # what is left of the embedding's rows was never trained (fairseq rounds their number up)
    tokens += [f"madeupword{index}" for index in range(rows - len(tokens))]
    if len(set(tokens)) < len(tokens) or len(tokens) != rows:
        raise UserError(
            f"model {path}: its files name {len(set(tokens)):,} different tokens for the {rows:,} rows of its "
            "embedding; its sentencepiece model or vocab.json belongs to another model"
        )
    missing = [token for token in (END, UNKNOWN) if token not in tokens]
    if missing:
        raise UserError(f"model {path}: has no {' and no '.join(missing)} in its vocabulary")
    return SourceModel(path, config, FAMILIES[name], tuple(tokens), source_spm, target_spm)


def _pieces(spm: Path) -> list[str]:
    try:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(spm))
    except (OSError, RuntimeError):
        raise UserError(f"{spm}: is no sentencepiece model") from None
    return [processor.id_to_piece(index) for index in range(processor.get_piece_size())]


def _nllb(path: Path, spm: Path) -> list[str]:
    """fairseq's layout: four control tokens, the pieces but for the model's own three, the languages, `<mask>`."""
    tokens = ["<s>", "<pad>", END, UNKNOWN, *_pieces(spm)[3:], *_fairseq_languages("nllb"), "<mask>"]
    # what transformers published beside it must agree on the tags
    if (path / "tokenizer.json").exists():
        for token in _json(path / "tokenizer.json").get("added_tokens", []):
            if not (token["id"] < len(tokens) and tokens[token["id"]] == token["content"]):
                raise UserError(
                    f"model {path}: tokenizer.json has {token['content']!r} at {token['id']}, where its sentencepiece "
                    "model and NLLB's list of languages lead to something else"
                )
    return tokens


def _m2m100(path: Path, _: Path) -> list[str]:
    codes = [f"__{code}__" for code in _fairseq_languages("m2m_100")]
    return [*_by_id(path / "vocab.json"), *codes]


def _fairseq_languages(model: str) -> Sequence[str]:
    """The languages in the order in which fairseq's dictionaries have them."""
    if model == "nllb":
        from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as CODES

        return list(CODES)
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    return list(FAIRSEQ_LANGUAGE_CODES["m2m100"])


def _by_id(path: Path) -> list[str]:
    ids: dict[str, int] = _json(path)
    tokens = sorted(ids, key=ids.__getitem__)
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise UserError(f"{path}: its ids are not 0 to {len(tokens) - 1}, each once")
    return tokens


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"model {path.parent}: {path.name} is missing") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None


_TOKENS: dict[str, Callable[[Path, Path], list[str]]] = {
    "nllb": _nllb,
    "m2m100": _m2m100,
    "madlad400": lambda path, spm: _pieces(spm),
    "marian": lambda path, spm: _by_id(path / "vocab.json"),
}
