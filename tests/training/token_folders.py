"""Published folders of tokens, without a tokenizer: rows that say which they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets_of_ours import describe, written

from schemas import datasets
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
            outputs.append(written(folder, path, len(part)))
    tokenizer = {"name": "t", "sha256": "", "vocab_size": 4000, "bos_id": 1, "eos_id": 2}
    return describe(folder, datasets.TOKENS, outputs, tokenizer=tokenizer, content_sha256="c" * 64)


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
