"""Tiny models of each family, in the layout in which transformers publishes the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M100_CODES
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB_CODES

ROOT = Path(__file__).resolve().parents[2]
CODES = ("en", "ar", "el", "hi", "tr", "vi", "zh")
SIZE: dict[str, Any] = {
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
}
LIVELY = {
    "init_std": 0.3
}  # random weights that are larger than usual, so that the output depends on the source


def sentences(name: str = "everyday") -> list[dict[str, str]]:
    """Sample sentences in all seven languages."""
    lines = (ROOT / "samples" / "text" / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def train_spm(path: Path, size: int = 1500, kind: str = "unigram", **more: Any) -> list[str]:
    """Trains a sentencepiece model on the sample sentences; returns its pieces."""
    written = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(row[code] for row in sentences() for code in CODES),
        model_writer=written,
        vocab_size=size,
        model_type=kind,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
        **more,
    )
    path.write_bytes(written.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    return [processor.id_to_piece(id_) for id_ in range(len(processor))]


def nllb(
    folder: Path,
    kind: str = "bpe",
    pairs: Sequence[tuple[str, str, str]] = (),
    steps: int = 0,
    source_code: str = "eng_Latn",
) -> Path:
    """An NLLB-shaped model (the real sentencepiece model is a BPE one, too).

    It is trained on (text in the language of `source_code`, FLORES code, text in that language).
    """
    folder.mkdir()
    pieces = train_spm(folder / "sentencepiece.bpe.model", kind=kind)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *pieces[3:], *NLLB_CODES, "<mask>"]
    torch.manual_seed(0)
    model = M2M100ForConditionalGeneration(
        M2M100Config(
            vocab_size=len(tokens) + 2,  # as the real one, whose last rows stand for nothing
            max_position_embeddings=256,
            scale_embedding=True,
            decoder_start_token_id=2,
            **SIZE | ({} if pairs else LIVELY),
        )
    )
    if pairs:
        ids = {token: id_ for id_, token in enumerate(tokens)}
        processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
        encoded = [
            (
                [ids[source_code], *(i + 1 for i in processor.encode(source)), 2],
                [ids[code], *(i + 1 for i in processor.encode(target)), 2],
            )
            for source, code, target in pairs
        ]
        train(model, encoded, steps)
    model.save_pretrained(folder)
    return folder


def train(
    model: M2M100ForConditionalGeneration, encoded: Sequence[tuple[list[int], list[int]]], steps: int
) -> None:
    """Teaches a model a few translations by heart; all of them are in each batch."""
    sources = torch.nn.utils.rnn.pad_sequence([torch.tensor(s) for s, _ in encoded], True, 1)
    targets = torch.nn.utils.rnn.pad_sequence([torch.tensor(t) for _, t in encoded], True, 1)
    given = torch.nn.functional.pad(targets[:, :-1], (1, 0), value=2)
    labels = targets.masked_fill(targets == 1, -100)
    labels[:, 0] = -100  # the tag is given
    inputs = {"input_ids": sources, "attention_mask": (sources != 1).long(), "decoder_input_ids": given}
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(steps):
        loss = model(**inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()


def m2m100(folder: Path) -> Path:
    """An M2M-100-shaped model with random weights."""
    folder.mkdir()
    pieces = train_spm(folder / "sentencepiece.bpe.model", kind="bpe")
    # fairseq's dictionary has an order of its own
    words = ["<s>", "<pad>", "</s>", "<unk>", *reversed(pieces[3:])]
    (folder / "vocab.json").write_text(json.dumps({word: id_ for id_, word in enumerate(words)}))
    torch.manual_seed(0)
    rows = len(words) + len(M2M100_CODES["m2m100"]) + 8
    config = M2M100Config(
        vocab_size=rows, decoder_start_token_id=2, max_position_embeddings=256, **SIZE | LIVELY
    )
    M2M100ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def madlad400(folder: Path) -> Path:
    """A MADLAD-400-shaped T5 with random weights; its sentencepiece model has the tags, and spells in bytes."""
    folder.mkdir()
    tags = [f"<2{code}>" for code in (*CODES, "de", "sw")]
    pieces = train_spm(folder / "spiece.model", size=1900, byte_fallback=True, user_defined_symbols=tags)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(pieces),
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
        initializer_factor=4.0,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def marian(folder: Path, tags: Sequence[str] = ()) -> Path:
    """An OPUS-MT-shaped model with random weights: two sentencepiece models, one dictionary, `<pad>` at its end."""
    folder.mkdir()
    source = train_spm(folder / "source.spm")
    target = train_spm(folder / "target.spm", size=1400)
    words = list(dict.fromkeys(["</s>", "<unk>", *tags, *source[3:], *target[3:], "<pad>"]))
    (folder / "vocab.json").write_text(json.dumps({word: id_ for id_, word in enumerate(words)}))
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=len(words),
        pad_token_id=len(words) - 1,
        decoder_start_token_id=len(words) - 1,
        eos_token_id=0,
        forced_eos_token_id=0,
        max_position_embeddings=256,
        **SIZE | LIVELY,
    )
    MarianMTModel(config).save_pretrained(folder)
    return folder


def taught(codes: Sequence[str], count: int) -> Iterator[tuple[str, str]]:
    """Sample sentences: (language, text), English with its translations."""
    for row in sentences()[:count]:
        for code in codes:
            yield code, row[code]
