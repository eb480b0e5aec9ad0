"""Fetching a model from the Hugging Face Hub, and what its card says of the licence."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from pipelines.errors import UserError

_ALWAYS = ["*.json", "*.model", "*.spm", "README.md"]
LOCAL = "local"


def fetch_model(name: str, revision: str | None) -> tuple[Path, str]:
    """The directory of a model and its commit on the Hub (`local` for a directory).

    Weights come as safetensors where the repository has them. Raises `UserError`.
    """
    if Path(name).is_dir():
        return Path(name), LOCAL
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise UserError(
            f"--model {name}: is no directory, and no name on the Hub (like facebook/nllb-200-distilled-600M)"
        )
    try:
        files = huggingface_hub.list_repo_files(name, revision=revision)
        safe = any(file == "model.safetensors.index.json" or file == "model.safetensors" for file in files)
        weights = ["model*.safetensors"] if safe else ["pytorch_model*.bin"]
        snapshot = huggingface_hub.snapshot_download(
            name, revision=revision, allow_patterns=_ALWAYS + weights
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(f"--model {name}: cannot be fetched from the Hub: {_first_line(error)}") from None
    path = Path(snapshot)
    return path, path.name  # a snapshot's folder bears the name of its commit


def card_license(path: Path) -> str:
    """The licence in the metadata of a model's card; `unknown` if there is none."""
    card = path / "README.md"
    if not card.is_file():
        return "unknown"
    found = huggingface_hub.ModelCard.load(card, ignore_metadata_errors=True).data.get("license")
    return str(found) if found else "unknown"


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
