"""A small published folder of instruction shards, made of the samples, in the form in which mixtures are published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets_of_ours import describe, written
from job_process import ROOT

from schemas.datasets import MIXTURE
from schemas.mixture import INSTRUCTIONS

SAMPLES = ROOT / "samples"


def rows() -> Iterator[dict[str, Any]]:
    """English and Chinese records, and sentences to translate into Chinese."""
    records = json.loads((SAMPLES / "alpaca_data.json").read_text(encoding="utf-8"))
    for number, record in enumerate(records):
        yield row(f"en-{number}", "en", **record)
    for line in (SAMPLES / "alpaca_translations.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["lang"] == "zh":
            fields = {name: record[name] for name in ("instruction", "input", "output")}
            yield row(f"zh-{record['index']}", "zh", **fields)
    for line in (SAMPLES / "text" / "everyday.jsonl").read_text(encoding="utf-8").splitlines():
        texts = json.loads(line)
        asked = "Translate the following sentences from English to Chinese."
        yield row(
            hashlib.sha256(line.encode()).hexdigest()[:32], "zh", asked, texts["en"], texts["zh"], "en-zh"
        )


def row(
    id: str, lang: str, instruction: str, input: str, output: str, direction: str | None = None
) -> dict[str, Any]:
    asked = f"{instruction}\n\n{input}" if input else instruction
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": output}]
    return {
        "source_ids": [id],
        "source": "parallel" if direction else "alpaca",
        "license": "CC0-1.0",
        "pairs": int(direction is not None),
        "repeat": 0,
        "keys": [],
        "split": "train",
        "id": id,
        "lang": lang,
        "task": "translation" if direction else "general",
        "direction": direction,
        "instruction": instruction,
        "input": input,
        "output": output,
        "messages": turns,
    }


def write_shards(folder: Path, given: list[dict[str, Any]] | None = None, mixture: str = "coit-zh") -> Path:
    """Writes the rows (default: the samples'), every eighth for validation; returns the folder."""
    table = list(rows()) if given is None else given
    splits = {
        "train": [one for place, one in enumerate(table) if given or place % 8],
        "validation": [one for place, one in enumerate(table) if not given and place % 8 == 0],
    }
    outputs = []
    for split, part in splits.items():
        if part:
            path = folder / "instructions" / mixture / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(part, schema=INSTRUCTIONS.arrow()), path, row_group_size=100)
            outputs.append(written(folder / "instructions", path, len(part)))
    describe(folder / "instructions", MIXTURE, outputs)
    return folder
