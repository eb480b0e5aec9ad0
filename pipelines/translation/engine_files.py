"""An engine directory: opening it, and every way in which one can be wrong.

engine.json                     what it is (schemas/engine.py)
model.bin config.json *.json    the CTranslate2 model and its vocabulary
source.spm target.spm           the sentencepiece models; one and the same file for most families, then source.spm
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipelines.errors import UserError
from pipelines.translation.families import FAMILIES, Family
from schemas.engine import ENGINE_VERSION, FILE_NAME, EngineFile, EngineManifest

SOURCE_SPM, TARGET_SPM = "source.spm", "target.spm"
_AGAIN = "make it again with jobs/prepare_engine.py"


@dataclass(frozen=True)
class EngineDirectory:
    """An engine that was found whole."""

    path: Path
    manifest: EngineManifest

    @property
    def family(self) -> Family:
        return FAMILIES[self.manifest.family]

    @property
    def source_spm(self) -> Path:
        return self.path / SOURCE_SPM

    @property
    def target_spm(self) -> Path:
        return self.path / (TARGET_SPM if TARGET_SPM in self.manifest.files else SOURCE_SPM)

    def require(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Raises `UserError` unless the engine translates all these (source, target) languages."""
        sources, targets = set(), set()
        for source, target in pairs:
            sources |= {source} - set(self.manifest.source_tags)
            targets |= {target} - set(self.manifest.target_tags)
        problems = []
        for missing, known, way in (
            (sources, self.manifest.source_tags, "from"),
            (targets, self.manifest.target_tags, "into"),
        ):
            if missing:
                problems.append(
                    f"engine {self.path}: does not translate {way} {', '.join(sorted(missing))}, only {way} "
                    f"{', '.join(sorted(known))}; prepare one with these --languages"
                )
        if problems:
            raise UserError(*problems)


def open_directory(path: Path) -> EngineDirectory:
    """Reads `engine.json` and checks all that it says: files, their sizes and hashes, language tags.

    It reads every byte of the model (a second or so for a gigabyte), so a run does it once, on the driver. Raises
    `UserError`.
    """
    manifest = read_manifest(path)
    directory = EngineDirectory(path, manifest)
    problems = [
        problem for name, file in manifest.files.items() if (problem := _problem(path / name, name, file))
    ]
    if problems:
        raise UserError(*(f"engine {path}: {problem}" for problem in problems))
    vocabulary = set(read_vocabulary(path))
    tags = {**manifest.source_tags, **manifest.target_tags}
    lost = {code: tag for code, tag in tags.items() if tag and tag not in vocabulary}
    if lost:
        raise UserError(
            *(
                f"engine {path}: the tag {tag!r} of language {code} is not in the model's vocabulary (it would be "
                f"read as {manifest.unknown_token}); {_AGAIN}"
                for code, tag in lost.items()
            )
        )
    return directory


def read_manifest(path: Path) -> EngineManifest:
    """Reads `engine.json`. Raises `UserError` if the directory, the file or its version is not what it should be."""
    if not path.is_dir():
        what = "is no directory" if path.exists() else "there is no such directory"
        raise UserError(f"engine {path}: {what}; make one with jobs/prepare_engine.py")
    file = path / FILE_NAME
    if not file.exists():
        raise UserError(
            f"engine {path}: is no engine directory, it has no {FILE_NAME}; make one with jobs/prepare_engine.py"
        )
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        version = data["version"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{file}: cannot be read as an engine's description; {_AGAIN}") from None
    if version != ENGINE_VERSION:
        raise UserError(
            f"{file}: is of version {version!r}, but this program reads version {ENGINE_VERSION}; {_AGAIN}"
        )
    try:
        manifest = EngineManifest.model_validate(data)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise UserError(f"{file}: {where}: {fault['msg']}; {_AGAIN}") from None
    if manifest.family not in FAMILIES:
        raise UserError(f"{file}: family: {manifest.family!r} is none of {', '.join(FAMILIES)}")
    return manifest


def read_vocabulary(path: Path) -> list[str]:
    """The target tokens of a CTranslate2 model, in the order of their ids."""
    for name in ("shared_vocabulary.json", "target_vocabulary.json"):
        if (path / name).exists():
            tokens: list[str] = json.loads((path / name).read_text(encoding="utf-8"))
            return tokens
    raise UserError(f"engine {path}: has no vocabulary; {_AGAIN}")


def describe(path: Path) -> EngineFile:
    """The size and SHA-256 of a file."""
    with path.open("rb") as file:
        return EngineFile(bytes=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _problem(path: Path, name: str, expected: EngineFile) -> str | None:
    if not path.is_file():
        return f"{name} is missing; {_AGAIN}"
    size = path.stat().st_size
    if size != expected.bytes:
        return f"{name} has {size:,} bytes where {FILE_NAME} says {expected.bytes:,}; {_AGAIN}"
    if describe(path) != expected:
        return f"{name} was altered since the engine was prepared (its SHA-256 is another); {_AGAIN}"
    return None
