"""Weights of transformers into CTranslate2's format, by CTranslate2's own converter.

It loads the weights and asks a tokenizer for the vocabulary; both are hooks that it offers. What it is told is the
vocabulary that was read from the model's files, and what it is given are the rows that are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ctranslate2.converters import TransformersConverter

from pipelines.translation.families import END
from pipelines.translation.preparing.source_model import UNKNOWN, SourceModel


def convert(model: SourceModel, kept: Sequence[int], quantization: str, output: Path) -> None:
    """Writes the CTranslate2 model with the tokens of the ids `kept`, in their order, in place of what `output` is."""
    _Converter(model, kept).convert(str(output), quantization=quantization, force=True)


class _Converter(TransformersConverter):  # type: ignore[misc]
    def __init__(self, model: SourceModel, kept: Sequence[int]) -> None:
        super().__init__(str(model.path))
        self._model, self._kept = model, kept

    def load_model(self, model_class: Any, model_name_or_path: str, **kwargs: Any) -> Any:
        loaded = super().load_model(model_class, model_name_or_path, **kwargs)
        keep_rows(loaded, self._kept)
        return loaded

    def load_tokenizer(self, *_: Any, **__: Any) -> _Vocabulary:
        return _Vocabulary(self._model, self._kept)


class _Vocabulary:
    """What CTranslate2's loaders ask of a tokenizer."""

    eos_token, unk_token = END, UNKNOWN
    num_madeup_words = 0  # they are in the vocabulary already, as far as they are kept
    special_tokens_map: dict[str, Any] = {}  # noqa: RUF012 - never written

    def __init__(self, model: SourceModel, kept: Sequence[int]) -> None:
        self._all = model.tokens
        self._kept = kept
        self.bos_token = "<s>" if "<s>" in model.tokens else END
        pad = model.config.get("pad_token_id")
        self.pad_token = model.tokens[pad] if pad is not None else END

    @property
    def unk_token_id(self) -> int:
        return self.get_vocab()[UNKNOWN]

    def get_vocab(self) -> dict[str, int]:
        return {self._all[id_]: row for row, id_ in enumerate(self._kept)}

    def convert_ids_to_tokens(self, id_: int) -> str:
        """By the ids of the model's own configuration, which trimming leaves alone."""
        return self._all[id_]


def keep_rows(model: Any, ids: Sequence[int]) -> None:
    """Cuts the embeddings and the output projection of a transformers model to the rows `ids`; tied ones stay tied."""
    rows = torch.tensor(ids)
    stacks = (model, model.get_encoder(), model.get_decoder())
    modules = [stack.get_input_embeddings() for stack in stacks] + [model.get_output_embeddings()]
    cut: dict[int, torch.nn.Parameter] = {}
    with torch.no_grad():
        for module in modules:
            weight = module.weight
            if id(weight) not in cut:
                smaller = torch.nn.Parameter(weight[rows], requires_grad=False)
                cut[id(weight)] = cut[id(smaller)] = smaller
            module.weight = cut[id(weight)]
        bias = getattr(model, "final_logits_bias", None)
        if bias is not None:
            model.final_logits_bias = bias[:, rows]
    model.config.vocab_size = len(ids)
