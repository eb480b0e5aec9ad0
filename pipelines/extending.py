"""From a base model's tokenizer and text of other languages to a larger tokenizer: sample, learn, measure, publish."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import __version__, tokenizers
from pipelines.atomic import write_json
from pipelines.errors import InvariantError, UserError
from pipelines.progress import Stages
from pipelines.shards.workspace import open_workspace
from pipelines.shards.write import sha256_of
from pipelines.tokens import documents
from pipelines.tokens.extended_files import FAST, MODEL, check_files, write_files
from pipelines.tokens.line_sample import LineSample, sample_lines
from pipelines.tokens.tokenizer import load_tokenizer, tokenizer_files, tokenizer_sha256
from schemas.extend_run import ExtendRun

_MEASURED_BYTES = 4 << 20  # of a language's text: what a share is measured on to a thousandth


@dataclass(frozen=True)
class Plan:
    """What is known, and checked, before any text is read. `base` is the SentencePiece model, `files` the base's."""

    config: ExtendRun
    files: dict[str, Path]
    base: Any


def plan(config: ExtendRun) -> Plan:
    """Checks everything that can be checked without reading text. Raises `UserError` with all problems."""
    try:
        from pipelines.tokens.extension import read_bpe
    except ImportError as error:
        raise UserError(
            f"extend_tokenizer needs {error.name}: pip install 'polyinstruct[translate]'"
        ) from None
    problems = documents.check_files(config.text)
    try:
        files = tokenizer_files(config.tokenizer)
        model = config.tokenizer if config.tokenizer.is_file() else files.get(MODEL)
        if model is None or model.suffix == ".json":
            raise UserError(
                f"tokenizer: {config.tokenizer}: has no {MODEL}; expected a SentencePiece BPE model"
            )
        base = read_bpe(model)
        check_files(files, base)
        load_tokenizer(config.tokenizer)
    except UserError as error:
        problems += error.problems
    if problems:
        raise UserError(*problems)
    return Plan(config, files, base)


def extend_tokenizer(plan: Plan, overwrite: bool) -> dict[str, Any]:
    """Makes and publishes the tokenizer; returns its manifest.

    The manifest's `measured` counts lines, words, characters and tokens of documents that no piece was learned from.
    Raises `UserError` and `InvariantError`.
    """
    from pipelines.tokens.extension import extend, learn_pieces

    config, stages = plan.config, Stages()
    with open_workspace(config.output, config.sha256()[:16], overwrite) as workspace:
        share = (config.sample_mb << 20) // len(config.languages)
        train = {lang: LineSample(config.seed, share) for lang in config.languages}
        held_out = {lang: LineSample(config.seed, _MEASURED_BYTES) for lang in config.text}
        with stages.stage("read"):
            inputs = sample_lines(config.text, config.text_validation, train, held_out)
        with stages.stage("learn"):
            lines = [line for sample in train.values() for line in sample.lines()]
            latin = any("Latin" in config.language(lang).scripts for lang in config.languages)
            pieces = learn_pieces(plan.base, lines, config.pieces, latin) if lines else []
            if not pieces:
                raise UserError("text: the documents hold no piece that the tokenizer lacks")
        shutil.rmtree(workspace.result, ignore_errors=True)
        workspace.result.mkdir()
        write_files(workspace.result, plan.files, plan.base, extend(plan.base, pieces))
        with stages.stage("measure"):
            lines_of = {lang: sample.lines() for lang, sample in held_out.items()}
            measured = _measured(lines_of, config.tokenizer, workspace.result)
            if FAST in plan.files:
                _check_alike(lines_of, plan.files, workspace.result)
        manifest = {
            "polyinstruct": __version__,
            "config": config.identity(),
            "base": {
                "name": config.tokenizer.absolute().name,
                "sha256": tokenizer_sha256(config.tokenizer),
                "vocab_size": len(plan.base.pieces),
            },
            "inputs": inputs,
            "sampled": {lang: {"lines": len(one.lines()), "bytes": one.bytes} for lang, one in train.items()},
            "pieces": {"asked": config.pieces, "added": len(pieces)},
            "vocab_size": len(plan.base.pieces) + len(pieces),
            "measured": measured,
            "outputs": {path.name: sha256_of(path) for path in sorted(workspace.result.iterdir())},
            "environment": _environment(),
        }
        write_json(workspace.result / "manifest.json", manifest)
        workspace.publish()
    return manifest


def _measured(lines_of: Mapping[str, Sequence[str]], base: Path, extended: Path) -> dict[str, dict[str, int]]:
    """By language: what there is of text, its tokens before and after, and how many lines have the same in both."""
    before, after = load_tokenizer(base), load_tokenizer(extended)
    found = {}
    for lang, lines in lines_of.items():
        old, new = before.encode(lines), after.encode(lines)
        found[lang] = {
            "lines": len(lines),
            "words": sum(len(line.split()) for line in lines),
            "characters": sum(map(len, lines)),
            "tokens_before": sum(map(len, old)),
            "tokens_after": sum(map(len, new)),
            "unchanged_lines": sum(one == other for one, other in zip(old, new, strict=True)),
        }
    return found


def _check_alike(lines_of: Mapping[str, Sequence[str]], files: Mapping[str, Path], extended: Path) -> None:
    """Raises `InvariantError` if the extended tokenizer's two forms differ on a line on which the base's agree."""
    lines = [line for held in lines_of.values() for line in held]
    forms = (files[MODEL], files[FAST], extended / MODEL, extended / FAST)
    encoded = [tokenizers.load_tokenizer(str(path)).encode(lines) for path in forms]
    for line, *ids in zip(lines, *encoded, strict=True):
        if ids[0] == ids[1] and ids[2] != ids[3]:
            raise InvariantError(f"the new {MODEL} and {FAST} tokenise {line!r} differently")


def _environment() -> dict[str, str]:
    import sentencepiece

    return {"python": platform.python_version(), "sentencepiece": sentencepiece.__version__}
