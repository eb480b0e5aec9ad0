"""The run configuration of `jobs/tokenize_shards.py`: its sections and keys, typed, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from schemas.config import Band
from schemas.section import Identified, OutputFolder, Section


class TokensAudit(Section):
    """What a tokenised dataset as a whole should look like. These defaults only warn."""

    kept_share: Band = Field(
        Band(min=0.98, severity="warning"), description="rows kept / rows read, for each mixture and language"
    )
    truncated_share: Band = Field(
        Band(max=0.05, severity="warning"), description="rows whose answer was cut / rows kept, for each"
    )
    unknown_share: Band = Field(
        Band(max=0.001, severity="warning"), description="unknown tokens / tokens, for each"
    )


class TokenizeRun(Identified):
    """Everything a run depends on, besides the bytes of its shards, texts and tokenizer."""

    input: Path | None = Field(
        None, description="instruction shards: a published folder, or an output with one"
    )
    hub: str | None = Field(None, description="instruction shards on the Hub: OWNER/NAME[@REVISION]")
    text: dict[str, list[Path]] = Field(
        {},
        description="for pre-training: language -> documents, as .jsonl, .parquet or .txt, compressed or not",
    )
    tokenizer: Path = Field(
        description="the base model's directory (tokenizer.json), or a SentencePiece .model"
    )
    output: OutputFolder = Field(Path("out/tokens"), description="folder to write")
    template: Literal["alpaca", "chat"] = Field(
        "alpaca", description="alpaca: Stanford Alpaca's prompts; chat: the tokenizer's own chat template"
    )
    max_length: int = Field(512, ge=8, description="tokens of a row, at most")
    on_too_long: Literal["truncate", "reject"] = Field(
        "truncate", description="truncate: cut the end of the answer, and count it; reject: `too_long`"
    )
    english_share: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="text: share of English in all tokens, at most; default: all that is there",
    )
    text_validation: float = Field(
        0.01, ge=0, lt=1, description="text: share of the documents for validation"
    )
    seed: int = Field(0, description="seed of everything random (which is a hash of seed and id)")
    audit: TokensAudit = TokensAudit()
    spark: dict[str, str] = Field({}, description="further Spark settings")

    @model_validator(mode="after")
    def _consistent(self) -> TokenizeRun:
        if [self.input is not None, self.hub is not None, bool(self.text)].count(True) != 1:
            raise ValueError("expected one of `input` and `hub` (instruction shards) and `text` (documents)")
        if self.english_share is not None and "en" not in self.text:
            raise ValueError("english_share: there is no English text (text.en)")
        if any(not paths for paths in self.text.values()):
            raise ValueError("text: a language without files")
        return self

    def identity(self) -> dict[str, Any]:
        """What the output depends on, apart from the bytes of shards, texts and tokenizer: not where things lie."""
        names = {language: [path.name for path in paths] for language, paths in self.text.items()}
        places: Any = {"input", "hub", "text", "tokenizer", "output", "audit", "spark"}
        return self.model_dump(mode="json", exclude=places) | {"text": names}

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        # where shards or texts and the tokenizer lay is not recorded
        places: Any = {"input": ".", "hub": None, "text": {}, "english_share": None, "tokenizer": "."}
        return super().from_record({**recorded, **places})
