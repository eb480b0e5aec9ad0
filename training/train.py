"""Fine-tunes a LLaMA-like model on tokens that jobs/tokenize_shards.py made.

deepspeed training/train.py --config training/configs/x_llama_7b_zh.yaml           trains, or goes on where it stopped
python training/train.py --config training/configs/x_llama_7b_zh.yaml --dry-run    says what it would take; no more

An optimiser step is `batch_examples` examples, always: which ones, the manifest's hash, the seed and the step alone
say. They are packed into rows, the rows dealt to the ranks, and the loss is the mean over the learned tokens of the
whole step. So neither the number of ranks nor the packing changes what is learned, and a run that stopped goes on
with the losses that it would have had: to the bit on a CPU, and but for rounding on GPUs, some of whose kernels add in
no order. What a run leaves in its output: checkpoints/, log.jsonl, tensorboard/ and, at the end, model/.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # in place of training/, whose modules are not to be found by their bare names

import numpy as np
import torch

from pipelines.cli import add_config_arguments, run_job
from pipelines.errors import UserError
from schemas.loading import ConfigError, load
from schemas.training_run import OptimizerConfig, TrainingRun
from training import checkpoints
from training.costs import adapter_weights, checkpoint_bytes, peak_flops, shape_of
from training.data import Examples, Tokens, open_tokens
from training.export import export
from training.forecast import print_forecast
from training.log import Log, print_outcome, read_log
from training.model import PackedLoss, PackedRow, check_vocabulary, load_model, model_shape, pack, with_lora
from training.packing import busy_share, plan_step
from training.ranks import Ranks, Result, first_line, start_ranks
from training.stopping import StopSignal


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="train.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what the run would do and take; do no more"
    )
    parser.add_argument("--local_rank", type=int, help=argparse.SUPPRESS)  # the deepspeed launcher adds it
    add_config_arguments(parser)
    arguments = parser.parse_args(argv)
    if arguments.config is None:
        raise ConfigError(["--config: expected a training configuration (see training/configs/)"])
    config = load(TrainingRun, arguments.config, arguments.overrides)
    if arguments.dry_run:
        return dry_run(config)
    ranks = start_ranks()
    try:
        return train(config, ranks)
    except UserError as error:
        if not ranks.first:  # one voice is enough
            error.problems = ()
        raise


def dry_run(config: TrainingRun) -> int:
    """Checks what can be checked without a GPU, and prints what the run would take."""
    train_tokens, _, manifest, _ = open_tokens(config.data, None, True)
    config_of_model = model_shape(config.model)
    check(config, train_tokens, manifest, config_of_model)
    shape, lora = shape_of(config_of_model), config.model.lora
    trained = adapter_weights(config_of_model, lora.rank, lora.modules) if lora else shape.weights
    zero = zero_config(config).get("zero_optimization", {})
    print_forecast(config, train_tokens, shape, zero, steps_of(config, train_tokens), trained)
    return 0


def train(config: TrainingRun, ranks: Ranks) -> int:
    """One run, from wherever the last one stopped to its end."""
    import deepspeed

    # the data, looked at by every rank; the checksums by the first of each node
    tokens, validation, manifest, folder = ranks.node_by_node(
        lambda: open_tokens(config.data, config.data.cache or config.output / "cache", ranks.local == 0)
    )
    config_of_model = ranks.everywhere(lambda: model_shape(config.model))
    ranks.everywhere(lambda: check(config, tokens, manifest, config_of_model))
    optimizer, last = config.optimizer, steps_of(config, tokens)
    if config.max_steps is not None:
        last = min(last, config.max_steps)

    # where an earlier run stopped, if there was one
    saves = config.output / "checkpoints"
    found = ranks.everywhere(lambda: earlier(saves, config, tokens))
    step = saved_step = found[1].step if found else 0
    ranks.agree(step, f"the newest checkpoint in {saves}")
    if step >= last and (config.output / "model").is_dir():
        if ranks.first:
            print(f"{config.output}: all {last:,} steps were taken before; nothing was done")
            print_outcome(read_log(config.output / "log.jsonl"), config.output)
        return 0
    given = ranks.everywhere(lambda: zero_config(config))
    zero = given.get("zero_optimization", {})
    stage = zero.get("stage", 0)
    tag = checkpoints.tag_for(*found, ranks, stage) if found else ""

    def together(work: Callable[[], Result]) -> Result:
        """`ranks.everywhere`; but under ZeRO-3 the others may wait for a part of a weight, and hear of no failure."""
        if stage < 3:
            return ranks.everywhere(work)
        try:
            return work()
        except (UserError, RuntimeError, OSError) as error:
            checkpoints.give_up(ranks, saves, first_line(error))

    # the model, and the engine around it
    settings = given | engine_settings(optimizer, zero, checkpoints.is_universal(tag))
    partitioned = partition_while_loading(config, settings, stage)
    model: Any = together(
        lambda: load_model(
            config.model,
            config_of_model,
            manifest["tokenizer"]["vocab_size"],
            optimizer.bf16,
            ranks.cuda,
            config.seed,
        )
    )
    shape = shape_of(model.config)
    if config.model.lora is not None:
        model = with_lora(model, config.model.lora, config.seed)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    count = sum(getattr(parameter, "ds_numel", parameter.numel()) for parameter in trained)
    try:
        with checkpoints.quiet():
            engine, _, _, _ = deepspeed.initialize(
                model=PackedLoss(model),
                optimizer=make_optimizer(trained, optimizer, settings, ranks.cuda),
                config=settings,
            )
    except (RuntimeError, OSError) as error:  # the other ranks may be anywhere in it
        checkpoints.give_up(ranks, saves, f"the engine cannot be set up ({first_line(error)})")
    del partitioned
    if found:
        together(lambda: checkpoints.load(engine, found[0], tag))

    def save(keep: int | None = config.checkpoint.keep) -> None:
        nonlocal saved_step
        saved = checkpoints.Saved(step, config.sha256(), tokens.content_sha256, ranks.world, stage)
        with signal.busy():
            checkpoints.save(engine, ranks, saves, saved, keep, checkpoint_bytes(count, optimizer.bf16))
        saved_step = step

    def not_finite(what: str, value: float) -> UserError:
        """Saves the state before the step, unless it is saved or ruined; says what there is to go on from."""
        problems: tuple[str, ...] = ()
        if step > saved_step and all_finite(trained, ranks):
            try:
                save(keep=None)  # what older ones hold may be the better state
            except UserError as error:
                problems = error.problems
        return UserError(
            f"step {step + 1:,}: the {what} is {value}, so the step was not taken; {checkpoints.resume_hint(saves)}. "
            "If it comes to this again, train with a lower learning rate or other examples, into another output",
            *problems,
        )

    # heeded at the end of the step by all ranks together
    signal = StopSignal(lambda reason: checkpoints.give_up(ranks, saves, reason))
    settings_said = config.model_dump(mode="json")
    log = ranks.everywhere(
        lambda: Log(config.output, step, last, config.wandb, settings_said) if ranks.first else None
    )
    groups = sorted({*tokens.groups, *validation.groups})
    peak = peak_flops(config.hardware.peak_tflops * 1e12, ranks.cuda)
    try:
        if log and found:
            log.say(f"going on after step {step:,}")
        if step == 0 and len(validation):
            with signal.busy():
                validate(engine, validation, config, ranks, groups, log, step)
        while step < last:
            began = time.monotonic()
            # for dropout: the same after a resumption
            torch.manual_seed(config.seed + step * ranks.world + ranks.rank)
            examples = tokens.rows(tokens.step(step, optimizer.batch_examples, optimizer.epochs, config.seed))
            rounds = plan_step(examples.lengths, ranks.world, config.data.pack_tokens)
            sums = GroupSums(groups, examples, ranks.device)
            for number, rows in enumerate(rounds):
                engine.set_gradient_accumulation_boundary(number == len(rounds) - 1)
                row = pack(examples, rows[ranks.rank])
                losses = engine(*row.inputs(ranks.device))
                # the engine averages over the ranks: what is summed up is the mean over the step's learned tokens
                engine.backward(losses.sum() * (ranks.world / examples.learned))
                sums.add(row, losses)
            *by_group, stop = ranks.sum(sums.losses, float(signal.given))
            loss = sum(by_group) / examples.learned
            if not math.isfinite(loss):
                raise not_finite("loss", loss)
            rate = learning_rate(optimizer, step, steps_of(config, tokens))
            for group in engine.optimizer.param_groups:
                group["lr"] = rate
            norm = take_step(engine, trained, stage == 0 and not optimizer.bf16)
            if not math.isfinite(norm):
                raise not_finite("gradient's norm", norm)
            step += 1
            seconds = signal.step_seconds = time.monotonic() - began
            if stop:
                signal.heed()

            if log:
                count_of = sums.learned_by_group()
                flops = shape.flops(examples.lengths, examples.learned, config.model.lora is not None)
                log.step(
                    {
                        "step": step,
                        "epoch": step * optimizer.batch_examples / len(tokens),
                        "loss": loss,
                        "losses": {g: s / n for g, s, n in zip(groups, by_group, count_of, strict=True) if n},
                        "learning_rate": rate,
                        "gradient_norm": norm,
                        "examples": len(examples.ids),
                        "tokens": sum(examples.lengths),
                        "learned": examples.learned,
                        "rounds": len(rounds),
                        "idle": 1 - busy_share(examples.lengths, rounds),
                        "seconds": seconds,
                        "tokens_per_s": sum(examples.lengths) / seconds,
                        "mfu": flops / (seconds * ranks.world * peak) if peak else None,
                        "memory_gib": memory_gib(ranks),
                    }
                )
            if len(validation) and (step % config.validation.every_steps == 0 or step == last):
                with signal.busy():
                    validate(engine, validation, config, ranks, groups, log, step)
            if stop or step % config.checkpoint.every_steps == 0 or step == last:
                save()
            if stop and step < last:
                if log:
                    log.say(f"stopped by a signal after step {step:,}; {checkpoints.resume_hint(saves)}")
                return 0
        entries = read_log(config.output / "log.jsonl")
        with signal.busy():
            export(model, ranks, config, manifest, folder, entries)
        if ranks.first:
            print_outcome(entries, config.output)
        return 0
    except (RuntimeError, OSError) as error:  # another rank is gone, or the GPU's memory or the disk is full
        checkpoints.give_up(ranks, saves, f"training broke off after step {step:,} ({first_line(error)})")
    finally:
        if log:
            log.close()


def take_step(engine: Any, trained: list[torch.nn.Parameter], plain: bool) -> float:
    """Updates the weights, unless the gradient is not finite; its norm before clipping, the same on all ranks.

    `plain`: in float32 without ZeRO.
    """
    if plain:  # DeepSpeed neither looks nor tells
        norm = float(torch.nn.utils.get_total_norm([p.grad for p in trained if p.grad is not None]))
        if math.isfinite(norm):
            engine.step()
        return norm
    engine.step()  # which takes no step then
    return float(engine.get_global_grad_norm())


def all_finite(trained: list[torch.nn.Parameter], ranks: Ranks) -> bool:
    """Whether all weights are numbers: under ZeRO-3 each rank looks at its part."""
    parts = [getattr(parameter, "ds_tensor", parameter) for parameter in trained]
    ruined = sum(not bool(torch.isfinite(part).all()) for part in parts)
    return not any(ranks.sum(torch.zeros(0, dtype=torch.float64, device=ranks.device), ruined))


def validate(
    engine: Any,
    tokens: Tokens,
    config: TrainingRun,
    ranks: Ranks,
    groups: list[str],
    log: Log | None,
    step: int,
) -> None:
    """The loss of each language and task on the validation split: always the same examples, without dropout."""
    engine.eval()
    places = tokens.at(np.arange(min(config.validation.examples, len(tokens)), dtype=np.int64), 0)
    total, learned = np.zeros(len(groups)), np.zeros(len(groups))
    for start in range(0, len(places), config.optimizer.batch_examples):
        examples = tokens.rows(places[start : start + config.optimizer.batch_examples])
        sums = GroupSums(groups, examples, ranks.device)
        for rows in plan_step(examples.lengths, ranks.world, config.data.pack_tokens):
            row = pack(examples, rows[ranks.rank])
            with torch.no_grad():
                sums.add(row, engine(*row.inputs(ranks.device)))
        total += ranks.sum(sums.losses)
        learned += sums.learned_by_group()
    engine.train()
    if log and sum(learned):
        losses_by_group = {g: s / n for g, s, n in zip(groups, total, learned, strict=True) if n}
        log.validation(step, losses_by_group, sum(total) / sum(learned))


class GroupSums:
    """The losses of a batch on this rank, summed by language and task: where they are computed, without waiting."""

    def __init__(self, groups: list[str], examples: Examples, device: torch.device) -> None:
        self.losses = torch.zeros(len(groups), dtype=torch.float64, device=device)
        self._group_of = torch.tensor([groups.index(group) for group in examples.groups])
        self._examples = examples

    def add(self, row: PackedRow, losses: torch.Tensor) -> None:
        """Adds the losses of a row's targets."""
        places = self._group_of[row.owners].to(self.losses.device, non_blocking=True)
        self.losses.index_add_(0, places, losses.detach().double())

    def learned_by_group(self) -> list[int]:
        """The learned tokens of the whole batch, on all ranks."""
        pairs = zip(self._examples.lengths, self._examples.prompts, strict=True)
        learned = [length - prompt for length, prompt in pairs]
        found: list[int] = np.bincount(self._group_of, learned, len(self.losses)).astype(int).tolist()
        return found


