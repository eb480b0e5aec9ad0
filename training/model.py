"""The model: how it is loaded, and the loss of a packed row.

A row holds examples end to end, and none attends to another: FlashAttention is told where they begin; for SDPA,
transformers tells from the positions, which begin at 0 with each, that they are several, and builds a mask.
That holds for `attention_mask=None` and `use_cache=False` only; `tests/training/test_packing.py` proves it and what
breaks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig

from pipelines.errors import UserError
from schemas.training_run import LoraConfig, ModelConfig
from training.attention import VARLEN
from training.data import Examples

_LOSS_ROWS = 2048  # logits that are turned into float32 at once


class PackedRow(NamedTuple):
    """A row as tensors. `targets[i]` is the token that the state at `places[i]` predicts, of example `owners[i]`."""

    ids: torch.Tensor  # (1, tokens)
    positions: torch.Tensor  # (1, tokens)
    starts: torch.Tensor  # (examples + 1,), int32: where each begins, and where the last one ends
    longest: int  # tokens of the longest example
    places: torch.Tensor  # (targets,)
    targets: torch.Tensor  # (targets,)
    owners: torch.Tensor  # (targets,), among the examples of the batch

    def inputs(self, device: torch.device) -> tuple[torch.Tensor | int, ...]:
        """What `PackedLoss` is given, on its device."""
        return tuple(
            part.to(device, non_blocking=True) if isinstance(part, torch.Tensor) else part
            for part in self[:-1]
        )


def pack(examples: Examples, row: Sequence[int]) -> PackedRow:
    """The tensors of a row of examples; those of an empty row are one token without a target.

    No example's last token predicts the next one's first.
    """
    ids, positions, places, targets, owners = [], [], [], [], []
    start, starts = 0, [0]
    for example in row:
        tokens, prompt = examples.ids[example], examples.prompts[example]
        ids.append(np.asarray(tokens, np.int64))
        positions.append(np.arange(len(tokens)))
        places.append(np.arange(start + prompt - 1, start + len(tokens) - 1))
        targets.append(ids[-1][prompt:])
        owners.append(np.full(len(tokens) - prompt, example))
        start += len(tokens)
        starts.append(start)
    if not row:
        ids, positions, starts = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)], [0, 1]
    longest = int(max(np.diff(starts)))
    tensors = [
        torch.from_numpy(np.concatenate([np.zeros(0, np.int64), *parts]))
        for parts in (ids, positions, places, targets, owners)
    ]
    boundaries = torch.tensor(starts, dtype=torch.int32)
    return PackedRow(tensors[0][None], tensors[1][None], boundaries, longest, *tensors[2:])


class PackedLoss(torch.nn.Module):
    """A causal language model whose output is the loss of each target of a packed row."""

    def __init__(self, model: torch.nn.Module) -> None:
        """`model` is a `PreTrainedModel` with a body and `lm_head`, or a peft model around one."""
        super().__init__()
        self.model = model

    def forward(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        starts: torch.Tensor,
        longest: int,
        places: torch.Tensor,
        targets: torch.Tensor,
    ) -> Any:
        """Negative log-likelihoods in float32 (float64 for a float64 model), of shape (targets,).

        Logits are made of the states that predict a target alone: a question's tokens cost no vocabulary.
        """
        causal = base_model(self.model)
        body = causal.base_model(
            input_ids=ids,
            position_ids=positions,
            attention_mask=None,
            use_cache=False,
            cu_seq_lens_q=starts,
            max_length_q=longest,
        )
        logits = causal.lm_head(body.last_hidden_state[0, places])
        if not len(targets):
            return logits.sum(dim=-1)
        chunks = zip(torch.split(logits, _LOSS_ROWS), torch.split(targets, _LOSS_ROWS), strict=True)
        return torch.cat([checkpoint(_losses, *chunk, use_reentrant=False) for chunk in chunks])


def _losses(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Recomputed in the backward pass, so that no float32 copy of all logits is kept."""
    exact = logits if logits.dtype == torch.float64 else logits.float()
    return F.cross_entropy(exact, targets, reduction="none")


