"""What the tests of training share: tokens of the samples, and runs of a tiny LLaMA on two ranks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch
import yaml
from instruction_shards import SAMPLES, write_shards
from job_process import MadeOnce
from pyspark.sql import SparkSession
from training_runs import DEMO, LORA, on_cpu, on_ranks, settings
from transformers import LlamaConfig, LlamaForCausalLM

from pipelines.tokenizing import plan, tokenize
from schemas.tokens_run import TokenizeRun
from schemas.training_run import DataConfig
from training.data import open_tokens


@pytest.fixture(scope="session")
def tokens(spark: SparkSession, made_once: MadeOnce) -> Path:
    """The samples' instructions, tokenised by the job."""

    def make(folder: Path) -> None:
        shards = write_shards(folder / "mixture")
        given = {"input": shards, "tokenizer": SAMPLES / "tokenizer.model", "max_length": 256}
        tokenize(lambda: spark, plan(TokenizeRun(output=folder / "out", **given)), False, {})

    return made_once("tokens", make) / "out"


@pytest.fixture(scope="session")
def text_tokens(spark: SparkSession, made_once: MadeOnce) -> Path:
    """The samples' sentences as Chinese and English documents, tokenised by the job for pre-training."""

    def make(folder: Path) -> None:
        lines = (SAMPLES / "text" / "everyday.jsonl").read_text(encoding="utf-8").splitlines()
        text = {}
        for lang in ("zh", "en"):
            sentences = [json.loads(line)[lang] for line in lines]
            documents = [" ".join(sentences[start : start + 4]) for start in range(0, len(sentences), 4)]
            path = folder / f"{lang}.jsonl"
            path.write_text("".join(json.dumps({"text": document}) + "\n" for document in documents))
            text[lang] = [path]
        given = {"text": text, "english_share": 0.2, "text_validation": 0.1, "max_length": 64}
        config = TokenizeRun(tokenizer=SAMPLES / "tokenizer.model", output=folder / "out", **given)
        tokenize(lambda: spark, plan(config), False, {})

    return made_once("text", make) / "out"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose vocabulary is smaller than the tokenizer's, as its own tokenizer was before it was extended."""
    shape = yaml.safe_load(DEMO.read_text(encoding="utf-8"))["model"]["shape"]
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    LlamaForCausalLM(LlamaConfig(**shape | {"vocab_size": 3000})).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def runs(tokens: Path, text_tokens: Path, small: Path, made_once: MadeOnce) -> dict[str, Path]:
    """Runs on two ranks, by name: with each stage of ZeRO, in bfloat16, and some that end early or go on.

    `short`: two steps, the second of one example; `stopped`: three steps; `resumed`: the second rank is told to stop in
    the third step, and the run then goes on; `text`: a model that is loaded, gets a larger vocabulary, and is trained
    on documents; `lora`: adapters of that model, trained on instructions; at stage 3 with layers that are recomputed,
    the optimiser's states in several groups, and a stop like `resumed`'s.
    """
    folder = made_once("runs", lambda folder: train_all(tokens, text_tokens, small, folder))
    return {path.name: path for path in folder.iterdir()}


def train_all(tokens: Path, text_tokens: Path, small: Path, folder: Path) -> None:
    """Makes what `runs` names, in two processes."""
    rows = len(open_tokens(DataConfig(tokens=tokens, mixture="coit-zh"), None, False)[0])
    on_base = LORA | {"model.path": folder / "text2" / "model"}
    # the optimiser's states in several groups, as they are when there are many weights
    groups = folder / "zero3-groups.json"
    groups.write_text(json.dumps({"zero_optimization": {"stage": 3, "sub_group_size": 2000}}))
    in_groups = on_base | {"deepspeed": groups, "model.gradient_checkpointing": True}
    plans: dict[str, list[list[str]]] = {
        **{f"zero{stage}": [settings(tokens, folder / f"zero{stage}", stage)] for stage in (0, 1, 2, 3)},
        **{
            f"bf16-zero{stage}": [
                settings(tokens, folder / f"bf16-zero{stage}", stage, **{"optimizer.bf16": True})
            ]
            for stage in (2, 3)
        },
        **{
            f"short{stage}": [
                settings(tokens, folder / f"short{stage}", stage, **{"optimizer.batch_examples": rows - 1})
            ]
            for stage in (2, 3)
        },
        "stopped": [settings(tokens, folder / "stopped", 2, max_steps=3)],
        "resumed": [
            ["trouble=signal", *settings(tokens, folder / "resumed", 3)],
            settings(tokens, folder / "resumed", 3),
        ],
        **{
            f"text{stage}": [
                settings(
                    text_tokens,
                    folder / f"text{stage}",
                    stage,
                    **{
                        "data.mixture": "text",
                        "model.shape": "null",
                        "model.path": small,
                        "model.extend_vocabulary": True,
                        "max_steps": 3,
                    },
                )
            ]
            for stage in (2, 3)
        },
        "lora2": [settings(tokens, folder / "lora2", 2, **on_base)],
        "lora3": [
            [*trouble, *settings(tokens, folder / "lora3", **in_groups)]
            for trouble in (["trouble=signal"], [])
        ],
    }
    script = Path(__file__).with_name("several_runs.py")
    given = json.dumps([overrides for of_name in plans.values() for overrides in of_name])
    done = subprocess.run(
        on_ranks(2, script, str(DEMO), given),
        env=on_cpu(),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said").write_text(done.stdout + done.stderr)
