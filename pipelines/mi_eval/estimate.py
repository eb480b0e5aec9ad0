"""What a set will cost, before anything is asked: requests, tokens and money of each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from pipelines.mi_eval.build import Plan, read_seeds
from pipelines.self_instruct import prompts
from pipelines.self_instruct.budget import money
from pipelines.self_instruct.requests import estimated_tokens
from pipelines.self_instruct.rounds import Pool, list_requests
from pipelines.self_instruct.store import open_store

# what becomes of 100 tasks of a list, and how long answers are: rough, and said to be so. Self-instruct's generator
# gave 52k instructions, of which about as many fell; of Alpaca's tasks 13 in 100 are about the surface of language
_KEPT = 0.5
_PASSED = 0.5
_TASK_TOKENS, _KIND_TOKENS, _INSTANCE_TOKENS = 18, 2, 150
_SAMPLED = 200  # seeds, whose length is taken for that of new instructions


@dataclass(frozen=True)
class Step:
    """A step's requests, and their tokens: expected, and at most."""

    name: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    most_completion_tokens: int
    money: float


@dataclass(frozen=True)
class Estimate:
    """What a set will cost, and what is in the store already (answers, which cost nothing again)."""

    seeds: int
    stored: int
    steps: tuple[Step, ...]
    kept_share: float = _KEPT
    passed_share: float = _PASSED

    @property
    def money(self) -> float:
        return sum(step.money for step in self.steps)

    @property
    def tokens(self) -> int:
        return sum(step.prompt_tokens + step.completion_tokens for step in self.steps)


def estimate(plan: Plan) -> Estimate:
    """The costs of a whole set, from prompts made of the seeds. Nothing is asked. Raises `UserError`."""
    config = plan.config
    settings = config.generation
    seeds = read_seeds(config.seeds)
    lists = list_requests(0, Pool.of(seeds.instructions), config)
    shown = settings.seeds_per_prompt + settings.generated_per_prompt
    tasks = settings.tasks_per_prompt - shown
    instructions = -(-config.size // _PASSED)
    some = seeds.instructions[:: max(1, len(seeds.instructions) // _SAMPLED)]
    kinds = [prompts.classification_prompt(text) for text in some]
    examples = [prompts.instances_prompt(text, False, settings.instances) for text in some]
    stored = 0
    if (config.store_folder / "answers.jsonl").exists():
        with open_store(config.store_folder, writable=False) as store:
            stored = len(store)
    counts = (-(-instructions // (tasks * _KEPT)), instructions, instructions)
    texts = ([one.prompt for one in lists], kinds, examples)
    answers = (tasks * _TASK_TOKENS, _KIND_TOKENS, _INSTANCE_TOKENS)
    samplings = (
        settings.instruction_sampling,
        settings.classification_sampling,
        settings.instance_sampling,
    )
    names = ("instructions", "classification", "instances")
    return Estimate(
        len(seeds.instructions),
        stored,
        tuple(
            _step(plan, name, int(count), prompted, answer, sampling.max_tokens)
            for name, count, prompted, answer, sampling in zip(
                names, counts, texts, answers, samplings, strict=True
            )
        ),
    )


def _step(plan: Plan, name: str, requests: int, texts: Sequence[str], answer: int, most: int) -> Step:
    prompt = round(requests * fmean(estimated_tokens(text) for text in texts))
    completion = requests * answer
    cost = money(plan.config.generator.prices, prompt, completion)
    return Step(name, requests, prompt, completion, requests * most, cost)
