"""Tiny models that are made once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

SENTENCES = 8


@pytest.fixture(scope="session")
def taught_nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An NLLB-shaped model that knows eight sample sentences in Greek and Chinese."""
    import tiny_models

    from schemas.languages import LANGUAGES

    torch.set_num_threads(1)
    pairs = [
        (row["en"], LANGUAGES[code].flores, row[code])
        for row in tiny_models.sentences()[:SENTENCES]
        for code in ("el", "zh")
    ]
    return tiny_models.nllb(tmp_path_factory.mktemp("models") / "tiny-nllb", pairs=pairs, steps=130)
