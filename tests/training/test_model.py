"""The model at its edges: tokenizers that do not fit, larger vocabularies, adapters, costs."""

from __future__ import annotations

from typing import Any

import peft
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from pipelines.errors import UserError
from schemas.training_run import LoraConfig, ModelConfig
from training.costs import adapter_weights, memory, shape_of
from training.export import merged
from training.model import check_vocabulary, extend_vocabulary, with_lora

SHAPE: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip


def model(**given: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE, **given))


def test_new_rows_begin_as_the_mean_and_old_ones_stay() -> None:
    found = model()
    before = found.get_input_embeddings().weight.clone(), found.get_output_embeddings().weight.clone()
    extend_vocabulary(found, 57)
    after = found.get_input_embeddings().weight, found.get_output_embeddings().weight
    for old, new in zip(before, after, strict=True):
        assert new.shape == (57, 16)
        assert torch.equal(new[:50], old)
        assert torch.allclose(new[50:], old.mean(dim=0).expand(7, 16), atol=1e-6)
    assert found.config.vocab_size == 57


def test_tokens_of_a_tokenizer_that_does_not_fit_are_refused() -> None:
    shape = LlamaConfig(**SHAPE, eos_token_id=2)
    tokenizer = {"name": "other", "vocab_size": 60, "eos_id": 2}
    with pytest.raises(UserError, match="of other, which has 60 pieces, but the model knows 50"):
        check_vocabulary(shape, tokenizer, extend=False)
    check_vocabulary(shape, tokenizer, extend=True)
    with pytest.raises(UserError, match=r"end with 7 .* but the model's end token is 2"):
        check_vocabulary(shape, tokenizer | {"vocab_size": 50, "eos_id": 7}, extend=False)


def test_adapters_are_merged_as_peft_merges_them() -> None:
    adapted = with_lora(model(), LoraConfig(rank=3, alpha=5), 0)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:  # which begin as zeros
            torch.nn.init.normal_(parameter)
    found = merged({name: parameter.detach() for name, parameter in adapted.named_parameters()}, 5 / 3)
    expected = dict(adapted.merge_and_unload().named_parameters())
    assert set(found) == set(expected)
    for name, weight in expected.items():
        assert torch.allclose(found[name], weight, atol=1e-6), name


@pytest.mark.parametrize("tied", [False, True])
def test_weights_are_counted_as_they_are(tied: bool) -> None:
    found = model(tie_word_embeddings=tied)
    assert shape_of(found.config).weights == sum(parameter.numel() for parameter in found.parameters())
    lora = LoraConfig(rank=3)
    adapted = with_lora(found, lora, 0)
    assert isinstance(adapted, peft.PeftModel)
    trained = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    assert adapter_weights(found.config, 3, lora.modules) == trained


def test_llama_7b_costs_what_is_known() -> None:
    """6.74 billion weights; 6 N FLOPs a token and a little for attention; 16 bytes a weight, split by ZeRO."""
    shape = shape_of(LlamaConfig())
    assert shape.weights == 6_738_415_616
    flops = shape.flops([512] * 8, 512 * 8, adapters_only=False) / (512 * 8)
    assert flops == pytest.approx(6 * (6_738_415_616 - 32000 * 4096), rel=0.02)
    for stage, gib in ((0, 100.4), (1, 34.5), (2, 25.1), (3, 14.1)):
        held = memory(shape, {"stage": stage}, 8, True, shape.weights, 2048, True)
        assert held.states == pytest.approx(gib, rel=0.02)
    offloaded = {"stage": 3, "offload_optimizer": {"device": "cpu"}}
    assert memory(shape, offloaded, 8, True, shape.weights, 2048, True).states == pytest.approx(
        1.57, rel=0.02
    )
    offloaded["offload_param"] = {"device": "cpu"}
    assert memory(shape, offloaded, 8, True, shape.weights, 2048, True).states == 0


def test_attention_costs_adapters_as_much() -> None:
    """It has no weights whose gradients could be left out."""
    shape = shape_of(LlamaConfig(**SHAPE))
    one, two = (shape.flops([64], 0, adapters_only) for adapters_only in (True, False))
    attention = 6 * shape.layers * shape.hidden * 64 * 64
    assert (one - attention) / (two - attention) == pytest.approx(4 / 6)


def test_adapters_are_of_the_models_type() -> None:
    """ZeRO-3 gathers weights of one type."""
    adapted = with_lora(model().to(torch.bfloat16), LoraConfig(rank=3), 0)
    assert {parameter.dtype for parameter in adapted.parameters()} == {torch.bfloat16}


def test_adapters_learn_under_gradient_checkpointing() -> None:
    found = model()
    found.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    adapted = with_lora(found.train(), LoraConfig(rank=3), 0)
    ids = torch.arange(6)[None]
    adapted(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    trained = [parameter for name, parameter in adapted.named_parameters() if "lora_B" in name]
    assert trained
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in trained)


def test_adapters_and_new_rows_are_refused_together() -> None:
    with pytest.raises(ValueError, match="would leave the new rows of `extend_vocabulary` untrained"):
        ModelConfig(path="x", lora=LoraConfig(), extend_vocabulary=True)
