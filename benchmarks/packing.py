"""How full packed rows are, on the lengths of real instruction records.

    python benchmarks/packing.py alpaca_data.json.gz --tokenizer DIR

Prints, for batches of 128 examples (in the trainer's order) cut at 512 tokens, and 1, 2 and 8 ranks: the share of slots
that hold tokens, as the trainer computes rows (`run`: a round costs its longest row on every rank), and in rows of full
length (`full`); then rows packed freely, without regard to batches; and padded batches of 4 as the baseline.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.console import Console
from rich.table import Table

from pipelines.tokens.prompts import alpaca_prompt
from pipelines.tokens.tokenizer import load_tokenizer
from pipelines.translation.records import Record, read_records
from training.data import permuted
from training.packing import best_fit, busy_share, plan_step

BATCH, MOST, ROW = 128, 512, 2048


def lengths_of(path: Path, tokenizer: Path) -> np.ndarray:
    """Tokens of each record as Alpaca's prompt and answer, with the tokens that begin and end it, at most `MOST`."""
    encode = load_tokenizer(tokenizer).encode
    records = [record for record in read_records(path) if isinstance(record, Record)]
    texts = [alpaca_prompt(record.instruction, record.input) for record in records]
    answers = encode([record.output for record in records])
    pairs = zip(encode(texts), answers, strict=True)
    return np.array([min(MOST, 2 + len(asked) + len(answer)) for asked, answer in pairs], np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", type=Path, help="instruction records: Alpaca's JSON, JSONL or Parquet")
    parser.add_argument(
        "--tokenizer", type=Path, required=True, help="the base model's directory, or a .model"
    )
    arguments = parser.parse_args()
    lengths = lengths_of(arguments.records, arguments.tokenizer)
    order = permuted(np.arange(len(lengths)), len(lengths), b"benchmark")
    batches = [
        lengths[order[start : start + BATCH]].tolist() for start in range(0, len(order) - BATCH + 1, BATCH)
    ]
    total = sum(map(sum, batches))
    table = Table("packed", "row", "1 rank", "2 ranks", "8 ranks")
    for row in (MOST, ROW):
        plans = {ranks: [plan_step(batch, ranks, row) for batch in batches] for ranks in (1, 2, 8)}
        run = [
            total / sum(sum(b) / busy_share(b, p) for b, p in zip(batches, plans[ranks], strict=True))
            for ranks in plans
        ]
        full = [total / sum(row * len(rounds) * ranks for rounds in plans[ranks]) for ranks in plans]
        for name, shares in (("batches kept, run", run), ("batches kept, full", full)):
            table.add_row(name, str(row), *(f"{100 * share:.2f} %" for share in shares))
        free = int(lengths.sum()) / (row * len(best_fit(lengths.tolist(), row)))
        table.add_row("freely", str(row), f"{100 * free:.2f} %", "", "")
    padded = sum(4 * max(batch[start : start + 4]) for batch in batches for start in range(0, BATCH, 4))
    table.add_row("padded batches of 4", "", f"{100 * total / padded:.2f} %", "", "")
    Console().print(
        f"{len(lengths):,} records, {lengths.mean():.1f} tokens on average, {math.ceil(np.median(lengths))} median"
    )
    Console().print(table)


if __name__ == "__main__":
    main()
