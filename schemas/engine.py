"""What an engine directory is: `engine.json`, which names everything that a translation depends on."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict, Field

ENGINE_VERSION = 1
FILE_NAME = "engine.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineFile(_Part):
    bytes: int = Field(ge=0)
    sha256: str


class Trim(_Part):
    """What was cut from the vocabulary, and how sure it is that nothing was lost."""

    tokens_before: int
    tokens_after: int
    whole_scripts: tuple[str, ...] = Field(description="scripts of which all pieces were kept")
    text_languages: tuple[str, ...] = Field(description="languages whose pieces were chosen by sample text")
    certified_outputs: int = Field(description="sample outputs compared with those of the untrimmed engine")
    equal_share: float = Field(ge=0, le=1, description="share of them that are equal")


class SelfTest(_Part):
    """How many of the sample translations into a language were identified as that language."""

    translations: int
    identified: int


class EngineManifest(_Part):
    """`engine.json`."""

    version: int = ENGINE_VERSION
    family: str = Field(description="how language tags are put; one of pipelines.translation.families")
    model: str = Field(description="name on the Hub, or of the directory it was made from")
    revision: str = Field(description="commit on the Hub; `local` if it was made from a directory")
    license: str = Field(description="of the weights")
    quantization: str
    source_tags: dict[str, str] = Field(description="language code -> tag of a source language")
    target_tags: dict[str, str] = Field(description="language code -> tag of a target language")
    end_token: str
    unknown_token: str
    control_tokens: tuple[str, ...] = Field(description="tokens that no text may become, tags apart")
    max_positions: int | None = Field(description="tokens that the model has positions for; null: any number")
    trim: Trim | None = Field(description="null: the vocabulary is whole")
    self_test: dict[str, SelfTest] = Field(description="by target language")
    ctranslate2: str = Field(description="version that converted the model")
    sentencepiece: str = Field(description="version that was there at preparation")
    files: dict[str, EngineFile]

    def identity(self) -> str:
        """A hash of what translations depend on (64 hexadecimal digits): not names, licences and test results."""
        depends = self.model_dump(
            mode="json",
            include={
                "version",
                "family",
                "source_tags",
                "target_tags",
                "end_token",
                "unknown_token",
                "control_tokens",
                "max_positions",
            },
        )
        depends["files"] = {name: file.sha256 for name, file in self.files.items()}
        return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()
