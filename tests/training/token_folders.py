"""Published folders of tokens, without a tokenizer: rows that say which they are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.tokens import TOKENS


def write_tokens(
    folder: Path, rows: int, mixture: str = "coit-zh", splits: tuple[str, ...] = ("train",)
) -> Path:
    """A published folder of tokens: row i of a split is i + 2 times the token i, in two shards."""
    outputs = []
    for split in splits:
        for number, part in enumerate(np.array_split(np.arange(rows), 2)):
            table = pa.Table.from_pylist([_row(int(place)) for place in part], schema=TOKENS.arrow())
            path = folder / mixture / f"{split}-{number:05d}-of-00002.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path)
            outputs.append(
                {
                    "path": path.relative_to(folder).as_posix(),
                    "rows": len(part),
                    "bytes": path.stat().st_size,
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
            )
    tokenizer = {"name": "t", "sha256": "", "vocab_size": 4000, "bos_id": 1, "eos_id": 2}
    manifest = {"content_sha256": "c" * 64, "outputs": outputs, "tokenizer": tokenizer}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _row(place: int) -> dict[str, Any]:
    length = place % 7 + 2
    return {
        "id": str(place),
        "lang": "zh" if place % 3 else "en",
        "task": "general",
        "direction": None,
        "input_ids": [place] * length,
        "length": length,
        "prompt_tokens": 1,
        "full_length": length,
        "unknown": 0,
        "characters": 1,
        "words": 1,
    }
