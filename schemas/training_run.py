"""The run configuration of `training/train.py`: its sections and keys, typed, with their defaults.

The defaults are the x-LLaMA paper's (arXiv 2308.04948, appendix A, and its authors' repository): 3 epochs, 128
examples a batch, learning rate 2e-5, cosine, warm-up 0.03, no weight decay, bf16.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from schemas.section import Identified, Section


class LoraConfig(Section):
    """Low-rank adapters (arXiv 2106.09685), by peft."""

    rank: int = Field(16, ge=1, description="rank of an adapter")
    alpha: int = Field(32, ge=1, description="adapters are scaled by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before an adapter")
    modules: list[str] = Field(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        min_length=1,
        description="layers that get one, by name",
    )


class ModelConfig(Section):
    """What is trained: a model to load, or the shape of a LLaMA to begin from random weights."""

    path: str | None = Field(None, description="model directory, or its name on the Hub")
    shape: dict[str, Any] | None = Field(
        None, description="keys of transformers' LlamaConfig: random weights"
    )
    attention: Literal["auto", "varlen", "sdpa"] = Field(
        "auto", description="auto: varlen (PyTorch's FlashAttention) on a GPU in bf16, else sdpa"
    )
    gradient_checkpointing: bool = Field(
        True, description="recompute layers in the backward pass: less memory"
    )
    extend_vocabulary: bool = Field(
        False,
        description="allow a larger tokenizer than the model's: new rows begin as the mean of the old ones",
    )
    lora: LoraConfig | None = Field(None, description="train adapters only; default: all weights")

    @model_validator(mode="after")
    def _one(self) -> ModelConfig:
        if (self.path is None) == (self.shape is None):
            raise ValueError("expected either `path` or `shape`")
        if self.lora is not None and self.extend_vocabulary:
            raise ValueError(
                "`lora` would leave the new rows of `extend_vocabulary` untrained; expected one of them"
            )
        return self


class DataConfig(Section):
    tokens: Path | None = Field(
        None, description="what jobs/tokenize_shards.py wrote, or its folder `tokens`"
    )
    hub: str | None = Field(None, description="the same on the Hub: OWNER/NAME[@REVISION]")
    mixture: str = Field(description="mixture to train on: coit-zh, muit, ...")
    pack_tokens: int = Field(
        2048, ge=8, description="tokens of a packed row, at most; at least the longest example"
    )
    cache: Path | None = Field(
        None,
        description="folder for the flat token files, shared by a node's ranks; default: below the output",
    )

    @model_validator(mode="after")
    def _one(self) -> DataConfig:
        if (self.tokens is None) == (self.hub is None):
            raise ValueError("expected either `tokens` or `hub`")
        return self


class OptimizerConfig(Section):
    epochs: float = Field(3, gt=0, description="times that each example is seen")
    batch_examples: int = Field(128, ge=1, description="examples of an optimiser step, over all ranks")
    learning_rate: float = Field(2e-5, gt=0, description="highest learning rate")
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the steps in which it rises from 0")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="cosine: it falls to 0 at the end")
    betas: tuple[float, float] = Field((0.9, 0.999), description="AdamW's")
    epsilon: float = Field(1e-8, gt=0, description="AdamW's")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's")
    clip: float = Field(1.0, ge=0, description="greatest norm of the gradient; 0: no limit")
    bf16: bool = Field(True, description="weights and states in bfloat16, the optimiser's in float32")


class ValidationConfig(Section):
    every_steps: int = Field(100, ge=1, description="optimiser steps between validations")
    examples: int = Field(1000, ge=0, description="validation examples, at most; 0: no validation")


class CheckpointConfig(Section):
    every_steps: int = Field(200, ge=1, description="optimiser steps between checkpoints")
    keep: int = Field(2, ge=1, description="checkpoints that are kept, the newest")


class Hardware(Section):
    """What --dry-run reckons with, and MFU where the GPU is not known by name."""

    gpus: int = Field(8, ge=1, description="ranks")
    peak_tflops: float = Field(312.0, gt=0, description="dense bf16 TFLOP/s of one GPU; 312: A100")
    mfu: float = Field(0.5, gt=0, le=1, description="expected share of the peak that is used")


class TrainingRun(Identified):
    """Everything a training run depends on, besides the bytes of its tokens and of the model it begins with."""

    model: ModelConfig
    data: DataConfig
    output: Path = Field(description="folder for checkpoints, logs and the exported model")
    optimizer: OptimizerConfig = OptimizerConfig()
    deepspeed: Path = Field(description="ZeRO configuration (JSON; see training/configs/)")
    validation: ValidationConfig = ValidationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    hardware: Hardware = Hardware()
    seed: int = Field(0, description="seed of the data's order, of new weights and of dropout")
    max_steps: int | None = Field(
        None, ge=1, description="stop after so many steps; the schedule is that of all epochs"
    )
    wandb: str | None = Field(
        None, description="project at Weights & Biases, if wandb is installed; default: none"
    )

    def identity(self) -> dict[str, Any]:
        """What the trained weights depend on: not where things lie, how they are split up, or how often looked at."""
        places: Any = {
            "output", "deepspeed", "validation", "checkpoint", "hardware", "wandb", "max_steps",
        }  # fmt: skip
        found = self.model_dump(mode="json", exclude=places)
        for name in ("tokens", "hub", "cache", "pack_tokens"):
            del found["data"][name]
        for name in ("attention", "gradient_checkpointing"):  # other ways to compute the same
            del found["model"][name]
        return found
