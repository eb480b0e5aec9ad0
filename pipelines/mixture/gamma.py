"""The similarity of languages to English (gamma of the scaling law), from multi-way sentences and any encoder.

After Pan et al. 2021 (arXiv 2105.09501), whom the paper follows: a sentence is the mean of an encoder's states over the
tokens that are no padding, and two sentences are compared by their cosine. The paper says no more, so that both
readings are given: the mean cosine of translations, and the share of sentences whose nearest English sentence is their
translation (top-1 retrieval).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import UserError
from schemas.languages import LANGUAGES

Vectors = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vectors]  # texts -> one vector each

_BATCH = 32
_MAX_TOKENS = 256
_BLOCK = 2_048  # sentences that are compared at once


@dataclass(frozen=True)
class Similarity:
    """Of a language to English: mean cosine of translations (-1 to 1), and top-1 retrieval (0 to 1)."""

    cosine: float
    retrieval: float
    sentences: int


def multiway(folder: Path, languages: Sequence[str]) -> dict[str, list[str]]:
    """Sentences of a multi-way set by language: files whose names hold the FLORES-200 code, or the code of ISO 639-1.

    `eng_Latn.devtest`, `zho_Hans.dev`, `en.txt`: line n of each is a translation of line n of the others. Raises
    `UserError` for a language without a file, or with other numbers of lines.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder; expected a multi-way set such as FLORES-200")
    found: dict[str, list[str]] = {}
    problems = []
    for code in ("en", *languages):
        names = {code, LANGUAGES[code].flores} if code in LANGUAGES else {code}
        files = sorted(
            path for path in folder.iterdir() if path.is_file() and path.name.split(".")[0] in names
        )
        if not files:
            problems.append(f"{folder}: has no file of {code} (such as {sorted(names)[-1]}.devtest)")
            continue
        try:
            text = files[0].read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{files[0]}: cannot be read ({error})")
            continue
        found[code] = text.removesuffix("\n").split("\n")
        if "en" in found and len(found[code]) != len(found["en"]):
            problems.append(f"{files[0]}: has {len(found[code]):,} lines, and English {len(found['en']):,}")
    if problems:
        raise UserError(*problems)
    return found


def similarities(texts: Mapping[str, Sequence[str]], encode: Encode) -> dict[str, Similarity]:
    """The similarity of each language but English to English."""
    english = _normed(encode(texts["en"]))
    return {code: _similarity(english, _normed(encode(of))) for code, of in texts.items() if code != "en"}


def _normed(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.asarray(vectors / lengths, dtype=np.float32)


def _similarity(english: Vectors, other: Vectors) -> Similarity:
    nearest = np.concatenate(
        [np.argmax(other[k : k + _BLOCK] @ english.T, axis=1) for k in range(0, len(other), _BLOCK)]
    )
    return Similarity(
        cosine=float(np.mean(np.sum(english * other, axis=1))),
        retrieval=float(np.mean(nearest == np.arange(len(other)))),
        sentences=len(other),
    )


def encoder(model: str, layer: int, revision: str | None = None) -> Encode:
    """Mean-pooled states of a transformers model: an encoder's, a decoder's, or the encoder half of both.

    `layer` counts from the embeddings (0); negative ones from the last (-1). Raises `UserError` if the model cannot be
    loaded, or has no such layer.
    """
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(model, revision=revision)
        loaded: Any = AutoModel.from_pretrained(model, revision=revision).eval()
    except ImportError as error:
        raise UserError(f"--encoder needs {error.name}: pip install 'polyinstruct[train]'") from None
    except (OSError, ValueError) as error:
        raise UserError(f"--encoder {model}: cannot be loaded ({str(error).splitlines()[0]})") from None
    # of an encoder-decoder, the encoder alone is asked
    network = loaded.get_encoder() if getattr(loaded.config, "is_encoder_decoder", False) else loaded
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token

    def encode(texts: Sequence[str]) -> Vectors:
        # alike lengths together, so that little is padding
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
        found: list[Vectors | None] = [None] * len(texts)
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                places = order[start : start + _BATCH]
                batch = tokenizer(
                    [texts[k] for k in places],
                    padding=True,
                    truncation=True,
                    max_length=_MAX_TOKENS,
                    return_tensors="pt",
                )
                inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
                states = network(**inputs, output_hidden_states=True).hidden_states
                if not -len(states) <= layer < len(states):
                    raise UserError(f"--layer {layer}: {model} has the layers 0 to {len(states) - 1}")
                mask = inputs["attention_mask"].unsqueeze(-1).to(states[layer].dtype)
                means = (states[layer] * mask).sum(1) / mask.sum(1).clamp(min=1)
                for k, vector in zip(places, means.float().numpy(), strict=True):
                    found[k] = vector
        return np.stack([vector for vector in found if vector is not None])

    return encode
