"""PyTorch's attention within the examples of a row has kernels for GPUs alone: what they compute, for the CPU.

All else of it is PyTorch's own: the operator, its checks, its autograd.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.attention import varlen

Three = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def register() -> None:
    """Gives the operator and its derivative kernels for the CPU."""
    varlen._varlen_attn.register_kernel("cpu")(_forward)
    varlen._varlen_attn_backward.register_kernel("cpu")(_backward)


def _examples(starts: torch.Tensor) -> list[slice]:
    return [slice(*bounds) for bounds in zip(starts.tolist(), starts.tolist()[1:], strict=False)]


def _weights(query: torch.Tensor, key: torch.Tensor, scale: float) -> torch.Tensor:
    """Softmax of the causal scores of one example, of shape (heads, tokens, tokens)."""
    scores = torch.einsum("qhd,khd->hqk", query, key) * scale
    ahead = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(ahead, -torch.inf).softmax(-1)


def _forward(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, starts: torch.Tensor, *given: Any
) -> Three:
    _, longest, _, is_causal, scale, *_ = given
    assert is_causal
    assert longest == int(starts.diff().max())
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    found = torch.empty_like(query)
    for one in _examples(starts):
        found[one] = torch.einsum("hqk,khd->qhd", _weights(query[one], key[one], scale), value[one])
    return found, query.new_zeros(query.shape[1], len(query)), torch.zeros(2, dtype=torch.uint64)


def _backward(
    gradient: torch.Tensor, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *given: Any
) -> Three:
    _, _, starts, _, _, _, _, _, scale, *_ = given
    tokens, heads, size = key.shape
    groups = query.shape[1] // heads
    keys, values = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    of_query, of_key, of_value = (torch.empty_like(query) for _ in range(3))
    for one in _examples(starts):
        weights = _weights(query[one], keys[one], scale)
        of_value[one] = torch.einsum("hqk,qhd->khd", weights, gradient[one])
        of_weights = torch.einsum("qhd,khd->hqk", gradient[one], values[one])
        of_scores = weights * (of_weights - (weights * of_weights).sum(-1, keepdim=True)) * scale
        of_query[one] = torch.einsum("hqk,khd->qhd", of_scores, keys[one])
        of_key[one] = torch.einsum("hqk,qhd->khd", of_scores, query[one])
    shape = (tokens, heads, groups, size)
    return of_query, of_key.reshape(shape).sum(2), of_value.reshape(shape).sum(2)
