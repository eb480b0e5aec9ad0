"""The trained model as others load it: safetensors, the tokenizer's files, and a card that names what made it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pipelines import __version__
from pipelines.markdown import table
from schemas.training_run import TrainingRun
from training.model import base_model, tokenizer_files
from training.ranks import Ranks


def export(
    model: Any,
    ranks: Ranks,
    config: TrainingRun,
    manifest: Mapping[str, Any],
    tokens: Path,
    entries: Sequence[Mapping[str, Any]],
) -> None:
    """Writes `<output>/model`, which appears whole or not at all. All ranks take part, for each may hold a part.

    Adapters are merged into the weights, and also written by themselves to `model/adapter`.
    """
    target = config.output / "model"
    partial = target.with_name(".model.partial")
    weights = _gathered(model, ranks)
    if ranks.first:
        shutil.rmtree(partial, ignore_errors=True)
        lora = config.model.lora
        if lora is not None:
            model.save_pretrained(str(partial / "adapter"), state_dict=weights)
            (partial / "adapter" / "README.md").unlink()  # peft's form, not filled in
            weights = merged(weights, lora.alpha / lora.rank)
        causal = base_model(model)
        causal.config.use_cache = True
        causal.save_pretrained(partial, state_dict=weights)
        for file in tokenizer_files(tokens):
            shutil.copyfile(file, partial / file.name)
        (partial / "README.md").write_text("\n".join(_card(config, manifest, entries)), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        os.rename(partial, target)
    ranks.wait()


def _gathered(model: Any, ranks: Ranks) -> dict[str, torch.Tensor]:
    """On rank 0 all weights by name, in the machine's memory; the GPUs need never hold more than one of them whole."""
    import deepspeed

    found: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        with deepspeed.zero.GatheredParameters([parameter]):
            if ranks.first:
                found[name] = parameter.detach().cpu().clone()
    return found


def merged(weights: Mapping[str, torch.Tensor], scaling: float) -> dict[str, torch.Tensor]:
    """A peft model's weights with the adapters merged in, W + scaling * B A, by the names that the model has without.

    The product is taken in float32, as peft's own merging of a float32 adapter does.
    """
    found = {}
    for name, weight in weights.items():
        if "lora_" in name:
            continue
        stem, base, end = name.removeprefix("base_model.model.").partition(".base_layer.")
        if base and end == "weight":
            above, below = (
                weights[f"{name.removesuffix('base_layer.weight')}lora_{side}.default.weight"].float()
                for side in ("B", "A")
            )
            weight = (weight.float() + scaling * above @ below).to(weight.dtype)
        found[f"{stem}.{end}" if base else stem] = weight
    return found


def _card(
    config: TrainingRun, manifest: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> list[str]:
    optimizer, steps = config.optimizer, [entry for entry in entries if "loss" in entry]
    checks = [entry for entry in entries if "validation" in entry]
    base = config.model.path or "random weights"
    return [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        *([f"base_model: {config.model.path}"] if config.model.path else []),
        "---",
        "",
        f"# {config.output.absolute().name}",
        "",
        f"Trained by Polyinstruct {__version__} from {base} on the mixture `{config.data.mixture}`"
        + (", with adapters that are merged into these weights." if config.model.lora else ", all weights."),
        "",
        *table(
            ("what", "value"),
            [
                ("dataset (SHA-256 of its content)", f"`{manifest['content_sha256']}`"),
                ("tokenizer (SHA-256 of its files)", f"`{manifest['tokenizer']['sha256']}`"),
                (
                    "prompts",
                    f"`{manifest['config']['template']}`, at most {manifest['config']['max_length']} tokens",
                ),
                ("configuration (SHA-256)", f"`{config.sha256()}`"),
                ("steps", f"{steps[-1]['step']:,}" if steps else "0"),
                ("examples a step", f"{optimizer.batch_examples}"),
                ("epochs of the schedule", f"{optimizer.epochs:g}"),
                (
                    "learning rate",
                    f"{optimizer.learning_rate:g}, {optimizer.schedule}, warm-up {optimizer.warmup:g}",
                ),
                ("weight decay, clipping", f"{optimizer.weight_decay:g}, {optimizer.clip:g}"),
                ("precision", "bfloat16" if optimizer.bf16 else "float32"),
            ],
        ),
        "",
        "## Losses",
        "",
        *table(
            ("", "first", "last"),
            [
                *_ends("training", [entry["loss"] for entry in steps]),
                *_ends("validation", [entry["validation"] for entry in checks]),
                *(
                    row
                    for group in sorted(checks[-1]["validation_losses"] if checks else ())
                    for row in _ends(
                        f"validation, {group}",
                        [
                            entry["validation_losses"][group]
                            for entry in checks
                            if group in entry["validation_losses"]
                        ],
                    )
                ),
            ],
        ),
        "",
        "Negative log-likelihood of an answer's token, in nats. The licence is that of the base model "
        "and of the dataset.",
        "",
    ]


def _ends(name: str, values: Sequence[float]) -> list[tuple[str, str, str]]:
    return [(name, f"{values[0]:.4f}", f"{values[-1]:.4f}")] if values else []
