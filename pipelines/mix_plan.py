"""What is known of mixtures, and checked, before Spark starts: the sources, the allocation, tokenizer, models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from pipelines import lid
from pipelines.dedup import texts
from pipelines.errors import UserError
from pipelines.mixture import sources
from pipelines.mixture.sources import Made
from pipelines.shards.workspace import code_sha256
from pipelines.shards.write import sha256_of
from pipelines.tokenizers import load_tokenizer, tokenizer_file
from schemas.datasets import PARALLEL, TRANSLATED
from schemas.mixture_run import MixtureRun
from schemas.spelling import did_you_mean


@dataclass(frozen=True)
class Plan:
    """What is known, and checked, before Spark starts."""

    config: MixtureRun
    parallel: Made | None
    general: dict[str, Made]
    allocation: dict[str, int] | None
    tokenizer: Path | None
    lid_model: Path
    eval_files: tuple[Path, ...]

    def parts(self) -> list[tuple[str, str, str | None]]:
        """Source, language and direction of every part that a mixture asks for."""
        names = dict.fromkeys(part.name for one in self.config.expanded().values() for part in one.parts)
        return [parsed for name in names if (parsed := self.config.parse(name)) is not None]

    def fingerprint(self) -> str:
        """Of everything the output depends on; files by size and time of change, for reading them takes long."""
        files = [
            path
            for source, lang, _ in self.parts()
            if source in self.config.general
            for path in self.config.general[source].files.get(lang, [])
        ]
        stats = [
            (str(path.absolute()), path.stat().st_size, path.stat().st_mtime_ns)
            for path in [*files, *self.eval_files]
        ]
        made = [self.parallel, *self.general.values()]
        parts = [
            code_sha256(),
            self.config.sha256(),
            [one.content_sha256 if one else None for one in made],
            self.allocation,
            sha256_of(self.tokenizer) if self.tokenizer else None,
            sha256_of(self.lid_model),
            stats,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def plan(config: MixtureRun) -> Plan:
    """Checks everything that can be checked without reading rows. Raises `UserError` with all problems."""
    problems: list[str] = []

    def tried(make: Callable[[], Any]) -> Any:
        try:
            return make()
        except UserError as error:
            problems.extend(error.problems)
            return None

    wanted = {config.parse(part.name) for one in config.expanded().values() for part in one.parts}
    used = {parsed[0] for parsed in wanted if parsed}
    parallel = None
    if "parallel" in used and config.translation.path is not None:
        path = config.translation.path
        parallel = tried(lambda: sources.open_made(path, "translation.path", PARALLEL))
    general: dict[str, Made] = {}
    for name, one in config.general.items():
        if name in used and one.path is not None:
            opened = tried(partial(sources.open_made, one.path, f"general.{name}.path", TRANSLATED))
            if opened is not None:
                general[name] = opened
        for files in one.files.values() if name in used else ():
            problems += [
                f"general.{name}.files: {path}: no such file" for path in files if not path.is_file()
            ]
    for parsed in sorted(filter(None, wanted), key=str):
        problems += _lacking(parsed, parallel, general)
    allocation = tried(lambda: _allocation(config))
    tokenizer = None
    if config.tokenizer.path is not None:
        given = config.tokenizer.path
        tokenizer = tried(lambda: tokenizer_file(given, "tokenizer.path"))
        if tokenizer is not None:
            tried(lambda: load_tokenizer(str(tokenizer), "tokenizer.path"))
    model = config.lid.model or lid.default_model()
    tried(lambda: lid.load_model(str(model)))
    eval_files: list[Path] = []
    if config.eval.path is not None and not config.eval.path.is_dir():
        problems.append(f"eval.path: {config.eval.path} is no folder")
    elif config.eval.path is not None:
        eval_files = texts.eval_files(config.eval.path)
    if problems:
        raise UserError(*problems)
    return Plan(config, parallel, general, allocation, tokenizer, model, tuple(eval_files))


def _lacking(
    parsed: tuple[str, str, str | None], parallel: Made | None, general: Mapping[str, Made]
) -> list[str]:
    """What a part asks for and its dataset does not have."""
    source, lang, direction = parsed
    if direction is not None:
        if parallel is not None and f"en-{lang}" not in parallel.rows:
            there = ", ".join(sorted(parallel.rows)) or "none"
            return [
                f"translation.path: {parallel.folder} has no pair en-{lang}, which {direction} needs; it has {there}"
            ]
    elif source in general and lang not in general[source].rows:
        there = ", ".join(sorted(general[source].rows)) or "none"
        return [f"general.{source}.path: {general[source].folder} has no rows in {lang}; it has {there}"]
    return []


def _allocation(config: MixtureRun) -> dict[str, int] | None:
    """The pairs of each language, as given or as plan_mixture wrote them. Raises `UserError`."""
    given = config.translation.allocation
    if given is None:
        return None
    where = "translation.allocation"
    rows: Any = given
    if isinstance(given, Path):
        where = f"{where}: {given}"
        try:
            rows = yaml.safe_load(given.read_text(encoding="utf-8"))["allocation"]
        except OSError as error:
            raise UserError(f"{where}: cannot be read ({error.strerror})") from None
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
            raise UserError(
                f"{where}: expected what plan_mixture wrote, with allocation: {{zh: ...}}"
            ) from None
    if not isinstance(rows, dict) or not rows:
        raise UserError(f"{where}: expected rows for each language, like {{zh: 40000}}")
    problems = [
        f"{where}: {lang}: expected a number of rows, found {number!r}"
        for lang, number in rows.items()
        if isinstance(number, bool) or not isinstance(number, int) or number < 0
    ]
    problems += [
        f"{where}: {lang}: is none of the languages{did_you_mean(str(lang), config.languages)}"
        for lang in rows
        if lang not in config.languages
    ]
    if problems:
        raise UserError(*problems)
    return dict(rows)
