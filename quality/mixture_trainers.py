"""Files by which trainers find the mixtures: LLaMA-Factory's `dataset_info.json`, a part of Axolotl's configuration.

LLaMA-Factory (data/README.md): `file_name` is a file beside `dataset_info.json`; a folder would be read whole,
validation included, so that each shard is a dataset of its own. Axolotl (docs/dataset-formats): `path` may be a local
folder, of which `name` is a config and `split` a split; `type: alpaca` reads instruction, input and output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipelines.atomic import replacing, write_json

_COLUMNS = {"prompt": "instruction", "query": "input", "response": "output"}


def write_trainer_files(folder: Path, outputs: Sequence[Mapping[str, Any]]) -> None:
    """Writes both files into the published folder, from its files (paths relative to it)."""
    write_json(folder / "dataset_info.json", dataset_info([file["path"] for file in outputs]))
    text = "# datasets and test_datasets of an Axolotl configuration; path: this folder, or the repository on the Hub\n"
    with replacing(folder / "axolotl.yaml") as temporary:
        snippets = axolotl([file["path"] for file in outputs])
        temporary.write_text(
            text + "".join(f"# {name}\n" + _commented(one) for name, one in snippets.items()),
            encoding="utf-8",
        )


def dataset_info(paths: Sequence[str]) -> dict[str, Any]:
    """LLaMA-Factory's datasets by name: `<mixture>`, `<mixture>-validation`, with a number where there are shards."""
    found: dict[str, Any] = {}
    for path in sorted(paths):
        mixture, file = path.split("/")
        split, number, _, total = file.removesuffix(".parquet").split("-")
        name = mixture if split == "train" else f"{mixture}-{split}"
        if int(total) > 1:
            name = f"{name}-{number}"
        found[name] = {"file_name": path, "formatting": "alpaca", "columns": _COLUMNS}
    return found


def axolotl(paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A part of Axolotl's configuration for each mixture."""
    found: dict[str, dict[str, Any]] = {}
    for mixture in sorted({path.split("/")[0] for path in paths}):
        one = {"path": ".", "name": mixture, "type": "alpaca"}
        found[mixture] = {"datasets": [one | {"split": "train"}]}
        if any(path.startswith(f"{mixture}/validation-") for path in paths):
            found[mixture]["test_datasets"] = [one | {"split": "validation"}]
    return found


def _commented(one: Mapping[str, Any]) -> str:
    """One mixture's part; a file can hold only one of them, so that all stand as comments to be taken out."""
    return "".join(f"# {line}\n" for line in yaml.safe_dump(dict(one), sort_keys=False).splitlines())
