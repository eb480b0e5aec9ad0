"""The card of tokenised data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.markdown import table
from pipelines.shards.published import DatasetFolder
from quality import cards
from quality.cards import reasons_table
from quality.licenses import of_whole
from schemas.tokens import REASONS


def write_card(dataset: DatasetFolder) -> None:
    """Writes the card of tokens, made from the manifest alone."""
    manifest = dataset.manifest
    languages = sorted({count["lang"] for count in manifest["counts"]})
    whole = of_whole(
        {"unknown"}
    )  # tokens carry no licence of their own: the shards that they were made of do
    cards.write_card(dataset, "Polyinstruct tokens", languages, whole, "text-generation", _body(manifest))


def _body(manifest: Mapping[str, Any]) -> list[str]:
    config, tokenizer = manifest["config"], manifest["tokenizer"]
    return [
        f"Training examples as tokens of `{tokenizer['name']}` (SHA-256 `{tokenizer['sha256'][:16]}`), at most "
        f"{config['max_length']} each, with the prompt format `{config['template']}`. The licences are those of the "
        "shards that they were made of (`inputs` in `manifest.json`).",
        "",
        "## Rows",
        "",
        *table(
            ("mixture", "split", "language", "task", "rows", "tokens", "learned", "truncated"),
            [
                (
                    *(count[name] for name in ("mixture", "split", "lang", "task")),
                    *(f"{count[name]:,}" for name in ("kept", "tokens", "learned", "truncated")),
                )
                for count in manifest["counts"]
            ],
        ),
        "",
        "## Left out",
        "",
        *reasons_table(manifest["counts"], REASONS),
        "",
    ]
