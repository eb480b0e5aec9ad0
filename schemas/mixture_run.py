"""The run configuration of `jobs/build_instructions.py`: its sections and keys, typed, with their defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from schemas.config import Band, LidConfig, Shards, Splits
from schemas.languages import LANGUAGES
from schemas.section import OutputFolder, Section, WithLanguages
from schemas.spelling import did_you_mean

EACH = "{x}"  # stands for a language in names of mixtures and parts
# how quality/mixture_trainers.py names the split and the shards of a mixture
_PIECE = re.compile(r"(.+?)(?:-validation(?:-\d{5})?|-\d{5})")
_NAME = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")


class InstructionSet(Section):
    """General tasks: either what translate_instructions made, or files in Alpaca's fields or `messages`."""

    path: Path | None = Field(None, description="output of translate_instructions, or its published folder")
    files: dict[str, list[Path]] = Field({}, description="language -> files (.json, .jsonl, .parquet)")
    license: str = Field("unknown", description="licence of the files (SPDX identifier)")
    aligned: bool = Field(
        False, description="whether the files of all languages hold the same records at the same places"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> InstructionSet:
        if (self.path is None) == (not self.files):
            raise ValueError("expected either path or files")
        if self.aligned and any(len(files) > 1 for files in self.files.values()):
            raise ValueError("aligned: expected one file for each language")
        return self


class Translation(Section):
    """Translation tasks, from a parallel dataset."""

    path: Path | None = Field(None, description="output of build_parallel, or its published folder")
    templates: Literal["paper", "english", "varied"] = Field(
        "varied",
        description="instructions: the paper's one, English ones, or these and ones in the other language",
    )
    max_sentences: int = Field(
        1, ge=1, le=32, description="consecutive lines of a document in one example, at most"
    )
    max_tokens: int = Field(
        256, ge=16, description="tokens of an example of several sentences, its instruction aside"
    )
    allocation: Path | dict[str, int] | None = Field(
        None, description="language -> pairs, or what plan_mixture wrote; default: all there are"
    )


class Tokenizer(Section):
    path: Path | None = Field(
        None, description="the base model's: SentencePiece model, tokenizer.json, or a folder with either"
    )
    max_tokens: int = Field(512, ge=1, description="the model's length in training")
    longer: Literal["reject", "keep"] = Field(
        "reject", description="examples of more tokens: a trainer would cut their answers"
    )


class Part(Section):
    """A part of a mixture: `<set>-<language>` for general tasks, or a direction like `en-zh`."""

    name: str
    rows: int | None = Field(None, ge=1, description="rows (pairs) to take")
    weight: float = Field(1.0, gt=0, description="weight, where rows are shared out")
    max: int | None = Field(None, ge=1, description="rows (pairs) to take at most")


class Mixture(Section):
    """What is mixed. Without numbers a part gives all it has, a translation part what is allocated to its language."""

    parts: list[Part] = Field(min_length=1, description="parts; {x} stands for each language")
    rows: int | None = Field(None, ge=1, description="rows (pairs) in all, shared out among the parts")
    temperature: float = Field(
        1.0, ge=1, description="shares go with (rows there are) ** (1 / temperature): 1 in proportion"
    )
    english_share: float | None = Field(
        None, ge=0, lt=1, description="share of English general tasks, which keep the model's English"
    )
    max_repeats: int = Field(1, ge=1, description="times that a row may stand in the mixture")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """A list of parts is a mixture, and a name a part."""
        if isinstance(value, list):
            value = {"parts": value}
        if isinstance(value, dict) and isinstance(value.get("parts"), list):
            parts = [{"name": part} if isinstance(part, str) else part for part in value["parts"]]
            value = value | {"parts": parts}
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Mixture:
        if self.temperature != 1 and self.rows is None:
            raise ValueError("temperature: needs rows, which it shares out")
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names):
            raise ValueError("parts: one is named twice")
        return self


class MixtureAudit(Section):
    """What a mixture should look like. These defaults only warn."""

    byte_share: Band = Field(
        Band(max=0.3, severity="warning"),
        description="tokens that stand for single bytes / tokens, for each language: a high share makes texts long",
    )
    repeated_share: Band = Field(
        Band(max=0.75, severity="warning"), description="rows that repeat others / rows, for each mixture"
    )


class MixtureEval(Section):
    path: Path | None = Field(None, description="folder of evaluation sets to keep the examples clear of")
    words: int = Field(8, ge=2, description="words in an n-gram")
    chars: int = Field(12, ge=2, description="characters in an n-gram, for scripts without spaces")
    max: float = Field(
        0.4, ge=0, le=1, description="share of a text's n-grams that stand in an evaluation set"
    )


class Checks(Section):
    """Of instruction files, whose languages nobody has looked at."""

    script_share: float = Field(0.5, ge=0, le=1, description="letters of the language's script, better field")
    lid_claimed: float = Field(
        0.2, ge=0, le=1, description="probability of the language, where another is sure"
    )
    lid_sure: float = Field(
        0.4, ge=0, le=1, description="probability from which another language is believed"
    )


class Licenses(Section):
    allow: list[str] | None = Field(None, description="licences to keep; default: all, `unknown` too")


