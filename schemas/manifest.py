"""What a manifest holds, so that one that comes from elsewhere can be checked before it is believed.

`<output>/manifest.json` describes a run, the one in the published folder that dataset alone; they have these keys in
common. What a manifest holds beyond them is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, NonNegativeInt, field_validator, model_validator


class File(BaseModel):
    """A file of the dataset; `path` starts at the manifest's folder."""

    path: str
    rows: NonNegativeInt
    bytes: NonNegativeInt
    sha256: str

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path:
            raise ValueError("expected a path below the manifest's folder")
        return path


class Count(BaseModel):
    """What became of some of the rows: of which, each kind of dataset says."""

    read: NonNegativeInt
    kept: NonNegativeInt
    rejected: dict[str, NonNegativeInt]

    @model_validator(mode="after")
    def _nothing_is_lost(self) -> Count:
        if self.read != self.kept + sum(self.rejected.values()):
            raise ValueError("read is not kept + rejected")
        return self


class Resource(BaseModel):
    """Another file that the decisions depend on."""

    name: str
    sha256: str


class Manifest(BaseModel):
    """The keys of every manifest; `dataset` names the kind (`schemas/datasets.py`)."""

    dataset: str
    version: str
    polyinstruct: str
    config: dict[str, Any]
    config_sha256: str
    counts: Sequence[Count]
    outputs: list[File]
    content_sha256: str


class CorpusFile(BaseModel):
    """A corpus file that was read."""

    corpus: str
    pair: str
    path: str
    license: str
    rows: NonNegativeInt
    sha256: str


class PairCount(Count):
    """Of the rows of a corpus and pair."""

    corpus: str
    pair: str


class EvalFile(BaseModel):
    """A file of an evaluation set."""

    path: str
    sha256: str


class ParallelManifest(Manifest):
    """Of parallel data."""

    inputs: list[CorpusFile]
    lid_model: Resource
    eval: list[EvalFile]
    counts: list[PairCount]


class RecordFile(BaseModel):
    """A file of instruction records that was read."""

    path: str
    records: NonNegativeInt
    bytes: NonNegativeInt
    sha256: str


class LanguageCount(Count):
    """Of the records of a file, in one language."""

    file: str
    lang: str


class Engine(BaseModel):
    """The translation engine."""

    signature: str
    model: str
    license: str


class StageCount(Count):
    """Of the candidates that came to a stage."""

    stage: str


class Generator(BaseModel):
    """The model that wrote what is new, and what it took."""

    model: str
    requests: NonNegativeInt
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt


class MiEvalManifest(Manifest):
    """Of MI-EVAL."""

    inputs: list[RecordFile]
    generator: Generator
    engine: Engine
    lid_model: Resource
    counts: list[StageCount]


class TranslationManifest(Manifest):
    """Of translated instructions."""

    inputs: list[RecordFile]
    engine: Engine
    lid_model: Resource
    counts: list[LanguageCount]


class SourceCount(Count):
    """Of the rows of an instruction set in one language, or of a pair's in one direction."""

    source: str
    lang: str
    direction: str | None


class PartTaken(BaseModel):
    """What a mixture takes of a part's split: rows, or pairs where it translates, out of those that there are."""

    part: str
    split: str
    units: NonNegativeInt
    available: NonNegativeInt


class MixtureManifest(Manifest):
    """Of mixtures."""

    mixtures: dict[str, list[PartTaken]]
    counts: list[SourceCount]


class TokenizerUsed(BaseModel):
    """The tokenizer that tokens are of."""

    name: str
    sha256: str
    vocab_size: NonNegativeInt
    bos_id: int | None
    eos_id: int


class TokensCount(Count):
    """Of the rows of a mixture's split, in one language and task."""

    mixture: str
    split: str
    lang: str
    task: str


class TokensManifest(Manifest):
    """Of tokens."""

    key: str
    tokenizer: TokenizerUsed
    counts: list[TokensCount]
