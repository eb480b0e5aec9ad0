"""Training speed beside its peers, on one machine, without network: same model and examples, one after the other.

    python benchmarks/train.py alpaca_data.json.gz --output /tmp/bench                      a 1B LLaMA, all weights
    python benchmarks/train.py alpaca_data.json.gz --output /tmp/bench --shape 7b --lora
    python benchmarks/train.py alpaca_data.json.gz --output /tmp/bench --shape 7b --zero zero3_offload    256 GB of RAM

- ours: `training/train.py`, packed rows (`--row` tokens), 128 examples a step
- padded: transformers' Trainer, batches (`--padded` examples) padded to their longest, accumulated to 128 examples
- trl: TRL's SFTTrainer, packed (best-fit) into rows of `--row` tokens

All in bfloat16 (float32 on a CPU) with the same ZeRO configuration, and gradient checkpointing for 7b alone (which else
would not fit), from random weights, on whose values speed does not depend. All see the same `--steps` times 128
examples once, each in its own order. Useful tokens are those of examples, not of padding; first steps are not counted.
`--shape tiny` tries the script out on a CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from rich.console import Console
from rich.table import Table

from pipelines import __version__
from pipelines.atomic import write_json
from pipelines.errors import UserError
from pipelines.shards.write import ShardWriter, describe
from pipelines.tokens.encode import RowEncoder
from pipelines.tokens.tokenizer import load_tokenizer, tokenizer_sha256
from pipelines.translation.records import Record, read_records
from schemas import datasets
from schemas.tokens import TOKENS
from schemas.tokens_run import TokenizeRun
from training.log import read_log

SHAPES: dict[str, dict[str, int]] = {
    "tiny": {
        "vocab_size": 4000,
        "hidden_size": 64,
        "intermediate_size": 176,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
    "1b": {
        "hidden_size": 2048,
        "intermediate_size": 5632,
        "num_hidden_layers": 22,
        "num_attention_heads": 32,
    },
    "7b": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
    },
}
SHARED = {"vocab_size": 32_000, "max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2}
BATCH, SKIPPED = 128, 2  # examples of a step; steps that are not counted


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", type=Path, help="instruction records: Alpaca's JSON, JSONL or Parquet")
    parser.add_argument("--output", type=Path, required=True, help="folder for tokens, logs and results.json")
    parser.add_argument("--tokenizer", type=Path, default=ROOT / "samples" / "tokenizer.model")
    parser.add_argument("--shape", choices=SHAPES, default="1b", help="size of the LLaMA (default: 1b)")
    parser.add_argument(
        "--zero", default="zero1", help="a file of training/configs, without .json (default: zero1)"
    )
    parser.add_argument("--lora", action="store_true", help="train adapters in place of all weights")
    parser.add_argument("--row", type=int, default=4096, help="tokens of packed rows (default: 4096)")
    parser.add_argument(
        "--padded", type=int, default=16, help="examples of a padded batch; a divisor of 128 (default: 16)"
    )
    parser.add_argument("--steps", type=int, default=10, help="optimiser steps of each (default: 10)")
    parser.add_argument("--only", choices=("ours", "padded", "trl"), help="measure one of them")
    parser.add_argument(
        "--peer", choices=("padded", "trl"), help=argparse.SUPPRESS
    )  # in a process of its own
    arguments = parser.parse_args()
    arguments.output = arguments.output.absolute()
    if arguments.peer:
        measure_peer(arguments)
        return
    write_tokens(arguments)
    results = {}
    for name in [arguments.only] if arguments.only else ["ours", "padded", "trl"]:
        results[name] = ours(arguments) if name == "ours" else peer(arguments, name)
        write_json(arguments.output / "results.json", results)
    table = Table("", "useful tokens/s", "MFU", "GiB", "beside padded")
    padded = (results.get("padded") or {}).get("tokens_per_s")
    for name, found in results.items():
        if found is None:
            table.add_row(name, "failed (see above)", "", "", "")
            continue
        mfu = "-" if found["mfu"] is None else f"{100 * found['mfu']:.1f} %"
        beside = f"{found['tokens_per_s'] / padded:.2f} x" if padded else "-"
        table.add_row(name, f"{found['tokens_per_s']:,.0f}", mfu, f"{found['gib']:.1f}", beside)
    Console().print(table)


def write_tokens(arguments: argparse.Namespace) -> None:
    """A published folder of tokens, as jobs/tokenize_shards.py makes it, but without Spark: examples of all steps.

    Raises `UserError` if there are too few records.
    """
    folder = arguments.output / "tokens"
    shutil.rmtree(folder, ignore_errors=True)  # they may be of other arguments
    config = TokenizeRun(input=".", tokenizer=arguments.tokenizer)
    encoder = RowEncoder(load_tokenizer(arguments.tokenizer), config)
    needed = BATCH * arguments.steps
    place = {"lang": "en", "task": "general", "direction": None}
    kept: list[dict[str, Any]] = []
    for record in read_records(arguments.records):
        if isinstance(record, Record) and len(kept) < needed:
            rows = encoder.instructions([record.fields | place | {"id": record.id}])
            kept += [row for row in rows if row["reason"] is None]
    if len(kept) < needed:
        raise UserError(f"{arguments.records}: expected at least {needed:,} examples (got {len(kept):,})")
    path = folder / "alpaca" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        columns = {name: [row[name] for row in kept] for name in TOKENS.columns}
        ShardWriter(path, TOKENS, stack).write(pa.table(columns, schema=TOKENS.arrow()))
    file = describe(path, folder)
    tokenizer = {
        "name": "benchmark",
        "sha256": tokenizer_sha256(arguments.tokenizer),
        "vocab_size": 4000,
        "bos_id": 1,
        "eos_id": 2,
    }
    manifest = {
        "dataset": datasets.TOKENS.name,
        "version": datasets.TOKENS.version,
        "polyinstruct": __version__,
        "config": config.model_dump(mode="json"),
        "config_sha256": config.sha256(),
        "counts": [],
        "outputs": [vars(file)],
        "content_sha256": file.sha256,
        "key": "",
        "tokenizer": tokenizer,
    }
    (folder / "tokenizer").mkdir(exist_ok=True)
    write_json(folder / "manifest.json", manifest)


def ours(arguments: argparse.Namespace) -> dict[str, Any] | None:
    output = arguments.output / "ours"
    shutil.rmtree(output, ignore_errors=True)  # what an earlier measurement left would be taken up again
    config = {
        "model": {
            "shape": SHARED | SHAPES[arguments.shape],
            "lora": {} if arguments.lora else None,
            "gradient_checkpointing": arguments.shape == "7b",
        },
        "data": {
            "tokens": str(arguments.output / "tokens"),
            "mixture": "alpaca",
            "pack_tokens": arguments.row,
        },
        "output": str(output),
        "optimizer": {"epochs": 1, "batch_examples": BATCH, "bf16": _cuda()},
        "deepspeed": str(ROOT / "training" / "configs" / f"{arguments.zero}.json"),
        "max_steps": arguments.steps,
        "checkpoint": {"every_steps": 10_000},
    }
    path = arguments.output / "ours.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, str(ROOT / "training" / "train.py"), "--config", str(path)]
    subprocess.run(command, env=_environment(), check=False)  # the log tells how far it came
    entries = [
        entry
        for entry in read_log(output / "log.jsonl")
        if entry.get("step", 0) > SKIPPED and "loss" in entry
    ]
    if not entries:
        return None
    seconds = sum(entry["seconds"] for entry in entries)
    known = all(entry["mfu"] is not None for entry in entries)
    return {
        "tokens_per_s": sum(entry["tokens"] for entry in entries) / seconds,
        "mfu": sum(entry["mfu"] * entry["seconds"] for entry in entries) / seconds if known else None,
        "gib": max(entry["memory_gib"] for entry in entries),
    }


def peer(arguments: argparse.Namespace, name: str) -> dict[str, Any] | None:
    target = arguments.output / f"{name}.json"
    target.unlink(missing_ok=True)
    done = subprocess.run([sys.executable, *sys.argv, "--peer", name], env=_environment(), check=False)
    return None if done.returncode else json.loads(target.read_text())


def measure_peer(arguments: argparse.Namespace) -> None:
    """Trains with a peer's trainer, and writes what it measured."""
    import torch
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

    from training.costs import peak_flops, shape_of
    from training.train import memory_gib

    cuda = torch.cuda.is_available()
    (path,) = (arguments.output / "tokens" / "alpaca").glob("*.parquet")
    rows = pq.read_table(path).to_pylist()
    lengths = [row["length"] for row in rows]
    model = LlamaForCausalLM(LlamaConfig(**(SHARED | SHAPES[arguments.shape])))
    shape = shape_of(model.config)
    model = model.to(torch.bfloat16 if cuda else torch.float32)
    if arguments.lora:
        from schemas.training_run import LoraConfig
        from training.model import with_lora

        model = with_lora(model, LoraConfig(), 0)
    took: list[float] = []

    class Clock(TrainerCallback):
        """Keeps the seconds of each optimiser step."""

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            _wait(cuda)
            self.began = time.monotonic()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            _wait(cuda)
            took.append(time.monotonic() - self.began)

    zero = json.loads((ROOT / "training" / "configs" / f"{arguments.zero}.json").read_text())
    sizes = {
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": cuda},
    }
    given: dict[str, Any] = {
        "output_dir": str(arguments.output / arguments.peer),
        "max_steps": arguments.steps,
        "learning_rate": 2e-5,
        "bf16": cuda,
        "use_cpu": not cuda,
        "gradient_checkpointing": arguments.shape == "7b",
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "save_strategy": "no",
        "report_to": [],
        "logging_steps": 1000,
        "deepspeed": zero | sizes | {"zero_allow_untested_optimizer": True},
    }
    device = argparse.Namespace(cuda=cuda)
    if arguments.peer == "padded":
        data = Dataset.from_list(
            [{"input_ids": row["input_ids"], "prompt": row["prompt_tokens"]} for row in rows]
        )
        trainer: Any = Trainer(
            model=model,
            args=TrainingArguments(
                per_device_train_batch_size=arguments.padded,
                gradient_accumulation_steps=BATCH // arguments.padded,
                remove_unused_columns=False,
                **given,
            ),
            train_dataset=data,
            data_collator=_padded,
            callbacks=[Clock()],
        )
        seen = [sum(lengths[start : start + BATCH]) for start in range(0, len(lengths), BATCH)]  # on average
    else:
        from transformers import LlamaTokenizerFast
        from trl import SFTConfig, SFTTrainer

        data = Dataset.from_list(
            [
                {
                    "input_ids": row["input_ids"],
                    "completion_mask": [int(place >= row["prompt_tokens"]) for place in range(row["length"])],
                }
                for row in rows
            ]
        )
        rows_a_step = max(1, round(sum(lengths) / len(lengths) * BATCH / arguments.row))
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(
                per_device_train_batch_size=1,
                gradient_accumulation_steps=rows_a_step,
                packing=True,
                max_length=arguments.row,
                eos_token=None,
                **given,
            ),
            train_dataset=data,
            processing_class=LlamaTokenizerFast(
                unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<unk>"
            ),
            callbacks=[Clock()],
        )
        packed = sum(len(row["input_ids"]) for row in trainer.train_dataset)
        seen = [round(packed / len(trainer.train_dataset) * rows_a_step)] * arguments.steps
    trainer.train()
    counted = took[SKIPPED:]
    tokens = sum(seen) / len(seen) * len(counted)
    learned = sum(row["length"] - row["prompt_tokens"] for row in rows)
    flops = shape.flops(lengths, learned, arguments.lora) / sum(lengths) * tokens
    peak = peak_flops(989e12, cuda)
    found = {
        "tokens_per_s": tokens / sum(counted),
        "mfu": flops / (sum(counted) * peak) if peak else None,
        "gib": memory_gib(device),  # type: ignore[arg-type]
    }
    write_json(arguments.output / f"{arguments.peer}.json", found)


def _padded(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch, padded to its longest, with -100 where nothing is learned."""
    import torch

    width = max(len(row["input_ids"]) for row in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for place, row in enumerate(rows):
        tokens = torch.tensor(row["input_ids"])
        ids[place, : len(tokens)], mask[place, : len(tokens)] = tokens, 1
        labels[place, row["prompt"] : len(tokens)] = tokens[row["prompt"] :]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def _wait(cuda: bool) -> None:
    """Until the GPU has done what it was given."""
    if cuda:
        import torch

        torch.cuda.synchronize()


def _cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _environment() -> dict[str, str]:
    """Of a run that is alone: one rank, as a launcher would name it; no network; ninja, which DeepSpeed looks for."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
        alone["MASTER_PORT"] = str(free.getsockname()[1])
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = os.environ | alone | {"PATH": tools, "HF_HUB_OFFLINE": "1"}
    return found if _cuda() else found | {"DS_ACCELERATOR": "cpu"}


if __name__ == "__main__":
    main()
