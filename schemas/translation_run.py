"""The run configuration of `jobs/translate_instructions.py`: its sections and keys, typed, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from schemas.config import Band, LidConfig, Shards, Splits
from schemas.section import OutputFolder, Section, WithLanguages
from schemas.translation import Checks, RoutingConfig
from schemas.translation_config import Decoding, EngineConfig


class TranslationAudit(Section):
    """What a translated dataset as a whole should look like. These defaults only warn."""

    kept_share: Band = Field(
        Band(min=0.7, severity="warning"), description="rows kept / records read, for each language"
    )
    translated_share: Band = Field(
        Band(min=0.5, severity="warning"), description="rows translated whole / rows kept, for each language"
    )
    lid_agreement: Band = Field(
        Band(min=0.95, severity="warning"),
        description="share of the translated rows that were identified as the language, for each",
    )
    common_share: Band = Field(
        Band(min=0.5, severity="warning"), description="records that every language has / records read"
    )


class RoundTrip(Section):
    """A second opinion: what passes the other checks is translated back, and held against its source by chrF."""

    engine: EngineConfig | None = Field(
        None, description="engine that translates back into English; default: the run's own"
    )
    decoding: Decoding = Field(
        Decoding(beam_size=1, patience=1),
        description="how it searches: the words are enough, and greedy search finds them in a third of the time",
    )


class TranslationRun(WithLanguages):
    """Everything a run depends on, besides the bytes of its records and of its engine."""

    input: list[Path] = Field(
        min_length=1, description="English records: .json, .jsonl or .parquet, compressed or not"
    )
    output: OutputFolder = Field(Path("out/instructions"), description="folder to write")
    languages: list[str] = Field(
        ["ar", "el", "hi", "tr", "vi", "zh"], min_length=1, description="languages to translate into"
    )
    license: str = Field("unknown", description="licence of the English records (SPDX identifier)")
    limit: int | None = Field(None, ge=1, description="read at most this many records of each file")
    max_chars: int = Field(20_000, ge=1, description="characters of a field; a longer one is a reject")
    on_truncated: Literal["fail", "keep"] = Field(
        "fail", description="what to do with a file that breaks off"
    )
    seed: int = Field(0, description="seed of everything random (which is a hash of seed and text)")
    engine: EngineConfig
    decoding: Decoding = Decoding()
    memory: Path | None = Field(
        None, description="folder of the translation memory; default: `translation-memory` beside the output"
    )
    routing: RoutingConfig = RoutingConfig()
    checks: Checks = Checks()
    retry: bool = Field(True, description="whether a failed row is tried once more with other decoding")
    round_trip: RoundTrip | None = Field(
        None,
        description="translate back, and reject what has too little in common with its source (checks.round_trip)",
    )
    lid: LidConfig = LidConfig()
    splits: Splits = Splits(validation=0.01, test=0.0)
    shards: Shards = Shards()
    audit: TranslationAudit = TranslationAudit()
    spark: dict[str, str] = Field({}, description="further Spark settings")

    @model_validator(mode="after")
    def _consistent(self) -> TranslationRun:
        problems = self.unknown_languages(self.languages)
        if "en" in self.languages:
            problems.append("languages: the records are English already")
        if len(set(self.languages)) < len(self.languages):
            problems.append("languages: one is named twice")
        names = [path.name for path in self.input]
        if len(set(names)) < len(names):
            problems.append("input: two files have the same name, by which records are known; rename one")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def back(self) -> EngineConfig:
        """The engine of the round trip."""
        return (self.round_trip.engine if self.round_trip else None) or self.engine

    @property
    def memory_folder(self) -> Path:
        return self.memory or self.output.absolute().parent / "translation-memory"

    def identity(self) -> dict[str, Any]:
        """What the output depends on, apart from the bytes of records and engine: not where things lie, nor speed."""
        places: Any = dict.fromkeys(("output", "spark", "memory", "lid", "engine", "input", "audit"), True)
        places["round_trip"] = {"engine"}
        return self.model_dump(mode="json", by_alias=True, exclude=places) | {
            "input": [path.name for path in self.input]
        }

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        # where the engine lay is not recorded
        return super().from_record({**recorded, "engine": {"path": "."}})
