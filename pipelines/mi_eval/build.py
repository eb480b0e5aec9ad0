"""From seeds to a published MI-EVAL: rounds of generation and translation, until there are enough items.

    (generate ─► filter ─► instances ─► translate ─► decontaminate) again and again ─► write ─► complete ─► publish

What the generator said is in the store, what the engine said in the translation memory, and a round's translation in
the workspace; so a killed run goes through the finished rounds in seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import ctranslate2
from pyspark.sql import SparkSession

from pipelines.dedup.texts import strings
from pipelines.dedup.training_overlap import TrainingData, file_label, training_files
from pipelines.errors import UserError
from pipelines.finish import Finish, finish_and_publish
from pipelines.mi_eval import output
from pipelines.mi_eval.languages import Item, in_all_languages
from pipelines.progress import Stages
from pipelines.self_instruct.budget import Ledger
from pipelines.self_instruct.endpoint import Endpoint
from pipelines.self_instruct.filters import Fault
from pipelines.self_instruct.generator import Backend, Generator
from pipelines.self_instruct.local_model import LocalModel
from pipelines.self_instruct.rounds import Candidate, Pool, make_round
from pipelines.self_instruct.store import open_store
from pipelines.session import java_version
from pipelines.shards.manifest import environment, named, run_manifest
from pipelines.shards.workspace import open_workspace
from pipelines.shards.write import sha256_of
from pipelines.streams import BrokenFile
from pipelines.translate import Plan as TranslationPlan
from pipelines.translate import plan as plan_translation
from pipelines.translation.records import Record, read_records
from schemas.datasets import MI_EVAL
from schemas.mi_eval_run import MiEvalRun

_RECORD_FILES = (".json", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True)
class Plan:
    """What is known, and checked, before anything is asked."""

    config: MiEvalRun
    translation: TranslationPlan
    training: TrainingData

    def fingerprint(self) -> str:
        """Of everything that the work in the workspace depends on; files by size and time of change."""
        stats = [(str(path.absolute()), *_stat(path)) for path in (*self.config.seeds, *self.training.files)]
        parts = [self.translation.fingerprint(), self.config.sha256(), stats]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def backend(self) -> Callable[[], Backend] | None:
        """What makes the back end, once it is needed; `None` where only stored answers are used."""
        generator = self.config.generator
        if generator.endpoint:
            # read here and handed over: it is in no configuration, and so in nothing that is written
            key = os.environ.get(generator.key_env, "").strip() or None
            return lambda: Endpoint(generator, key)
        if generator.local:
            path = generator.local
            return lambda: LocalModel(path)
        return None


def plan(config: MiEvalRun) -> Plan:
    """Checks everything that can be checked without reading seeds or asking. Raises `UserError` with all problems."""
    problems = [f"seeds: {path}: no such file" for path in config.seeds if not path.is_file()]
    files: list[Path] = []
    try:
        # the seeds are training data too: Alpaca is what a model is tuned on
        files = training_files([*config.seeds, *config.training.paths], _RECORD_FILES) if not problems else []
    except UserError as error:
        problems += error.problems
    translation = None
    try:
        # any file that is there; a round's own takes its place
        translation = plan_translation(config.translation(Path(__file__), config.output))
    except UserError as error:
        problems += error.problems
    if problems or translation is None:
        raise UserError(*problems)
    settings = config.training
    return Plan(config, translation, TrainingData(tuple(files), record_texts, settings.words, settings.chars))


def _stat(path: Path) -> tuple[int, int]:
    return path.stat().st_size, path.stat().st_mtime_ns


def record_texts(path: Path) -> Iterator[str]:
    """The texts of a file of instruction records; of what is no such record, all its texts: it may be trained on."""
    for record in read_records(path):
        if isinstance(record, Record):
            yield from (text for text in record.fields.values() if text)
        else:
            yield from _raw_texts(record.raw)


def _raw_texts(raw: str) -> list[str]:
    try:
        # JSON may hold lone surrogates, which are no text
        return [text.encode("utf-8", "replace").decode() for text in strings(json.loads(raw))]
    except (ValueError, RecursionError):
        return [raw]


@dataclass(frozen=True)
class Seeds:
    """The instructions of the seed files, and what the manifest says of them."""

    instructions: tuple[str, ...]
    inputs: tuple[dict[str, Any], ...]


def read_seeds(paths: Sequence[Path]) -> Seeds:
    """Reads the seed records. Raises `UserError` where there is no usable one, and for a file that breaks off."""
    texts: list[str] = []
    inputs = []
    for path in paths:
        before, unusable = len(texts), 0
        try:
            for record in read_records(path):
                if isinstance(record, Record):
                    texts.append(record.instruction)
                else:
                    unusable += 1
        except BrokenFile as error:
            raise UserError(f"seeds: {path}: {error}; fetch it again") from None
        inputs.append(
            {"path": path.name, "records": len(texts) - before, "unusable": unusable}
            | {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        )
    if not texts:
        raise UserError(f"seeds: {', '.join(map(str, paths))}: no usable record")
    return Seeds(tuple(texts), tuple(inputs))


def build(
    make_session: Callable[[], SparkSession], plan: Plan, overwrite: bool, finish: Finish
) -> dict[str, Any]:
    """Builds and publishes the set; returns the run's manifest. Spark starts with the first translation.

    The steps of `finish` complete the staged result (audit, report, card); what one raises publishes nothing. Raises
    `UserError` (bad input, a generator that gives up, nothing to publish) and `InvariantError`.
    """
    config, stages = plan.config, Stages()
    session = cache(make_session)
    backend = plan.backend()
    with (
        open_workspace(config.output, plan.fingerprint(), overwrite) as workspace,
        open_store(config.store_folder, writable=backend is not None) as store,
    ):
        with stages.stage("seeds"):
            seeds = read_seeds(config.seeds)
            pool = Pool.of(seeds.instructions)
        ledger = Ledger(config.generator.prices, config.generator.budget)
        generator = Generator(store, ledger, config.generator.concurrency, backend)
        made = _rounds(session, plan, pool, generator, workspace.folder / "rounds", stages)
        if not made.items:
            raise UserError(
                f"no candidate passed ({made.stopped}): {_most_frequent(made.rejected)}; nothing was published"
            )
        with stages.stage("write"):
            shutil.rmtree(workspace.result, ignore_errors=True)
            workspace.result.mkdir(parents=True)
            files, digest = output.write_output(
                workspace.result, made.items, made.rejected, config, plan.translation.signature
            )
        counts = output.counts_of(made.read, made.passed, made.rejected)
        spark = session()
        versions = environment(java_version(spark)) | {"ctranslate2": ctranslate2.__version__}
        files.sort(key=lambda file: file.path)
        made_from = _made_from(plan, seeds, made, ledger)
        run = run_manifest(MI_EVAL, config, made_from, counts, files, digest, versions)
        run["work"] = {"requests": generator.asked}
        return finish_and_publish(spark, workspace, run, stages, finish)


@dataclass
class Made:
    """What came of all rounds."""

    items: list[Item]
    rejected: list[Candidate]
    read: Counter[str]  # by stage
    passed: Counter[str]
    rounds: int = 0
    stopped: str = ""


def _rounds(
    session: Callable[[], SparkSession],
    plan: Plan,
    pool: Pool,
    generator: Generator,
    folder: Path,
    stages: Stages,
) -> Made:
    config = plan.config
    made = Made([], [], Counter(), Counter())
    fruitless = 0
    while not made.stopped:
        number, before, asked = made.rounds, len(made.items), generator.asked
        with stages.stage("generate", done=partial(_since, generator, asked), units=("answers",)):
            one = make_round(number, pool, generator, config)
        found = [_with_seed_similarity(candidate, pool) for candidate in one.instances]
        items, fallen = in_all_languages(
            session, found, folder / f"{number:05d}", config, plan.training, stages
        )
        room = config.size - len(made.items)
        surplus = [
            replace(item.candidate, stage="languages", fault=Fault("beyond_size")) for item in items[room:]
        ]
        made.items += items[:room]
        made.rejected += [*one.rejected, *fallen, *surplus]
        made.rounds += 1
        made.read += one.read + Counter(languages=len(found))
        made.passed += one.passed + Counter(languages=len(items[:room]))
        fruitless = fruitless + 1 if len(made.items) == before else 0
        if len(made.items) == config.size:
            made.stopped = "size"
        elif generator.ledger.spent:
            made.stopped = "budget"
        elif fruitless == config.generation.fruitless_rounds:
            made.stopped = "fruitless"
    return made


def _since(generator: Generator, asked: int) -> int:
    return generator.asked - asked


def _with_seed_similarity(one: Candidate, pool: Pool) -> Candidate:
    near = pool.index.nearest(one.instruction, among=len(pool.seeds))
    return replace(one, seed_similarity=near.score if near else 0.0)


def _most_frequent(rejected: Sequence[Candidate]) -> str:
    reasons = [one.fault.reason for one in rejected if one.fault is not None]
    names = sorted(set(reasons), key=lambda name: (-reasons.count(name), name))[:5]
    return ", ".join(f"{name} {reasons.count(name):,}" for name in names) or "nothing was generated"


def _made_from(plan: Plan, seeds: Seeds, made: Made, ledger: Ledger) -> dict[str, Any]:
    config = plan.config
    return {
        "inputs": list(seeds.inputs),
        "training": [
            {"path": file_label(path), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in plan.training.files
        ],
        "generator": {
            "model": config.generator.model,
            "requests": ledger.requests,
            "prompt_tokens": ledger.prompt_tokens,
            "completion_tokens": ledger.completion_tokens,
            "money": round(ledger.money, 6),
        },
        "engine": plan.translation.made_by(),
        "lid_model": named(plan.translation.lid_model),
        "rounds": made.rounds,
        "stopped": made.stopped,
        "failed_languages": output.failed_languages(made.rejected),
    }
