"""Packing changes nothing: neither what a step learns from, nor its gradients; and it wastes little."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM
from varlen_on_cpu import register

from training.data import Examples
from training.model import PackedLoss, pack
from training.packing import best_fit, busy_share, plan_step

register()
LENGTHS = st.lists(st.integers(1, 64), min_size=1, max_size=60)


@given(LENGTHS)
def test_every_example_stands_in_one_row_that_holds_it(lengths: list[int]) -> None:
    rows = best_fit(lengths, 64)
    assert sorted(place for row in rows for place in row) == list(range(len(lengths)))
    assert all(0 < sum(lengths[place] for place in row) <= 64 for row in rows)


@given(LENGTHS, st.integers(1, 5), st.integers(64, 200))
def test_a_step_keeps_its_examples_on_any_number_of_ranks(
    lengths: list[int], ranks: int, capacity: int
) -> None:
    rounds = plan_step(lengths, ranks, capacity)
    assert all(len(rows) == ranks for rows in rounds)
    rows = [row for found in rounds for row in found]
    assert sorted(place for row in rows for place in row) == list(range(len(lengths)))
    assert all(sum(lengths[place] for place in row) <= capacity for row in rows)
    assert len(rounds) == math.ceil(len(best_fit(lengths, capacity)) / ranks)


def test_a_row_too_short_for_an_example_is_refused() -> None:
    with pytest.raises(ValueError, match="65 tokens does not fit into a row of 64"):
        best_fit([3, 65], 64)


def test_even_rows_leave_little_to_wait_for() -> None:
    draw = random.Random(0)
    lengths = [min(512, int(draw.lognormvariate(4.8, 0.6))) for _ in range(128)]
    for ranks in (1, 2, 8):
        assert busy_share(lengths, plan_step(lengths, ranks, 2048)) > 0.97


# --- the proof: gradients packed = gradients padded ------------------------------------------------------


def tiny(dtype: torch.dtype, attention: str = "sdpa") -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=101, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, attn_implementation=attention,
    )  # fmt: skip
    return LlamaForCausalLM(shape).to(dtype)


def examples() -> Examples:
    draw = np.random.default_rng(1)
    lengths = [17, 5, 23, 2, 9, 30]
    ids = [draw.integers(3, 101, length).astype(np.int32) for length in lengths]
    return Examples(ids, [6, 1, 11, 1, 8, 3], ["zh general"] * len(ids))


def gradients(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat(
        [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
    )


def padded(dtype: torch.dtype) -> torch.Tensor:
    """The gradient as anyone would compute it: a padded batch with its mask, and labels of -100."""
    model, data = tiny(dtype), examples()
    width = max(data.lengths)
    ids = torch.zeros((len(data.ids), width), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for place, (tokens, prompt) in enumerate(zip(data.ids, data.prompts, strict=True)):
        ids[place, : len(tokens)] = torch.from_numpy(tokens)
        mask[place, : len(tokens)] = 1
        labels[place, prompt : len(tokens)] = ids[place, prompt : len(tokens)]
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    (loss / data.learned).backward()
    return gradients(model)


def packed(dtype: torch.dtype, attention: str = "sdpa", capacity: int = 48) -> torch.Tensor:
    """The gradient as training computes it, in several rows."""
    model, data = tiny(dtype, attention), examples()
    loss = PackedLoss(model)
    rounds = plan_step(data.lengths, 2, capacity)
    for rows in rounds:
        for row in rows:
            made = pack(data, row)
            (loss(*made[:-1]).sum() / data.learned).backward()
    return gradients(model)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("attention", ["sdpa", "varlen"])
@pytest.mark.parametrize(("dtype", "bar"), [(torch.float32, 1e-6), (torch.float64, 1e-10)])
def test_gradients_packed_are_gradients_padded(attention: str, dtype: torch.dtype, bar: float) -> None:
    assert difference(packed(dtype, attention), padded(dtype)) <= bar


def test_the_fast_kernel_refuses_what_it_cannot_do() -> None:
    model, made = tiny(torch.float32, "varlen"), pack(examples(), [0, 1])
    model.config.attention_dropout = 0.5
    for layer in model.base_model.layers:
        layer.self_attn.attention_dropout = 0.5
    with pytest.raises(ValueError, match=r"varlen knows no masks, attention dropout.* expected sdpa"):
        PackedLoss(model.train())(*made[:-1])


@pytest.mark.parametrize("given", [{"use_cache": True}, {"attention_mask": torch.ones((1, 86))}])
def test_the_proof_would_notice_a_leak(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks harmless, a cache or a mask of ones, lets examples attend to one another: the bar is far from it."""
    model, data = tiny(torch.float32), examples()
    body = model.base_model.forward
    monkeypatch.setattr(model.base_model, "forward", lambda **kwargs: body(**(kwargs | given)))
    made = pack(data, range(len(data.ids)))
    (PackedLoss(model)(*made[:-1]).sum() / data.learned).backward()
    assert difference(gradients(model), padded(torch.float32)) > 0.05


def test_no_token_of_another_example_is_learned_and_none_is_lost() -> None:
    data = examples()
    made = pack(data, [2, 0, 3])
    expected = [token for place in (2, 0, 3) for token in data.ids[place][data.prompts[place] :]]
    assert made.targets.tolist() == expected
    assert made.ids[0, made.places + 1].tolist() == expected
    assert made.owners.tolist() == [2] * 12 + [0] * 11 + [3]
    assert made.positions[0].tolist() == [*range(23), *range(17), *range(2)]


def test_an_empty_row_has_a_loss_of_nothing_and_gradients_of_zero() -> None:
    model = tiny(torch.float32)
    loss = PackedLoss(model)(*pack(examples(), [])[:-1])
    assert loss.shape == (0,)
    loss.sum().backward()
    assert not gradients(model).any()
