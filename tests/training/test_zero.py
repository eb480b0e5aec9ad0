"""Two ranks, each stage of ZeRO, the real engine: one and the same training."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from training_runs import STEPS, losses
from transformers import AutoModelForCausalLM

from pipelines.tokens.tokenizer import load_tokenizer
from training.log import read_log


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_the_stages_have_the_same_losses(runs: dict[str, Path], stage: int) -> None:
    trace, other = losses(runs["zero0"]), losses(runs[f"zero{stage}"])
    assert len(trace) == STEPS
    assert other == pytest.approx(trace, abs=1e-4)


def test_bfloat16_stays_near(runs: dict[str, Path]) -> None:
    assert losses(runs["bf16"]) == pytest.approx(losses(runs["zero2"]), rel=0.02)


def test_the_losses_fall_for_each_language_and_task(runs: dict[str, Path]) -> None:
    entries = [entry for entry in read_log(runs["zero2"] / "log.jsonl") if "validation" in entry]
    assert [entry["step"] for entry in entries] == [0, 4, STEPS]
    first, *_, last = (entry["validation_losses"] for entry in entries)
    assert set(first) == {"en general", "zh general", "zh translation"}
    assert all(last[group] < first[group] - 0.5 for group in first)


def test_a_step_is_its_examples_on_any_packing(runs: dict[str, Path]) -> None:
    entries = [entry for entry in read_log(runs["zero2"] / "log.jsonl") if "loss" in entry]
    assert {entry["examples"] for entry in entries} == {24}
    assert all(0 <= entry["idle"] < 0.2 for entry in entries)
    assert all(entry["tokens"] > entry["learned"] > 0 for entry in entries)


@pytest.mark.parametrize("name", ["zero2", "zero3", "bf16"])
def test_what_is_exported_loads_and_has_the_loss_that_was_logged(
    runs: dict[str, Path], tokens: Path, name: str
) -> None:
    """The model that others load is the model that was trained, weight for weight, whichever rank held them."""
    folder = runs[name] / "model"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    total, learned = 0.0, 0
    for path in (tokens / "tokens" / "coit-zh").glob("validation-*"):
        for row in pq.read_table(path).to_pylist():
            labels = torch.tensor([row["input_ids"]])
            labels[0, : row["prompt_tokens"]] = -100
            with torch.no_grad():
                loss = model(input_ids=torch.tensor([row["input_ids"]]), labels=labels).loss
            count = row["length"] - row["prompt_tokens"]
            total, learned = total + float(loss) * count, learned + count
    logged = [entry["validation"] for entry in read_log(runs[name] / "log.jsonl") if "validation" in entry]
    assert total / learned == pytest.approx(logged[-1], abs=0.03 if name == "bf16" else 1e-4)
    assert load_tokenizer(folder / "tokenizer.model").vocab_size == model.config.vocab_size


def test_the_card_names_what_made_the_model(runs: dict[str, Path], tokens: Path) -> None:
    card = (runs["zero2"] / "model" / "README.md").read_text(encoding="utf-8")
    manifest = json.loads((tokens / "tokens" / "manifest.json").read_text())
    for value in (manifest["content_sha256"], manifest["tokenizer"]["sha256"], "validation, zh translation"):
        assert value in card
    assert list((runs["zero2"] / "tensorboard").glob("events*"))
