"""Two ranks, each stage of ZeRO, the real engine: one and the same training."""

from __future__ import annotations

import json
from pathlib import Path

import peft
import pyarrow.parquet as pq
import pytest
import torch
from training_runs import DEMO, STEPS, losses, settings
from transformers import AutoModelForCausalLM

from pipelines.tokens.tokenizer import load_tokenizer
from schemas.loading import load
from schemas.training_run import DataConfig, TrainingRun
from training.data import open_tokens
from training.log import read_log
from training.model import load_model, model_shape
from training.train import learning_rate, steps_of


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_the_stages_have_the_same_losses(runs: dict[str, Path], stage: int) -> None:
    trace, other = losses(runs["zero0"]), losses(runs[f"zero{stage}"])
    assert len(trace) == STEPS
    assert other == pytest.approx(trace, abs=1e-4)


def test_adapters_have_the_same_losses_under_each_stage(runs: dict[str, Path]) -> None:
    """Also where the weights are loaded in parts, and the run is stopped and goes on."""
    assert losses(runs["lora3"]) == pytest.approx(losses(runs["lora2"]), abs=1e-4)
    validation = [
        entry["validation"] for entry in read_log(runs["lora3"] / "log.jsonl") if "validation" in entry
    ]
    assert validation[-1] < validation[0] - 0.02


def test_documents_are_learned_with_a_larger_vocabulary(runs: dict[str, Path], text_tokens: Path) -> None:
    """Every token is learned but the first of a piece; the new rows begin alike and are the same under each stage."""
    trace = losses(runs["text2"])
    assert losses(runs["text3"]) == pytest.approx(trace, abs=1e-4)
    assert trace[-1] < trace[0] - 0.05
    entries = read_log(runs["text2"] / "log.jsonl")
    assert {group for entry in entries for group in entry.get("losses", ())} == {"en text", "zh text"}
    for entry in entries:
        if "loss" in entry:
            assert entry["learned"] == entry["tokens"] - entry["examples"]
    model = AutoModelForCausalLM.from_pretrained(runs["text3"] / "model")
    assert model.config.vocab_size == len(model.get_input_embeddings().weight) == 4000


def test_a_step_of_one_example_leaves_a_rank_without_any(runs: dict[str, Path]) -> None:
    assert losses(runs["short3"]) == pytest.approx(losses(runs["short2"]), abs=1e-4)


@pytest.mark.parametrize("stage", [2, 3])
def test_bfloat16_stays_near(runs: dict[str, Path], stage: int) -> None:
    assert losses(runs[f"bf16-zero{stage}"]) == pytest.approx(losses(runs["zero2"]), rel=0.02)


@pytest.mark.parametrize("name", ["zero2", "short2"])
def test_it_is_the_training_that_plain_torch_does(runs: dict[str, Path], tokens: Path, name: str) -> None:
    """One example at a time, torch's AdamW: the same losses and norms, also where a rank has no example."""
    torch.set_num_threads(1)  # the model is too small for more
    short = name.startswith("short")
    rows = len(open_tokens(DataConfig(tokens=tokens, mixture="coit-zh"), None, False)[0])
    given = {"optimizer.batch_examples": rows - 1} if short else {}
    config = load(TrainingRun, DEMO, settings(tokens, runs[name], **given))
    data, _, manifest, _ = open_tokens(config.data, config.output / "cache", False)
    optimizer, steps = config.optimizer, steps_of(config, data)
    size = manifest["tokenizer"]["vocab_size"]
    model = load_model(config.model, model_shape(config.model), size, False, False, config.seed)
    adam = torch.optim.AdamW(model.parameters(), betas=optimizer.betas, eps=optimizer.epsilon, weight_decay=0)
    expected = []
    for step in range(min(STEPS, steps)):
        adam.param_groups[0]["lr"] = learning_rate(optimizer, step, steps)
        examples = data.rows(data.step(step, optimizer.batch_examples, optimizer.epochs, config.seed))
        adam.zero_grad()
        total = 0.0
        for ids, prompt in zip(examples.ids, examples.prompts, strict=True):
            whole = torch.from_numpy(ids.astype("int64"))
            logits = model(input_ids=whole[None]).logits[0]
            loss = torch.nn.functional.cross_entropy(logits[prompt - 1 : -1], whole[prompt:], reduction="sum")
            (loss / examples.learned).backward()
            total += float(loss.detach())
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), optimizer.clip))
        expected.append((total / examples.learned, norm))
        adam.step()
    entries = [entry for entry in read_log(runs[name] / "log.jsonl") if "loss" in entry]
    assert [entry["examples"] for entry in entries] == ([rows - 1, 1] if short else [24] * STEPS)
    assert [entry["loss"] for entry in entries] == pytest.approx([loss for loss, _ in expected], abs=1e-4)
    assert [entry["gradient_norm"] for entry in entries] == pytest.approx([n for _, n in expected], rel=1e-3)


def test_without_zero_the_gradients_norm_is_told_too(runs: dict[str, Path]) -> None:
    norms = {
        name: [entry["gradient_norm"] for entry in read_log(runs[name] / "log.jsonl") if "loss" in entry]
        for name in ("zero0", "zero2")
    }
    assert norms["zero0"] == pytest.approx(norms["zero2"], rel=1e-3)


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


@pytest.mark.parametrize("name", ["zero2", "zero3", "bf16-zero2", "lora2", "lora3"])
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
    assert total / learned == pytest.approx(logged[-1], abs=0.03 if name == "bf16-zero2" else 1e-4)
    assert load_tokenizer(folder / "tokenizer.model").vocab_size == model.config.vocab_size


def test_adapters_are_exported_by_themselves_too(runs: dict[str, Path]) -> None:
    """On the model that they were trained on they give what the merged weights give."""
    base = AutoModelForCausalLM.from_pretrained(runs["text2"] / "model")
    adapted = peft.PeftModel.from_pretrained(base, str(runs["lora3"] / "model" / "adapter")).eval()
    merged = AutoModelForCausalLM.from_pretrained(runs["lora3"] / "model").eval()
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        found, expected = adapted(input_ids=ids).logits, merged(input_ids=ids).logits
        with adapted.disable_adapter():
            untrained = adapted(input_ids=ids).logits
    assert torch.allclose(found, expected, atol=1e-4)
    assert not torch.allclose(untrained, expected, atol=1e-2)


def test_the_card_names_what_made_the_model(runs: dict[str, Path], tokens: Path) -> None:
    card = (runs["zero2"] / "model" / "README.md").read_text(encoding="utf-8")
    manifest = json.loads((tokens / "tokens" / "manifest.json").read_text())
    for value in (manifest["content_sha256"], manifest["tokenizer"]["sha256"], "validation, zh translation"):
        assert value in card
    assert list((runs["zero2"] / "tensorboard").glob("events*"))
