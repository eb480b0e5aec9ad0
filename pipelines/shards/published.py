"""Opening a dataset that was built before, wherever it came from: whole and unaltered, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError
from pyspark.sql import DataFrame, SparkSession

from pipelines.errors import UserError
from pipelines.shards.workspace import replaced
from pipelines.shards.write import sha256_of
from schemas.config import RunConfig
from schemas.datasets import KINDS, PARALLEL, Kind
from schemas.fields import Dataset


@dataclass(frozen=True)
class DatasetFolder:
    """A dataset on disk: the output of a run, or its published folder alone.

    `folder` holds what `manifest["outputs"]` names.
    """

    folder: Path
    manifest: dict[str, Any]

    @property
    def kind(self) -> Kind:
        return KINDS[self.manifest["dataset"]]

    @property
    def whole(self) -> bool:
        """Whether it is the output of a run, with the rows that are not published."""
        return (self.folder / self.kind.published / "manifest.json").is_file()

    @property
    def kept(self) -> Path:
        """The folder with the kept rows, which is what gets published."""
        return self.folder / self.kind.published if self.whole else self.folder

    @property
    def rejected(self) -> Path | None:
        """The folder with the rejected rows, if they are there and there are any."""
        folder = self.folder / "rejected"
        return folder if self.whole and folder.is_dir() else None


@dataclass(frozen=True)
class BuiltDataset(DatasetFolder):
    """Parallel data on disk, with the configuration it was built by."""

    config: RunConfig


def read_rows(spark: SparkSession, declared: Dataset, folder: Path | None) -> DataFrame:
    """All rows of the shards below a folder, with the declared columns; none where there are no shards."""
    if folder is None or not folder.is_dir() or next(folder.rglob("*.parquet"), None) is None:
        return spark.createDataFrame([], declared.ddl())
    reader = spark.read.schema(declared.ddl()).option("recursiveFileLookup", "true")
    return reader.option("pathGlobFilter", "*.parquet").parquet(str(folder))


def open_parallel(folder: Path) -> BuiltDataset:
    """Opens parallel data (`open_dataset`). Raises `UserError` with all problems, another kind among them."""
    dataset = open_dataset(folder)
    if dataset.kind != PARALLEL:
        raise UserError(
            f"{folder}: was made by {dataset.kind.job}; expected parallel data, as {PARALLEL.job} makes it"
        )
    manifest = dataset.manifest
    try:
        config = RunConfig.model_validate(manifest["config"] | {"report": manifest.get("report", {})})
    except ValidationError as error:
        raise not_understood(folder, error) from None
    return BuiltDataset(folder, manifest, config)


def not_understood(folder: Path, error: ValidationError) -> UserError:
    """What to say of a manifest whose configuration this version does not know."""
    keys = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
    return UserError(f"{folder / 'manifest.json'}: its configuration is not understood ({keys})")


def open_published(path: Path, kind: Kind, checksums: bool = True) -> DatasetFolder:
    """Opens the published folder of a dataset of this kind (`open_dataset`), or the one in the output of its job.

    Raises `UserError` with all problems, another kind among them.
    """
    inner = path / kind.published
    dataset = open_dataset(inner if (inner / "manifest.json").is_file() else path, checksums)
    if dataset.kind != kind:
        raise UserError(f"{path} was made by {dataset.kind.job}; expected what {kind.job} made")
    return dataset


def open_dataset(folder: Path, checksums: bool = True) -> DatasetFolder:
    """Opens a dataset and checks every file that its manifest names: there, unaltered, of the declared columns.

    Without `checksums`, which take long, a file is taken for unaltered if it has its size. Raises `UserError` with all
    problems.
    """
    dataset = DatasetFolder(folder, _read_manifest(folder))
    problems = [
        problem for file in dataset.manifest["outputs"] for problem in _check(dataset, file, checksums)
    ]
    listed = {file["path"] for file in dataset.manifest["outputs"]}
    problems += [
        f"{path}: is not named in the manifest; was it added afterwards?"
        for path in sorted(folder.rglob("*.parquet"))
        if path.relative_to(folder).as_posix() not in listed
    ]
    if problems:
        raise UserError(*problems)
    return dataset


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not folder.is_dir():
        if replaced(folder).is_dir():
            raise UserError(
                f"{folder}: was being replaced when its run was stopped; run that command again, which completes it"
            )
        raise UserError(f"{folder}: is no folder")
    if not path.exists():
        if ".staging" in folder.absolute().as_posix():
            raise UserError(
                f"{folder}: is a build that has not been published; run its command again to finish it"
            )
        raise UserError(
            f"{folder}: holds no manifest.json; expected the output of a job, or the published folder in it"
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    if not isinstance(manifest, dict):
        raise UserError(f"{path}: expected an object")
    kind = KINDS.get(str(manifest.get("dataset")))
    if kind is None:
        raise UserError(
            f"{path}: dataset: expected one of {', '.join(KINDS)}; found {manifest.get('dataset')!r}"
        )
    if manifest.get("version", kind.version) != kind.version:
        raise UserError(
            f"{folder}: has schema version {manifest['version']}, and this polyinstruct reads {kind.version}; "
            "use the polyinstruct that wrote it, or build it again"
        )
    try:
        kind.manifest.model_validate(manifest)
    except ValidationError as error:
        raise UserError(*(f"{path}: {_fault(problem)}" for problem in error.errors())) from None
    return manifest


def _fault(problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"


def _check(dataset: DatasetFolder, file: dict[str, Any], checksums: bool) -> list[str]:
    path = dataset.folder / file["path"]
    if not path.is_file():
        return [f"{path}: is missing; fetch the dataset again, or build it again"]
    if path.stat().st_size != file["bytes"] or (checksums and sha256_of(path) != file["sha256"]):
        return [f"{path}: was altered (it is not what the manifest says); fetch it again, or build it again"]
    name = file["path"].split("/")[0] if dataset.whole else dataset.kind.published
    declared = dataset.kind.folders.get(name)
    if declared is None:
        return [f"{path}: lies in no folder of a dataset that {dataset.kind.job} makes"]
    try:
        found = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        return [f"{path}: is no Parquet file ({error})"]
    if not found.schema.to_arrow_schema().remove_metadata().equals(declared.arrow().remove_metadata()):
        return [f"{path}: has other columns than the dataset `{declared.name}` of this version"]
    if found.num_rows != file["rows"]:
        return [f"{path}: holds {found.num_rows:,} rows, and the manifest says {file['rows']:,}"]
    return []
