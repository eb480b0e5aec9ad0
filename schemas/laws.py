"""Scaling laws in a file (`--laws`): what each language's law is, and how many rows there are to take."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.section import Section


class LawEntry(Section):
    """S(X) = 100 - alpha * (gamma * X) ** beta (arXiv 2308.04948, equation 2)."""

    alpha: float = Field(gt=0, description="scale; without gamma, of X itself")
    beta: float = Field(gt=-1, lt=0, description="exponent")
    gamma: float | None = Field(None, gt=0, lt=1, description="similarity of the language to English")
    max: int | None = Field(None, ge=0, description="rows that there are; default: any number")


class LawsFile(Section):
    languages: dict[str, LawEntry] = Field(min_length=1, description="language (ISO 639-1) -> its law")


class GammaFile(BaseModel):
    """What `jobs/measure_gamma.py` writes; what it holds beyond the values says how they were measured."""

    model_config = ConfigDict(extra="allow", frozen=True)
    gamma: dict[str, float] = Field(min_length=1, description="language -> similarity, in (0, 1)")