def check(config: TrainingRun, tokens: Tokens, manifest: dict[str, Any], shape: Any) -> None:
    """Raises `UserError` if tokens, model and configuration do not fit together."""
    check_vocabulary(shape, manifest["tokenizer"], config.model.extend_vocabulary)
    if config.wandb is not None and importlib.util.find_spec("wandb") is None:
        raise UserError("wandb: is not installed: pip install wandb, or leave the key out")
    longest, most = int(tokens.lengths.max()), config.data.pack_tokens
    if longest > most:
        raise UserError(
            f"data.pack_tokens: the longest example has {longest:,} tokens; expected at least as many (got {most})"
        )
    if longest > shape.max_position_embeddings:
        raise UserError(
            f"the longest example has {longest:,} tokens, and the model knows "
            f"{shape.max_position_embeddings:,} positions: "
            "tokenise with a smaller --max-length"
        )


def earlier(saves: Path, config: TrainingRun, tokens: Tokens) -> tuple[Path, checkpoints.Saved] | None:
    """The newest checkpoint of this run. Raises `UserError` if what is there is another run's."""
    found = checkpoints.newest(saves)
    if found and found[1].identity != config.sha256():
        raise UserError(
            f"output: {found[0]} was made with another configuration; give another output, or remove it"
        )
    if found and found[1].content_sha256 != tokens.content_sha256:
        raise UserError(f"output: {found[0]} was trained on other tokens; give another output, or remove it")
    return found


