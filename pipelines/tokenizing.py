"""Tokenising: instruction shards or texts in, a published folder of tokens out, which training reads as it is.

check ─► (cut texts into chunks) ─► tokenize ─► place ─► publish. What is made depends on the shards' content, the
tokenizer, the template, the length and the code: their hash is the manifest's `key`. An output that was made under the
key is left as it is, unless it is to be replaced.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.errors import InvariantError, UserError
from pipelines.finish import Finish, finish_and_publish
from pipelines.progress import Stages
from pipelines.session import java_version, tune_for
from pipelines.shards.from_hub import fetched
from pipelines.shards.published import open_published
from pipelines.shards.workspace import open_workspace
from pipelines.shards.write import sha256_of
from pipelines.tokens.chats import check_template
from pipelines.tokens.documents import check_files, cut_documents
from pipelines.tokens.manifest import content_key, run_manifest
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer, tokenizer_files, tokenizer_sha256
from pipelines.tokens.units import Unit, instruction_units
from pipelines.tokens.write import Placed, finished, place_units, tokenize_units
from schemas.datasets import MIXTURE
from schemas.tokens_run import TokenizeRun


@dataclass(frozen=True)
class Plan:
    """What is known, and checked, before Spark starts. `shards` are the instruction shards' folder and manifest."""

    config: TokenizeRun
    tokenizer: Tokenizer
    shards: tuple[Path, dict[str, Any]] | None
    key: str


def plan(config: TokenizeRun) -> Plan:
    """Checks everything that can be checked without reading rows. Raises `UserError` with all problems."""
    problems: list[str] = []
    tokenizer, shards = None, None
    try:
        tokenizer = load_tokenizer(config.tokenizer)
        if config.template == "chat" and tokenizer.chat_template is None:
            problems.append(f"template: {config.tokenizer} has no chat template; expected `alpaca`")
        elif config.template == "chat":
            check_template(tokenizer)
    except UserError as error:
        problems += error.problems
    if not config.text:
        try:
            shards = _shards(config)
        except UserError as error:
            problems += [f"input: {problem}" for problem in error.problems]
    problems += check_files(config.text)
    if problems or tokenizer is None:
        raise UserError(*problems)
    if shards is not None:
        source = str(shards[1]["content_sha256"])
    else:
        paths = [(lang, path) for lang, held in config.text.items() for path in held]
        digests = [f"{lang} {path.name} {sha256_of(path)}" for lang, path in paths]
        source = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return Plan(config, tokenizer, shards, content_key(config, tokenizer_sha256(config.tokenizer), source))


def _shards(config: TokenizeRun) -> tuple[Path, dict[str, Any]]:
    """The published folder of the instruction shards, with its manifest."""
    dataset = open_published(config.input or fetched(str(config.hub)), MIXTURE)
    if not sum(file["rows"] for file in dataset.manifest["outputs"]):
        raise UserError(f"{dataset.folder}: holds no rows")
    return dataset.folder, dataset.manifest


def tokenize(
    make_session: Callable[[], SparkSession], plan: Plan, overwrite: bool, finish: Finish
) -> dict[str, Any]:
    """Tokenises and publishes; returns the run's manifest.

    An output that was made under the same key is left as it is, unless `overwrite` is given. The steps of `finish`
    complete the staged result before it is published. Raises `UserError` and `InvariantError`.
    """
    config, stages = plan.config, Stages()
    if not overwrite and (made := _made(config.output, plan.key)) is not None:
        return made | {"seconds": {}}
    with open_workspace(config.output, plan.key[:16], overwrite) as workspace:
        units, inputs = _units(plan, workspace.folder, stages)
        with stages.stage("start"):
            spark = make_session()
        tune_for(spark, len(units), config.spark)
        pieces = workspace.folder / "pieces"
        with stages.stage("tokenize", len(units), partial(finished, units, pieces), ["row groups"]):
            tokenize_units(spark, units, config, pieces)
        shutil.rmtree(workspace.result, ignore_errors=True)
        with stages.stage("write"):
            placed = place_units(spark, units, config, pieces, workspace.result)
        _check_read(inputs, placed)
        run = run_manifest(config, plan.key, inputs, _described(plan), placed, java_version(spark))
        folder = workspace.result / "tokens"
        (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
        for name, path in tokenizer_files(config.tokenizer).items():
            shutil.copyfile(path, folder / "tokenizer" / name)
        return finish_and_publish(spark, workspace, run, stages, finish)


def _made(output: Path, key: str) -> dict[str, Any] | None:
    """The manifest of an output that was made under this key."""
    try:
        found: dict[str, Any] = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if found.get("key") == key else None


def _units(plan: Plan, folder: Path, stages: Stages) -> tuple[list[Unit], list[dict[str, Any]]]:
    config = plan.config
    if plan.shards is not None:
        shards, manifest = plan.shards
        inputs = [{name: file[name] for name in ("path", "rows", "sha256")} for file in manifest["outputs"]]
        return instruction_units(shards, manifest["outputs"]), inputs
    with stages.stage("read"):
        units, inputs = cut_documents(config.text, config.text_validation, config.seed, folder / "text")
    if not units:
        raise UserError("text: the files hold no documents")
    return units, inputs


def _check_read(inputs: list[dict[str, Any]], placed: list[Placed]) -> None:
    """Raises `InvariantError` unless each row of the shards, or document, was kept or rejected."""
    wanted = sum(file["rows"] for file in inputs)
    found = sum(unit.read for unit in placed)
    if wanted != found:
        raise InvariantError(f"{wanted} rows read, but {found} kept or rejected")


def _described(plan: Plan) -> dict[str, Any]:
    """What the manifest tells of the tokenizer."""
    tokenizer = plan.tokenizer
    return {
        "name": plan.config.tokenizer.name,
        "sha256": tokenizer_sha256(plan.config.tokenizer),
        "vocab_size": tokenizer.vocab_size,
        "bos_id": tokenizer.bos_id,
        "eos_id": tokenizer.eos_id,
    }
