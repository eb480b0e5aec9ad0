"""The demo engine of the samples, and what it knows."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from pipelines.translation.engine import Engine
from pipelines.translation.engine_files import EngineDirectory, open_directory
from schemas.translation_config import EngineConfig

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
DEMO = SAMPLES / "engine"
TARGETS = ("ar", "el", "hi", "tr", "vi", "zh")


@lru_cache(maxsize=1)
def training() -> ModuleType:
    """The script that made the engine."""
    spec = importlib.util.spec_from_file_location("train_engine", SAMPLES / "train_engine.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=1)
def known() -> dict[str, dict[str, str]]:
    """Language -> English segment -> translation."""
    segments: dict[str, dict[str, str]] = {language: {} for language in TARGETS}
    for (language, source), target in training().known_segments().items():
        segments[language][source] = target
    return segments


@lru_cache(maxsize=1)
def directory() -> EngineDirectory:
    return open_directory(DEMO)


def engine(threads: int = 1, budget: int | None = 512) -> Engine:
    return Engine(directory(), EngineConfig(path=DEMO, device="cpu", threads=threads, token_budget=budget))
