"""Runs of the training job with a tiny model: how they are set up and started, and what they logged."""

from __future__ import annotations

import sys
from pathlib import Path

from job_process import ROOT, environment

from training.log import read_log

DEMO = ROOT / "training" / "configs" / "demo.yaml"
STEPS = 6
LORA = {"model.shape": "null", "model.lora": "{rank: 4, alpha: 8}", "optimizer.learning_rate": 0.02}


def settings(tokens: Path, output: Path, stage: int = 2, **given: object) -> list[str]:
    """`key=value` strings for a short run with the demo's model."""
    values = {
        "data.tokens": tokens,
        "data.pack_tokens": 512,
        "output": output,
        "deepspeed": ROOT / "training" / "configs" / f"zero{stage}.json",
        "optimizer.epochs": 1,
        "optimizer.batch_examples": 24,
        "validation.every_steps": 4,
        "max_steps": STEPS,
        **given,
    }
    return [f"{key}={value}" for key, value in values.items()]


def on_ranks(number: int, script: Path, *arguments: str) -> list[str]:
    """The command that runs a script on so many ranks."""
    torchrun = Path(sys.executable).with_name("torchrun")
    return [str(torchrun), "--standalone", "--nproc_per_node", str(number), str(script), *arguments]


def on_cpu() -> dict[str, str]:
    """For runs on the CPU, whose ranks share the cores."""
    # DeepSpeed compiles a part of itself for an environment, and anew when another one used the same folder meanwhile
    compiled = Path(sys.prefix) / "torch_extensions"
    given = {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return environment() | given | {"TORCH_EXTENSIONS_DIR": str(compiled)}


def losses(output: Path) -> list[float]:
    """The losses of a run, step by step."""
    entries = [entry for entry in read_log(output / "log.jsonl") if "loss" in entry]
    assert [entry["step"] for entry in entries] == list(range(1, len(entries) + 1))
    return [entry["loss"] for entry in entries]