def steps_of(config: TrainingRun, tokens: Tokens) -> int:
    """Optimiser steps of all epochs; the last one may have fewer examples."""
    return math.ceil(tokens.examples(config.optimizer.epochs) / config.optimizer.batch_examples)


def learning_rate(optimizer: OptimizerConfig, step: int, steps: int) -> float:
    """Of the step after `step` others: it rises linearly, then falls along a cosine to 0 (or stays)."""
    warmup = math.ceil(optimizer.warmup * steps)
    if step < warmup:
        return optimizer.learning_rate * (step + 1) / warmup
    if optimizer.schedule == "constant":
        return optimizer.learning_rate
    done = (step - warmup) / max(1, steps - warmup)
    return optimizer.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def zero_config(config: TrainingRun) -> dict[str, Any]:
    """What the JSON file says. Raises `UserError`."""
    try:
        found = json.loads(config.deepspeed.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"deepspeed: {config.deepspeed}: cannot be read ({error})") from None
    if not isinstance(found, dict):
        raise UserError(f"deepspeed: {config.deepspeed}: expected an object")
    return found


def engine_settings(optimizer: OptimizerConfig, zero: dict[str, Any], universal: bool) -> dict[str, Any]:
    """What this job decides about the engine, whatever the JSON file says (`zero`: its `zero_optimization`)."""
    # the gradients of a step's rounds are summed in float32 where DeepSpeed can: stage 3, and 2 without offload
    stage, offload = zero.get("stage", 0), "offload_optimizer" in zero
    exact = optimizer.bf16 and (stage == 3 or (stage == 2 and not offload))
    return ({"data_types": {"grad_accum_dtype": "fp32"}} if exact else {}) | {
        # the log tells it, and no step is taken if it is no number
        "zero_optimization": zero | {"compute_grad_norm": True},
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,  # steps differ in their rounds: the loop says which is the last
        "gradient_clipping": optimizer.clip,
        "bf16": {"enabled": optimizer.bf16},
        "zero_allow_untested_optimizer": True,
        "checkpoint": {"tag_validation": "Ignore", "load_universal": universal},
        "steps_per_print": sys.maxsize,
    }


