"""`--dry-run`: what a run would do and take, from lengths and shapes alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from schemas.training_run import TrainingRun
from training.costs import Shape, checkpoint_bytes, memory
from training.data import Tokens
from training.packing import best_fit, busy_share, plan_step

_STEPS = 50  # that are packed for the forecast
_WINDOW = 4096  # examples that free packing may choose among


def packing_efficiency(tokens: Tokens, config: TrainingRun, ranks: int) -> tuple[float, float, float]:
    """How much of the slots holds tokens: as the run computes them, in full rows, and packed without regard to batches.

    The first counts a round as its longest row on every rank; the second all rows at `pack_tokens`, an even number of
    them for the ranks; the third packs a window of examples into such rows.
    """
    optimizer, capacity = config.optimizer, config.data.pack_tokens
    steps = min(_STEPS, math.ceil(len(tokens) / optimizer.batch_examples))
    busy, rows, total = [], 0, 0
    for step in range(steps):
        places = tokens.step(step, optimizer.batch_examples, optimizer.epochs, config.seed)
        lengths = tokens.lengths[places].tolist()
        rounds = plan_step(lengths, ranks, capacity)
        busy.append((sum(lengths), busy_share(lengths, rounds)))
        rows += len(rounds) * ranks
        total += sum(lengths)
    window = tokens.lengths[tokens.at(np.arange(min(_WINDOW, len(tokens)), dtype=np.int64), config.seed)]
    free = int(window.sum()) / (capacity * len(best_fit(window.tolist(), capacity)))
    return total / sum(tokens_ / share for tokens_, share in busy), total / (rows * capacity), free


def print_forecast(
    config: TrainingRun, tokens: Tokens, shape: Shape, zero: dict[str, Any], steps: int, trained: int
) -> None:
    """Prints rows, tokens, steps, packing, memory, disk and hours of a run on `hardware.gpus` GPUs."""
    optimizer, hardware = config.optimizer, config.hardware
    learned = int((tokens.lengths - tokens.prompts).sum())
    flops = shape.flops(tokens.lengths.tolist(), learned, config.model.lora is not None) * optimizer.epochs
    busy, full, free = packing_efficiency(tokens, config, hardware.gpus)
    # the MFU that a log tells is less by what waits: `busy` is in it
    hours = flops / (hardware.gpus * hardware.peak_tflops * 1e12 * hardware.mfu) / 3600
    held = memory(
        shape,
        zero,
        hardware.gpus,
        optimizer.bf16,
        trained,
        config.data.pack_tokens,
        config.model.gradient_checkpointing,
    )
    table = Table("what", "value", show_header=False)
    for name, value in (
        ("weights", f"{shape.weights:,}, of which {trained:,} are trained"),
        ("rows", f"{len(tokens):,}"),
        ("tokens an epoch", f"{int(tokens.lengths.sum()):,}, of which {learned:,} are learned"),
        (
            "optimiser steps",
            f"{steps:,}, of {optimizer.batch_examples} examples, {optimizer.epochs:g} epochs",
        ),
        ("padding and waiting", f"{100 * (1 - busy):.1f} % of the slots of {hardware.gpus} ranks"),
        (
            "rows of full length",
            f"{100 * full:.1f} % filled (batches kept), {100 * free:.1f} % (packed freely)",
        ),
        (
            "GiB on a GPU",
            f"{held.total:.1f}: states {held.states:.1f}, buffers about {held.buffers:.1f}, "
            f"activations about {held.activations:.1f}",
        ),
        ("GiB of a checkpoint", f"{checkpoint_bytes(trained, optimizer.bf16) / 2**30:.1f}"),
        (
            "hours",
            f"about {hours:.2f} on {hardware.gpus} GPUs of {hardware.peak_tflops:g} TFLOP/s "
            f"at {100 * hardware.mfu:.0f} % MFU",
        ),
    ):
        table.add_row(name, value)
    Console().print(table)
