"""The run configuration of `jobs/build_mi_eval.py`: its sections and keys, typed, with their defaults.

The numbers of self-instruct are those of its code (arXiv 2212.10560, github.com/yizhongw/self-instruct).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from schemas.config import Band, LidConfig
from schemas.generator import GeneratorConfig, Sampling
from schemas.section import OutputFolder, Section, WithLanguages
from schemas.translation import Checks, RoutingConfig
from schemas.translation_config import Decoding, EngineConfig
from schemas.translation_run import RoundTrip, TranslationRun


class Generation(Section):
    """How many tasks are shown and asked for, and how often."""

    seeds_per_prompt: int = Field(6, ge=1, description="seed instructions in a prompt")
    generated_per_prompt: int = Field(
        2, ge=0, description="instructions generated before, as far as there are any"
    )
    tasks_per_prompt: int = Field(
        16, ge=2, description="the number up to which a prompt's list is to be continued"
    )
    requests_per_round: int = Field(
        20,
        ge=1,
        description="prompts that are made before their answers are looked at; the outcome depends on it",
    )
    instances: int = Field(5, ge=1, description="instances asked for, of a task with inputs")
    instances_per_instruction: int = Field(1, ge=1, description="instances of a task that become items")
    fruitless_rounds: int = Field(5, ge=1, description="rounds without a new item after which it ends")
    # top_p .5 and presence penalty 2 keep an ordinary model from repeating the shown tasks
    instruction_sampling: Sampling = Sampling(
        temperature=0.7, top_p=0.5, presence_penalty=2.0, max_tokens=1024
    )
    classification_sampling: Sampling = Sampling(temperature=0.0, max_tokens=8)
    instance_sampling: Sampling = Sampling(temperature=0.0, presence_penalty=1.5, max_tokens=600)

    @model_validator(mode="after")
    def _leaves_some(self) -> Generation:
        if self.tasks_per_prompt <= self.seeds_per_prompt + self.generated_per_prompt:
            raise ValueError("tasks_per_prompt must be more than the tasks that are shown")
        return self


class Filters(Section):
    """When an instruction falls."""

    min_words: int = Field(4, ge=1, description="self-instruct drops three words and fewer")
    max_words: int = Field(150, ge=1)
    forbidden_words: list[str] = Field(
        [
            *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps"),
            *("draw", "plot", "go to", "video", "audio", "music", "flowchart", "diagram"),
        ],
        description="self-instruct's, and those that Stanford Alpaca added",
    )
    similarity: float = Field(
        0.7, gt=0, le=1, description="ROUGE-L with another instruction, from which one falls"
    )


class Training(Section):
    """The data that the set must not overlap with."""

    paths: list[Path] = Field(
        [], description="files or folders: Alpaca's JSON, translated instructions, parallel shards"
    )
    words: int = Field(8, ge=2, description="words in an n-gram, as in `eval.words` of build_parallel")
    chars: int = Field(12, ge=2, description="characters in an n-gram, for scripts without spaces")
    max_overlap: float = Field(0.4, ge=0, le=1, description="share of a field's n-grams, as in cleaning")


class MiEvalAudit(Section):
    """What the set as a whole should look like. These defaults only warn."""

    size_share: Band = Field(Band(min=1.0, severity="warning"), description="items / items asked for")
    classification_share: Band = Field(
        Band(max=0.6, severity="warning"), description="share of the items that are classification tasks"
    )
    top_verb_share: Band = Field(
        Band(max=0.25, severity="warning"), description="share of the items with the most frequent root verb"
    )


class MiEvalRun(WithLanguages):
    """Everything a run depends on, besides the bytes of seeds, engine and training data, and the answers."""

    seeds: list[Path] = Field(min_length=1, description="seed records: Alpaca's JSON, JSONL or Parquet")
    size: int = Field(500, ge=1, description="items")
    languages: list[str] = Field(
        ["ar", "el", "hi", "tr", "vi", "zh"], description="languages besides English"
    )
    output: OutputFolder = Field(Path("out/mi_eval"), description="folder to write")
    references: bool = Field(False, description="whether items come with reference answers")
    license: str = Field(
        "unknown", description="licence of the items: that of the seeds and the generator's terms"
    )
    seed: int = Field(0, description="seed of everything random (which is a hash of seed and place)")
    generator: GeneratorConfig
    generation: Generation = Generation()
    filters: Filters = Filters()
    training: Training = Training()
    engine: EngineConfig
    decoding: Decoding = Decoding()
    memory: Path | None = Field(
        None, description="folder of the translation memory; default: `translation-memory` beside the output"
    )
    routing: RoutingConfig = RoutingConfig()
    checks: Checks = Checks()
    retry: bool = Field(
        True, description="whether a failed translation is tried once more with other decoding"
    )
    round_trip: RoundTrip | None = Field(
        None, description="translate back, as a second opinion of translations"
    )
    lid: LidConfig = LidConfig()
    audit: MiEvalAudit = MiEvalAudit()
    spark: dict[str, str] = Field({}, description="further Spark settings")

    @model_validator(mode="after")
    def _languages_are_known(self) -> MiEvalRun:
        try:
            self.translation(Path("items.jsonl"), self.output)
        except ValidationError as error:
            told = (problem["msg"].removeprefix("Value error, ") for problem in error.errors())
            raise ValueError("; ".join(told)) from None
        return self

    def translation(self, records: Path, output: Path) -> TranslationRun:
        """The translation of candidates in the file `records`."""
        shared = {name: getattr(self, name) for name in _SHARED}
        return TranslationRun(input=[records], output=output, memory=self.memory_folder, **shared)

    @property
    def all_languages(self) -> list[str]:
        return ["en", *self.languages]

    @property
    def memory_folder(self) -> Path:
        return self.memory or self.output.absolute().parent / "translation-memory"

    @property
    def store_folder(self) -> Path:
        return self.generator.store or self.output.absolute().parent / "requests"

    def identity(self) -> dict[str, Any]:
        """What the output depends on, apart from bytes and answers: not where things lie, nor how fast it goes."""
        names = ("output", "spark", "memory", "lid", "engine", "seeds", "audit", "generator", "training")
        places: Any = dict.fromkeys(names, True) | {"round_trip": {"engine"}}
        generator = self.generator.model_dump(mode="json", include={"model", "prices", "budget"})
        training = self.training.model_dump(mode="json", exclude={"paths"})
        return self.model_dump(mode="json", by_alias=True, exclude=places) | {
            "seeds": [path.name for path in self.seeds],
            "generator": generator,
            "training": training | {"paths": [path.name for path in self.training.paths]},
        }

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        # where the engine lay is not recorded
        return super().from_record({**recorded, "engine": {"path": "."}})


_SHARED = (
    *("languages", "known_languages", "license", "seed", "engine", "decoding", "routing", "checks", "retry"),
    *("round_trip", "lid", "spark"),
)
