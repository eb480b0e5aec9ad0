"""The run configuration of `jobs/extend_tokenizer.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from schemas.section import OutputFolder, WithLanguages


class ExtendRun(WithLanguages):
    """Everything a run depends on, besides the bytes of its texts and tokenizer."""

    tokenizer: Path = Field(
        description="the base model's directory (with tokenizer.model), or its SentencePiece BPE .model"
    )
    text: dict[str, list[Path]] = Field(
        description="language -> documents, as .jsonl, .parquet or .txt, compressed or not; English is only measured on"
    )
    pieces: int = Field(20_000, ge=1, description="pieces to add, of all languages together")
    output: OutputFolder = Field(Path("out/tokenizer"), description="folder to write")
    sample_mb: int = Field(
        128,
        ge=1,
        description="MB of text to train on, at most, the same for each language; takes some 30 times as much memory",
    )
    text_validation: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="share of the documents to measure on: those that tokenize_shards keeps for validation",
    )
    seed: int = Field(0, description="seed of everything random (which is a hash of seed and text)")

    @model_validator(mode="after")
    def _consistent(self) -> ExtendRun:
        problems = self.unknown_languages(list(self.text))
        if not self.languages:
            problems.append("text: expected a language besides English, to make pieces for")
        if any(not paths for paths in self.text.values()):
            problems.append("text: a language without files")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def languages(self) -> list[str]:
        """Those that pieces are made for."""
        return [code for code in self.text if code != "en"]

    def identity(self) -> dict[str, Any]:
        """What the output depends on, apart from the bytes of texts and tokenizer: not where things lie."""
        names = {language: [path.name for path in paths] for language, paths in self.text.items()}
        return self.model_dump(mode="json", exclude={"tokenizer", "text", "output"}) | {"text": names}
