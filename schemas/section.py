"""What the sections of a configuration have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from schemas.languages import LANGUAGES, Language


class Section(BaseModel):
    """Typed keys that cannot be changed afterwards, and no others; numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Identified(Section):
    """A section that work is known by: what was made under the same hash is what would be made again."""

    def identity(self) -> dict[str, Any]:
        """What the outcome depends on: all keys, unless a section says otherwise."""
        return self.model_dump(mode="json", by_alias=True)

    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()

    def recorded(self) -> dict[str, Any]:
        """What a manifest holds of it: its identity, and the bands of the audit."""
        return self.identity() | self.model_dump(mode="json", include={"audit"})

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        """The configuration that a manifest holds; where things lay is not in it, and is made up if it is required."""
        return cls.model_validate(recorded)


class WithLanguages(Identified):
    """A job's configuration that knows languages beyond the table in `schemas/languages.py`."""

    known_languages: dict[str, Language] = Field(
        {}, description="further languages, or other values for known ones"
    )

    def language(self, code: str) -> Language:
        """The language of an ISO 639-1 code (`KeyError` if neither the table nor the configuration has it)."""
        return self.known_languages[code] if code in self.known_languages else LANGUAGES[code]

    def unknown_languages(self, codes: list[str]) -> list[str]:
        """A sentence for each code that is not known."""
        return [
            f"languages: no language {code!r} is known; describe it under known_languages.{code}"
            for code in codes
            if code not in LANGUAGES | self.known_languages
        ]


def _local(folder: object) -> object:
    if "://" in str(folder):
        raise ValueError("only local or mounted paths can be written for now")
    return folder


OutputFolder = Annotated[Path, BeforeValidator(_local)]