class MixtureRun(WithLanguages):
    """Everything a run depends on, besides the bytes of its inputs."""

    languages: list[str] = Field(
        ["ar", "el", "hi", "tr", "vi", "zh"], min_length=1, description="what {x} stands for"
    )
    general: dict[str, InstructionSet] = Field({}, description="instruction sets by name")
    translation: Translation = Translation()
    mixtures: dict[str, Mixture] = Field(
        min_length=1, description="mixtures by name; {x} makes one of each language"
    )
    output: OutputFolder = Field(Path("out/mixtures"), description="folder to write")
    on_truncated: Literal["fail", "keep"] = Field(
        "fail", description="what to do with an instruction file that breaks off"
    )
    seed: int = Field(0, description="seed of everything random (which is a hash of seed and id)")
    tokenizer: Tokenizer = Tokenizer()
    eval: MixtureEval = MixtureEval()
    checks: Checks = Checks()
    licenses: Licenses = Licenses()
    lid: LidConfig = LidConfig()
    splits: Splits = Splits(validation=0.01, test=0.0)
    validation_rows: int = Field(
        1_000, ge=0, description="rows of a part in a mixture's validation split, at most"
    )
    shards: Shards = Shards()
    audit: MixtureAudit = MixtureAudit()
    spark: dict[str, str] = Field({}, description="further Spark settings")

    @model_validator(mode="after")
    def _consistent(self) -> MixtureRun:
        named = {*self.languages, *(code for one in self.general.values() for code in one.files)}
        problems = self.unknown_languages(sorted(named))
        if "en" in self.languages:
            problems.append("languages: English is there anyway")
        problems += [
            f"{kind}.{name}: expected a name of small letters, digits, and - _ . between them"
            for kind, names in (("general", self.general), ("mixtures", self.mixtures))
            for name in names
            if not _NAME.fullmatch(name.replace(EACH, "x"))
        ]
        if not problems:
            mixtures = self.expanded()
            problems += [
                f"mixtures.{name}: trainers would take it for a part of {of[1]}; choose another name"
                for name in mixtures
                if (of := _PIECE.fullmatch(name)) and of[1] in mixtures
            ]
            for name, mixture in mixtures.items():
                for part in mixture.parts:
                    problem = self._unknown_part(part.name)
                    if problem:
                        problems.append(f"mixtures.{name}: {problem}")
        if self.translation.max_sentences > 1 and self.tokenizer.path is None:
            problems.append("tokenizer.path: missing; translation.max_sentences counts its tokens")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unknown_part(self, name: str) -> str | None:
        parsed = self.parse(name)
        if parsed is None:
            sets = [f"{one}-{code}" for one in self.general for code in ("en", *self.languages)]
            pairs = [f"en-{code}" for code in self.languages] + [f"{code}-en" for code in self.languages]
            return (
                f"no part {name!r}{did_you_mean(name, [*sets, *pairs])}; expected <instruction set>-<language>, "
                "en-<language> or <language>-en"
            )
        source, lang, direction = parsed
        if direction is not None and self.translation.path is None:
            return f"part {name}: translation.path is missing"
        files = self.general[source].files if direction is None else {}
        if files and lang not in files:
            return f"part {name}: general.{source}.files has no language {lang}"
        return None

    def parse(self, name: str) -> tuple[str, str, str | None] | None:
        """A part's source, language and direction; None if it names none that there is."""
        known = LANGUAGES | self.known_languages
        left, _, right = name.rpartition("-")
        if left in self.general and right in known:
            return left, right, None
        if "en" in (left, right) and left in known and right in known and left != right:
            return "parallel", right if left == "en" else left, name
        return None

    def expanded(self) -> dict[str, Mixture]:
        """The mixtures by name, with languages in place of `{x}`.

        A name with `{x}` gives a mixture for each language; in one without it, a part with `{x}` gives a part for each.
        """
        found: dict[str, Mixture] = {}
        for name, mixture in self.mixtures.items():
            for code in self.languages if EACH in name else [None]:
                codes = self.languages if code is None else [code]
                parts = [
                    part.model_copy(update={"name": part.name.replace(EACH, one)})
                    for part in mixture.parts
                    for one in (codes if EACH in part.name else codes[:1])
                ]
                found[name.replace(EACH, code or "")] = mixture.model_copy(update={"parts": parts})
        return found

    def identity(self) -> dict[str, Any]:
        """What the output depends on, apart from the bytes of its inputs: not where things lie, nor Spark's tuning."""
        places: Any = {
            "output": True,
            "spark": True,
            "lid": True,
            "audit": True,
            "translation": {"path": True, "allocation": True},
            "tokenizer": {"path": True},
            "eval": {"path": True},
            "general": {name: {"path": True, "files": True} for name in self.general},
        }
        identity = self.model_dump(mode="json", by_alias=True, exclude=places)
        for name, one in self.general.items():
            identity["general"][name]["files"] = {
                code: [path.name for path in files] for code, files in one.files.items()
            }
        return identity

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        # where the sources and the tokenizer lay is not recorded
        general = {
            name: one if one["files"] else {**one, "path": "."} for name, one in recorded["general"].items()
        }
        places = {key: {**recorded[key], "path": "."} for key in ("translation", "tokenizer")}
        return super().from_record({**recorded, **places, "general": general})
