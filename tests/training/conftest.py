"""What the tests of training share: tokens of the samples, and runs of a tiny LLaMA on two ranks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from instruction_shards import SAMPLES, write_shards
from pyspark.sql import SparkSession
from training_runs import DEMO, on_cpu, on_ranks, settings

from pipelines.tokenizing import plan, tokenize
from schemas.tokens_run import TokenizeRun
from schemas.training_run import DataConfig
from training.data import open_tokens


@pytest.fixture(scope="session")
def tokens(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples' instructions, tokenised by the job."""
    folder = tmp_path_factory.mktemp("tokens")
    shards = write_shards(folder / "mixture")
    given = {"input": shards, "tokenizer": SAMPLES / "tokenizer.model", "max_length": 256}
    tokenize(lambda: spark, plan(TokenizeRun(output=folder / "out", **given)), False, {})
    return folder / "out"


@pytest.fixture(scope="session")
def runs(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs on two ranks, by name: with each stage of ZeRO, in bfloat16, and some that end early or go on.

    `short`: two steps, the second of one example; `stopped`: three steps; `resumed`: the second rank is told to stop in
    the third step, and the run then goes on.
    """
    folder = tmp_path_factory.mktemp("runs")
    rows = len(open_tokens(DataConfig(tokens=tokens, mixture="coit-zh"), None, False)[0])
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
    return {name: folder / name for name in plans}
