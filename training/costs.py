"""What training costs: floating-point operations, memory, disk, hours; and the share of the hardware that is used.

MFU (model FLOPs utilisation, Chowdhery et al. 2022) = FLOPs that the model needs / (seconds × ranks × peak). Needed
are, for a token, 2 per weight forward and 4 backward (2 where only adapters are trained), embeddings excepted; the
vocabulary projection is counted for learned tokens only, since only they are projected; attention, which has no
weights, 12 × hidden × layers × (length / 2) for a token of an example of that length, adapters or not. What gradient
checkpointing computes twice is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

# dense bf16 FLOP/s of one GPU, from NVIDIA's data sheets (SXM)
_PEAKS = {"A100": 312e12, "A800": 312e12, "H100": 989e12, "H200": 989e12, "H800": 989e12, "B200": 2250e12}


@dataclass(frozen=True)
class Shape:
    """A LLaMA's size: weights of the layers and of one vocabulary table."""

    layers: int
    hidden: int
    body: int
    table: int
    tied: bool

    @property
    def weights(self) -> int:
        return self.body + self.table * (1 if self.tied else 2)

    def flops(self, lengths: Sequence[int], learned: int, adapters_only: bool) -> float:
        """Needed for a step of examples of these lengths, `learned` tokens of them learned."""
        weights = self.body * sum(lengths) + self.table * learned
        attention = self.layers * self.hidden * sum(length * length for length in lengths)
        return (4 if adapters_only else 6) * weights + 6 * attention


def shape_of(config: Any) -> Shape:
    """From transformers' configuration of a LLaMA-like model."""
    hidden, layers = config.hidden_size, config.num_hidden_layers
    head = getattr(config, "head_dim", None) or hidden // config.num_attention_heads
    heads, pairs = (
        config.num_attention_heads,
        getattr(config, "num_key_value_heads", config.num_attention_heads),
    )
    layer = 2 * hidden * head * (heads + pairs) + 3 * hidden * config.intermediate_size + 2 * hidden
    tied = bool(getattr(config, "tie_word_embeddings", False))
    return Shape(layers, hidden, layers * layer + hidden, config.vocab_size * hidden, tied)


def peak_flops(configured: float, cuda: bool) -> float | None:
    """FLOP/s of one rank's device: of a known GPU, else as configured; None on a CPU."""
    if not cuda:
        return None
    name = torch.cuda.get_device_name()
    return next((peak for known, peak in _PEAKS.items() if known in name), configured)


@dataclass(frozen=True)
class Memory:
    """GiB on one GPU.

    `states`: weights, gradients and optimiser, as ZeRO splits them; `buffers`: what DeepSpeed gathers and reduces in;
    `activations`: estimated.
    """

    states: float
    buffers: float
    activations: float

    @property
    def total(self) -> float:
        return self.states + self.buffers + self.activations


def memory(
    shape: Shape, zero: dict[str, Any], ranks: int, bf16: bool, trained: int, row: int, checkpointing: bool
) -> Memory:
    """What a GPU holds while it trains `trained` of the weights on rows of `row` tokens.

    Mixed precision: 2 bytes a weight and 2 a gradient, 12 for the optimiser (Rajbhandari et al. 2020); from ZeRO-2 on 4
    a gradient, which is summed in float32. Float32: 4, 4 and 8, and 4 for the copy of the weights that ZeRO keeps. An
    offloaded optimiser takes its gradients with it. Activations: 46 bytes for a token, hidden unit and layer (counted
    for a LLaMA; 34 with fewer and smaller products, Korthikanti et al. 2022), 2 of which stay under gradient
    checkpointing, one layer apart.
    """
    stage = zero.get("stage", 0)
    weight = 2 if bf16 else 4
    gradient = 2 if bf16 and stage < 2 else 4
    optimizer = 12 if bf16 or stage else 8
    away = {
        what: zero.get(f"offload_{what}", {}).get("device", "none") != "none"
        for what in ("optimizer", "param")
    }
    split = [ranks if stage >= least else 1 for least in (3, 2, 1)]
    states = 0.0 if away["param"] else weight * shape.weights / split[0]
    states += 0.0 if away["optimizer"] else gradient * trained / split[1] + optimizer * trained / split[2]
    bucket = min(zero.get("reduce_bucket_size", 500_000_000), trained)
    if stage == 3:
        live = min(zero.get("stage3_max_live_parameters", 1_000_000_000), shape.weights)
        buffers = weight * (bucket + live)
    elif stage == 2:
        buffers = 2 * weight * bucket  # one is filled while the other is reduced
    else:
        buffers = 4 * trained / split[2] if bf16 else 0  # gradients in float32, for the step
    held = 2 * shape.layers + 46 if checkpointing else 46 * shape.layers
    activations: float = row * shape.hidden * held * (1 if bf16 else 2)
    # the logits of a row, and one chunk of them in float32
    activations += row * shape.table / shape.hidden * (weight * 2) + 2048 * shape.table / shape.hidden * 4
    return Memory(states / 2**30, buffers / 2**30, activations / 2**30)


def checkpoint_bytes(trained: int, bf16: bool) -> int:
    """What a checkpoint takes on disk: weights, and the optimiser's float32 weights and two moments."""
    return (2 if bf16 else 4) * trained + 12 * trained


def adapter_weights(config: Any, rank: int, modules: Sequence[str]) -> int:
    """Weights of low-rank adapters on these layers."""
    hidden, inner = config.hidden_size, config.intermediate_size
    head = getattr(config, "head_dim", None) or hidden // config.num_attention_heads
    query, pair = config.num_attention_heads * head, config.num_key_value_heads * head
    sides = {
        "q_proj": (hidden, query), "k_proj": (hidden, pair), "v_proj": (hidden, pair), "o_proj": (query, hidden),
        "gate_proj": (hidden, inner), "up_proj": (hidden, inner), "down_proj": (inner, hidden),
    }  # fmt: skip
    of_layer = sum(rank * sum(sides.get(name, (hidden, hidden))) for name in modules)
    return int(config.num_hidden_layers * of_layer)
