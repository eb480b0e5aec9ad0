"""Attention within the examples of a packed row, by the FlashAttention kernel that PyTorch ships for GPUs.

SDPA is given a mask over the whole row and computes all of it, others' tokens and the future too; this kernel is given
where the examples begin (`cu_seq_lens_q`, `max_length_q`, as transformers names them) and computes nothing else.
Importing this module makes the name `varlen` known to transformers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface

VARLEN = "varlen"


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of each example to itself, in transformers' terms.

    `query` is of shape (1, heads, tokens, size), `key` and `value` may have fewer heads, `cu_seq_lens_q` is (examples +
    1,) int32, from 0 to the number of tokens; returns (1, tokens, heads, size). Raises `ValueError` for masks, dropout,
    soft caps and sinks (`s_aux`), which the kernel knows nothing of.
    """
    if attention_mask is not None or dropout or softcap is not None or s_aux is not None:
        raise ValueError(
            "model.attention: varlen knows no masks, attention dropout, soft caps or sinks; expected sdpa"
        )
    query, key, value = (states.squeeze(0).transpose(0, 1) for states in (query, key, value))
    found = varlen_attn(
        query,
        key,
        value,
        cu_seq_lens_q,
        cu_seq_lens_q,
        max_length_q,
        max_length_q,
        scale=scaling,
        window_size=(-1 if sliding_window is None else sliding_window - 1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(found, torch.Tensor)
    return found.unsqueeze(0), None


AttentionInterface.register(VARLEN, attend)
