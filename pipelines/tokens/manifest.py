"""What the manifest of tokenised data tells: what a run read and wrote."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.shards import manifest as shards
from pipelines.shards.workspace import code_sha256
from pipelines.tokens.write import FIGURES, Key, Placed
from schemas.datasets import TOKENS
from schemas.reasons import KEPT
from schemas.tokens_run import TokenizeRun


def content_key(config: TokenizeRun, tokenizer_sha256: str, source: str) -> str:
    """Of all that tokens depend on: shards (`source` is their content's hash), tokenizer, configuration and code."""
    parts = [code_sha256(), config.identity(), tokenizer_sha256, source]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def run_manifest(
    config: TokenizeRun,
    key: str,
    inputs: Sequence[Mapping[str, Any]],
    tokenizer: Mapping[str, Any],
    placed: Sequence[Placed],
    java: str,
) -> dict[str, Any]:
    """`<output>/manifest.json`, but for what the audit found and how long the stages took."""
    return shards.run_manifest(
        TOKENS,
        config,
        {"key": key, "inputs": list(inputs), "tokenizer": dict(tokenizer)},
        _counts(placed),
        sorted((file for unit in placed for file in unit.files), key=lambda file: file.path),
        hashlib.sha256("\n".join(unit.sha256 for unit in placed).encode()).hexdigest(),
        shards.environment(java),
    )


def _counts(placed: Sequence[Placed]) -> list[dict[str, Any]]:
    """What became of the rows of each mixture, split, language, task and language of the answer."""
    rows: dict[Key, Counter[str]] = {}
    figures: dict[Key, Counter[str]] = {}
    for unit in placed:
        for key, reasons in unit.rows.items():
            rows.setdefault(key, Counter()).update(reasons)
        for key, found in unit.figures.items():
            figures.setdefault(key, Counter()).update(found)
    return [
        {
            **dict(zip(("mixture", "split", "lang", "task", "answer_lang"), key, strict=True)),
            "read": sum(rows[key].values()),
            "kept": rows[key][KEPT],
            "rejected": {reason: number for reason, number in sorted(rows[key].items()) if reason != KEPT},
            **{name: figures.get(key, Counter())[name] for name in FIGURES},
        }
        for key in sorted(rows)
    ]
