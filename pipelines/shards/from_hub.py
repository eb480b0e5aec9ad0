"""Datasets of the Hugging Face Hub, as local folders."""

from __future__ import annotations

from pathlib import Path

from pipelines.errors import UserError


def fetched(name: str) -> Path:
    """The folder into which a dataset of the Hub, `OWNER/NAME[@REVISION]`, was downloaded. Raises `UserError`."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, repo_type="dataset", revision=revision or None))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason, *_ = [*str(error).strip().splitlines(), type(error).__name__]
        raise UserError(f"{name}: cannot be fetched from the Hub ({reason})") from None