def partition_while_loading(config: TrainingRun, settings: dict[str, Any], stage: int) -> Any:
    """While this is held, transformers gives each rank its part of the weights as it loads them, under ZeRO-3."""
    if stage < 3 or config.model.path is None:
        return None
    from transformers.integrations.deepspeed import HfDeepSpeedConfig

    held: Any = HfDeepSpeedConfig
    return held(settings)


def make_optimizer(
    trained: list[torch.nn.Parameter], config: OptimizerConfig, settings: dict[str, Any], cuda: bool
) -> torch.optim.Optimizer:
    """AdamW: torch's, which needs no compiler, or DeepSpeed's for the CPU where the states are kept there."""
    given: dict[str, Any] = {
        "lr": config.learning_rate, "betas": config.betas, "eps": config.epsilon, "weight_decay": config.weight_decay,
    }  # fmt: skip
    offload = settings.get("zero_optimization", {}).get("offload_optimizer", {}).get("device", "none")
    if offload != "none":
        from deepspeed.ops.adam import DeepSpeedCPUAdam

        found: torch.optim.Optimizer = DeepSpeedCPUAdam(trained, adamw_mode=True, **given)
        return found
    return torch.optim.AdamW(trained, fused=cuda, **given)


def memory_gib(ranks: Ranks) -> float:
    """The most that this rank held: of the GPU's memory, or of the machine's."""
    if ranks.cuda:
        return torch.cuda.max_memory_allocated() / 2**30
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run_job(main)
