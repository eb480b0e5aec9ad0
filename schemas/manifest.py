"""What a manifest holds, so that one that comes from elsewhere can be checked before it is believed.

`<output>/manifest.json` describes a run, `<output>/parallel/manifest.json` the published dataset alone; they have these
keys in common. What a manifest holds beyond them is left alone.
"""

from __future__ import annotations

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


class InputFile(BaseModel):
    """A corpus file that was read."""

    corpus: str
    pair: str
    path: str
    license: str
    rows: NonNegativeInt
    sha256: str


class Count(BaseModel):
    """What became of the rows of a corpus and pair."""

    corpus: str
    pair: str
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


class EvalFile(BaseModel):
    """A file of an evaluation set."""

    path: str
    sha256: str


class Manifest(BaseModel):
    """The keys of every manifest."""

    version: str
    polyinstruct: str
    config: dict[str, Any]
    config_sha256: str
    inputs: list[InputFile]
    lid_model: Resource
    eval: list[EvalFile]
    counts: list[Count]
    outputs: list[File]
    content_sha256: str
