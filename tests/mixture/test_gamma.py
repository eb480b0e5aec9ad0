"""Similarity to English: with vectors that are known, and with a small transformers model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipelines.errors import UserError
from pipelines.mixture.gamma import encoder, multiway, similarities


def test_cosine_and_retrieval_of_known_vectors() -> None:
    vectors = {
        "a": [1.0, 0.0], "b": [0.0, 2.0], "c": [3.0, 0.0], "d": [0.0, 1.0], "e": [0.0, 5.0], "f": [-1.0, 0.0],
    }  # fmt: skip
    found = similarities(
        {"en": ["a", "b"], "zh": ["c", "d"], "el": ["e", "f"]},
        lambda texts: np.array([vectors[text] for text in texts], dtype=np.float32),
    )
    assert found["zh"].cosine == pytest.approx(1.0)
    assert found["zh"].retrieval == 1.0
    assert found["el"].cosine == pytest.approx(0.0)
    assert found["el"].retrieval == 0.5


def test_padding_changes_no_vector(tmp_path: Path) -> None:
    """A text's vector is the same alone and in a batch beside a longer one; a layer that is not there is an error."""
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", *["one", "two", "three", "four", "five", "six", "seven", "eight"]]
    raw = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        tmp_path
    )
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config).save_pretrained(tmp_path)
    encode = encoder(str(tmp_path), -1)
    alone = encode(["one two"])
    beside = encode(["one two three four five six seven eight one two three", "one two"])
    assert beside[1] == pytest.approx(alone[0], abs=1e-5)
    with pytest.raises(UserError, match="has the layers 0 to 2"):
        encoder(str(tmp_path), 7)(["one"])
    with pytest.raises(UserError, match="cannot be loaded"):
        encoder(str(tmp_path / "nowhere"), -1)


def test_files_of_a_multiway_set_are_found_and_must_be_aligned(tmp_path: Path) -> None:
    (tmp_path / "eng_Latn.devtest").write_text("One.\nTwo.\n", encoding="utf-8")
    (tmp_path / "zho_Hans.devtest").write_text("一。\n二。\n", encoding="utf-8")
    (tmp_path / "el.txt").write_text("Ένα.\u2028\nΔύο.\n", encoding="utf-8")
    assert multiway(tmp_path, ["zh", "el"])["el"] == ["Ένα.\u2028", "Δύο."]
    (tmp_path / "el.txt").write_text("Ένα.\n", encoding="utf-8")
    with pytest.raises(UserError, match="has 1 lines, and English 2"):
        multiway(tmp_path, ["el"])
    with pytest.raises(UserError, match=r"no file of hi \(such as hin_Deva.devtest\)"):
        multiway(tmp_path, ["hi"])
