"""The base model's tokenizer, to count with: SentencePiece models and tokenizer.json."""

from __future__ import annotations

from pathlib import Path

import pytest
from job_process import ROOT
from tokenizers import Tokenizer, models, pre_tokenizers

from pipelines.errors import UserError
from pipelines.tokenizers import load_tokenizer, tokenizer_file
from pipelines.tokens.tokenizer import load_tokenizer as load_of_model

SENTENCEPIECE = ROOT / "samples" / "tokenizer.model"


def test_tokens_and_those_of_single_bytes_or_unknown(tmp_path: Path) -> None:
    vocabulary = {"<unk>": 0, "boat": 1, "a": 2, **{f"<0x{byte:02X}>": 3 + byte for byte in range(256)}}
    raw = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.save(str(tmp_path / "tokenizer.json"))
    loaded = load_tokenizer(str(tokenizer_file(tmp_path)))
    # ζ is two bytes; `a` is in the vocabulary
    assert loaded.counts(["a", "aζ", ""]) == ([1, 3, 0], [0, 2, 0])
    counted, single = load_tokenizer(str(SENTENCEPIECE)).counts(["A boat crosses the river.", "ↀ"])
    assert counted[0] > 3
    assert single == [0, 3]  # its bytes


def test_how_a_model_was_trained_to_cut_and_pad_changes_no_count(tmp_path: Path) -> None:
    raw = Tokenizer(models.WordLevel({"<unk>": 0, "boat": 1}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.enable_truncation(2)
    raw.enable_padding(length=2)
    raw.save(str(tmp_path / "tokenizer.json"))
    texts = ["boat", "boat " * 5]
    assert load_tokenizer(str(tmp_path / "tokenizer.json")).counts(texts)[0] == [1, 5]
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<unk>"}')
    loaded = load_of_model(tmp_path)
    assert loaded.encode(texts) == [[1], [1] * 5]
    assert loaded.with_offsets is not None
    assert [loaded.with_offsets(text)[0] for text in texts] == [[1], [1] * 5]


def test_what_is_no_tokenizer_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokenizer.path: .* holds no tokenizer"):
        tokenizer_file(tmp_path, "tokenizer.path")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"is neither a SentencePiece model nor a tokenizer.json"):
        load_tokenizer(str(tokenizer_file(tmp_path)))