def base_model(model: Any) -> Any:
    """The `PreTrainedModel` in a peft model, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def model_shape(config: ModelConfig) -> PretrainedConfig:
    """The model's configuration, without its weights. Raises `UserError`."""
    if config.shape is not None:
        try:
            return AutoConfig.for_model("llama", **config.shape)
        except (TypeError, ValueError) as error:
            raise UserError(f"model.shape: {error}") from None
    try:
        found: PretrainedConfig = AutoConfig.from_pretrained(str(config.path))
    except (OSError, ValueError) as error:
        raise UserError(f"model.path: {config.path}: {str(error).strip().splitlines()[0]}") from None
    return found


def check_vocabulary(shape: PretrainedConfig, tokenizer: dict[str, Any], extend: bool) -> None:
    """Raises `UserError` if the tokens are not those of a tokenizer that fits the model."""
    if tokenizer["vocab_size"] > shape.vocab_size and not extend:
        raise UserError(
            f"the tokens are of {tokenizer['name']}, which has {tokenizer['vocab_size']:,} pieces, but the model knows "
            f"{shape.vocab_size:,}: tokenise with the model's own tokenizer, or set model.extend_vocabulary"
        )
    eos = shape.eos_token_id
    known = eos if isinstance(eos, list) else [eos]
    if tokenizer["eos_id"] not in known:
        raise UserError(
            f"the tokens end with {tokenizer['eos_id']} (of {tokenizer['name']}), but the model's end token is {eos}: "
            "tokenise with the model's own tokenizer"
        )


def load_model(
    config: ModelConfig, shape: PretrainedConfig, vocab_size: int, bf16: bool, cuda: bool, seed: int
) -> Any:
    """The `PreTrainedModel`, on the CPU (or where ZeRO-3 puts it), ready to train. Raises `UserError`."""
    auto: Any = AutoModelForCausalLM
    attention: str = config.attention
    if attention == "auto":
        attention = VARLEN if cuda and bf16 else "sdpa"
    if config.path is None:
        torch.manual_seed(seed)
        # DeepSpeed casts the weights; buffers stay in float32, for the positions' frequencies need it
        model = auto.from_config(shape, dtype=torch.float32, attn_implementation=attention)
    else:
        try:
            model = auto.from_pretrained(
                config.path,
                dtype=torch.bfloat16 if bf16 else torch.float32,
                attn_implementation=attention,
            )
        except (OSError, ValueError, ImportError) as error:
            raise UserError(f"model.path: {config.path}: {str(error).strip().splitlines()[0]}") from None
    if vocab_size > model.config.vocab_size:
        extend_vocabulary(model, vocab_size)
    model.config.use_cache = False
    if config.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    return model


def extend_vocabulary(model: Any, vocab_size: int) -> None:
    """Adds rows for new tokens to the embeddings on both ends, each the mean of the old ones."""
    import deepspeed

    old = model.config.vocab_size
    model.resize_token_embeddings(vocab_size, mean_resizing=False)
    tables = [model.get_input_embeddings().weight, model.get_output_embeddings().weight]
    with torch.no_grad(), deepspeed.zero.GatheredParameters(tables, modifier_rank=0):
        for table in tables:
            if table.numel():
                table[old:] = table[:old].float().mean(dim=0).to(table.dtype)


def with_lora(model: Any, lora: LoraConfig, seed: int) -> Any:
    """The model with low-rank adapters to train, its own weights frozen."""
    import peft

    torch.manual_seed(seed)  # one half of an adapter begins as noise
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=list(lora.modules),
            task_type="CAUSAL_LM",
        ),
        autocast_adapter_dtype=False,  # ZeRO-3 wants all weights of one type
    )


def tokenizer_files(folder: Path) -> list[Path]:
    """The tokenizer's files that travel with tokens."""
    return sorted((folder / "tokenizer").iterdir())
