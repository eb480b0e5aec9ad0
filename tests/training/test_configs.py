"""The shipped configurations: the paper's numbers are in them, and each is valid."""

from __future__ import annotations

from pathlib import Path

import pytest
from job_process import ROOT

from schemas.loading import ConfigError, load
from schemas.training_run import TrainingRun
from training.model import model_shape
from training.train import engine_settings, learning_rate, zero_config

CONFIGS = ROOT / "training" / "configs"
ALL = sorted(path.name for path in CONFIGS.glob("*.yaml") if path.stem not in ("llama_7b", "llama_13b"))


@pytest.mark.parametrize("name", ALL)
def test_each_is_valid(name: str) -> None:
    config = load(TrainingRun, CONFIGS / name)
    assert zero_config(config)["zero_optimization"]["stage"] in (0, 1, 2, 3)
    assert config.data.tokens == ROOT / "out" / ("text_tokens" if name.startswith("pretrain") else "tokens")
    assert config.output == ROOT / "out" / ("training" if name == "demo.yaml" else name.removesuffix(".yaml"))


@pytest.mark.parametrize("language", ["ar", "el", "hi", "tr", "vi", "zh"])
def test_the_papers_numbers(language: str) -> None:
    """App. A: 3 epochs, 2e-5, 128 examples; 13B: 5 epochs, 1e-5; cosine, warm-up 0.03, no weight decay, bf16."""
    for size, epochs, rate in (("7b", 3, 2e-5), ("13b", 5, 1e-5)):
        config = load(TrainingRun, CONFIGS / f"x_llama_{size}_{language}.yaml")
        found = config.optimizer
        assert config.data.mixture == f"coit-{language}"
        assert (found.epochs, found.learning_rate, found.batch_examples) == (epochs, rate, 128)
        assert (found.schedule, found.warmup, found.weight_decay, found.bf16) == ("cosine", 0.03, 0.0, True)
        assert config.model.lora is None


def test_the_learning_rate_rises_and_falls() -> None:
    optimizer = load(TrainingRun, CONFIGS / "x_llama_7b_zh.yaml").optimizer
    rates = [learning_rate(optimizer, step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(2e-5 / 30)
    assert max(rates) == rates[29] == 2e-5
    assert rates[515] == pytest.approx(1e-5, rel=1e-3)
    assert 0 < rates[-1] < 1e-9


def test_mistakes_are_named(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(
        f"include: {CONFIGS / 'x_llama_7b_zh.yaml'}\noptimizer: {{epoch: 3, learning_rate: -1}}\n"
        "model: {shape: {hidden_size: 8}}\n"
    )
    with pytest.raises(ConfigError) as refused:
        load(TrainingRun, tmp_path / "wrong.yaml")
    said = str(refused.value)
    assert "optimizer.epoch: unknown key; did you mean optimizer.epochs?" in said
    assert "optimizer.learning_rate" in said
    assert "expected either `path` or `shape`" in said


def test_what_the_job_decides_the_json_cannot_change() -> None:
    optimizer = load(TrainingRun, CONFIGS / "x_llama_7b_zh.yaml").optimizer
    given = {"gradient_accumulation_steps": 4, "bf16": {"enabled": False}}
    found = given | engine_settings(optimizer, {"stage": 2, "compute_grad_norm": False}, False)
    assert found["zero_optimization"] == {"stage": 2, "compute_grad_norm": True}
    assert found["gradient_accumulation_steps"] == 1
    assert found["bf16"] == {"enabled": True}
    assert found["data_types"] == {"grad_accum_dtype": "fp32"}


def test_a_llama_of_the_configured_shape() -> None:
    config = load(TrainingRun, CONFIGS / "demo.yaml")
    shape = model_shape(config.model)
    assert (shape.model_type, shape.hidden_size, shape.eos_token_id) == ("llama", 64, 2)
