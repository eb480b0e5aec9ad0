"""The manifest of translated instructions: what a run read and wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ctranslate2

from pipelines.errors import InvariantError
from pipelines.shards import manifest
from pipelines.shards.manifest import environment, named
from pipelines.translation.chunks import ReadFile
from pipelines.translation.write import WrittenLanguage
from schemas.datasets import TRANSLATED
from schemas.reasons import KEPT
from schemas.translation_run import TranslationRun


def run_manifest(
    config: TranslationRun,
    engine: Mapping[str, Any],
    lid_model: Path,
    read: Sequence[ReadFile],
    written: Sequence[WrittenLanguage],
    java: str,
) -> dict[str, Any]:
    """`<output>/manifest.json`, but for what the audit found and how long the stages took.

    Raises `InvariantError` unless each record of each file was kept or rejected, once in each language.
    """
    counts = [_count(language, file) for language in written for file in read]
    made_from = {
        "inputs": [
            {"path": file.path, "records": file.records, "bytes": file.bytes, "sha256": file.sha256}
            | ({"broken": file.broken} if file.broken else {})
            for file in read
        ],
        "engine": dict(engine),
        "lid_model": named(lid_model),
    }
    files = sorted((file for language in written for file in language.files), key=lambda file: file.path)
    digests = [f"{language.lang} {language.sha256}" for language in sorted(written, key=lambda w: w.lang)]
    content = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    versions = environment(java) | {"ctranslate2": ctranslate2.__version__}
    return manifest.run_manifest(TRANSLATED, config, made_from, counts, files, content, versions)


def _count(language: WrittenLanguage, file: ReadFile) -> dict[str, Any]:
    """What became of a file's records in a language."""
    kept: dict[str, int] = {}
    rejected: dict[str, int] = {}
    for (name, route, reason), rows in sorted(language.counts.items()):
        if name == file.path:
            into, key = (kept, route) if reason == KEPT else (rejected, reason)
            into[key] = into.get(key, 0) + rows
    if file.records != sum(kept.values()) + sum(rejected.values()):
        raise InvariantError(
            f"{file.path}, {language.lang}: {file.records} records read, but {kept} kept, {rejected} rejected"
        )
    return {
        "file": file.path,
        "lang": language.lang,
        "read": file.records,
        "kept": sum(kept.values()),
        "routes": kept,
        "rejected": rejected,
    }
