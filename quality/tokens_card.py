"""The card of tokenised data: `README.md` beside the shards, made from the manifest alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.atomic import replacing
from pipelines.markdown import table
from pipelines.shards.manifest import splits_of
from quality.licenses import of_whole
from quality.parallel_card import configs, front_matter, reasons_table
from schemas.tokens import REASONS, TOKENS


def write_card(result: Path, manifest: Mapping[str, Any]) -> None:
    """Writes `tokens/README.md` under `result`, so that `datasets.load_dataset` finds every mixture."""
    splits = splits_of(manifest)
    languages = sorted({count["lang"] for count in manifest["counts"]})
    rows = sum(count["kept"] for count in manifest["counts"])
    header = front_matter(
        "Polyinstruct tokens",
        languages,
        of_whole({"unknown"}),  # tokens carry no licence of their own: the shards that they were made of do
        rows,
        ["text-generation"],
        configs(splits, TOKENS),
    )
    with replacing(result / "tokens" / "README.md") as path:
        path.write_text(header + "\n".join(_body(manifest)), encoding="utf-8")


def _body(manifest: Mapping[str, Any]) -> list[str]:
    config, tokenizer = manifest["config"], manifest["tokenizer"]
    return [
        "# Polyinstruct tokens",
        "",
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
        "## Columns",
        "",
        *table(
            ("column", "type", "meaning"), [(f"`{f.name}`", f.type, f.description) for f in TOKENS.fields]
        ),
        "",
    ]
