"""A round of self-instruct: prompts made of what is known, new instructions, their instances, and why the others fell.

    generate ─► filter ─► classify ─► instances ─► filter

All prompts of a step are made before the first of their answers is looked at, and all randomness is a hash of the seed
and the prompt's place: so a round depends on the answers alone, not on their order in time, and one that is done again
asks the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipelines.self_instruct import parse, prompts
from pipelines.self_instruct.filters import Fault, instance_faults, instruction_fault
from pipelines.self_instruct.generator import Generator
from pipelines.self_instruct.requests import Answer, Request
from pipelines.self_instruct.similarity import SimilarityIndex
from schemas.generator import Sampling
from schemas.mi_eval_run import MiEvalRun

_STOP_LIST = "\n{}."  # the list goes no further than it was asked for


@dataclass(frozen=True)
class Candidate:
    """What a generator made, whole or in part; it fell where it has a `fault`."""

    stage: str
    round: int
    request: str  # hash of the request
    place: int  # in the request's answer
    instruction: str
    input: str = ""
    output: str = ""
    is_classification: bool = False
    seed_similarity: float = 0.0
    fault: Fault | None = None
    lang: str = "en"  # where it failed

    @property
    def id(self) -> str:
        """Of the item that it may become: the same in every language."""
        return _digest(self.instruction, self.input)

    @property
    def rejected_id(self) -> str:
        return _digest(self.stage, self.request, str(self.place))

    @property
    def fields(self) -> dict[str, str]:
        return {"instruction": self.instruction, "input": self.input, "output": self.output}


@dataclass
class Pool:
    """The instructions that are known: seeds, and those generated and kept, in the order of their coming."""

    seeds: Sequence[str]
    index: SimilarityIndex
    generated: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, seeds: Iterable[str]) -> Pool:
        texts = list(dict.fromkeys(seeds))
        return cls(texts, SimilarityIndex(texts))

    def add(self, instruction: str) -> None:
        self.generated.append(instruction)
        self.index.add(instruction)

    def text(self, place: int) -> str:
        """The text at a place of the index."""
        seeds = len(self.seeds)
        return self.seeds[place] if place < seeds else self.generated[place - seeds]


@dataclass
class Round:
    """What came of a round: instances that passed, and everything that did not."""

    instances: list[Candidate] = field(default_factory=list)
    rejected: list[Candidate] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)  # by stage: what came to it
    passed: Counter[str] = field(default_factory=Counter)


def make_round(number: int, pool: Pool, generator: Generator, config: MiEvalRun) -> Round:
    """Makes a round and adds its instructions to the pool. It ends early where the budget does (`ledger.spent`).

    Raises `UserError` where the generator gives up.
    """
    made = Round()
    accepted: list[Candidate] = []
    for candidate in _instructions(number, pool, generator, config):
        made.read["instructions"] += 1
        (accepted if candidate.fault is None else made.rejected).append(candidate)
    for candidate in _instances(accepted, generator, config):
        made.read["instances"] += 1
        (made.instances if candidate.fault is None else made.rejected).append(candidate)
    made.passed.update({"instructions": len(accepted), "instances": len(made.instances)})
    return made


def list_requests(number: int, pool: Pool, config: MiEvalRun) -> list[Request]:
    """The prompts for new instructions of a round."""
    settings = config.generation
    requests = []
    for place in range(settings.requests_per_round):
        draw = (str(config.seed), str(number), str(place))
        own = _drawn(pool.generated, settings.generated_per_prompt, (*draw, "generated"))
        seeds = _drawn(pool.seeds, settings.seeds_per_prompt, (*draw, "seeds"))
        shown = _drawn([*seeds, *own], len(seeds) + len(own), (*draw, "order"))
        prompt = prompts.list_prompt(shown, settings.tasks_per_prompt)
        stop = _STOP_LIST.format(settings.tasks_per_prompt + 1)
        requests.append(_request(config, prompt, settings.instruction_sampling, draw, (stop,)))
    return requests


def _instructions(number: int, pool: Pool, generator: Generator, config: MiEvalRun) -> Iterable[Candidate]:
    requests = list_requests(number, pool, config)
    shown = min(config.generation.seeds_per_prompt, len(pool.seeds)) + min(
        config.generation.generated_per_prompt, len(pool.generated)
    )
    for request, answer in zip(requests, generator.ask(requests), strict=False):
        for place, piece in enumerate(parse.tasks(answer, shown)):
            yield _instruction(number, request.key(), place, piece, pool, config)


def _instruction(
    number: int, request: str, place: int, piece: parse.Piece, pool: Pool, config: MiEvalRun
) -> Candidate:
    fault = Fault(piece.reason) if piece.reason else instruction_fault(piece.text, config.filters)
    if fault is None and (near := pool.index.nearest(piece.text, config.filters.similarity)):
        reason = "similar_to_seed" if near.place < len(pool.seeds) else "similar_to_kept"
        fault = Fault(reason, f"{near.score:.2f} {pool.text(near.place)}")
    if fault is None:
        pool.add(piece.text)
    return Candidate("instructions", number, request, place, piece.text, fault=fault)


def _instances(accepted: Sequence[Candidate], generator: Generator, config: MiEvalRun) -> Iterable[Candidate]:
    settings = config.generation
    asked = [
        # no stop at a line's end: some models begin with one
        _request(
            config, prompts.classification_prompt(one.instruction), settings.classification_sampling, (), ()
        )
        for one in accepted
    ]
    kinds = [parse.is_classification(answer) for answer in generator.ask(asked)]
    requests = [
        _request(
            config,
            prompts.instances_prompt(one.instruction, kind, settings.instances),
            settings.instance_sampling,
            (),
            ("\nTask:",),
        )
        for one, kind in zip(accepted, kinds, strict=False)
    ]
    answers: list[Answer | None] = [*generator.ask(requests)]
    answers += [None] * (len(accepted) - len(answers))  # the budget ended
    kinds += [False] * (len(accepted) - len(kinds))
    for place, (one, answer) in enumerate(zip(accepted, answers, strict=True)):
        if answer is None:
            yield Candidate(
                "instances", one.round, one.request, one.place, one.instruction, fault=Fault("not_asked")
            )
            continue
        found = parse.instances(answer, kinds[place])
        faults = instance_faults(found, settings.instances_per_instruction)
        for number, (instance, fault) in enumerate(zip(found, faults, strict=True)):
            yield Candidate(
                "instances",
                one.round,
                requests[place].key(),
                number,
                one.instruction,
                instance.input,
                instance.output,
                kinds[place],
                fault=fault,
            )


def _request(
    config: MiEvalRun, prompt: str, sampling: Sampling, draw: Sequence[str], stop: tuple[str, ...]
) -> Request:
    seed = int(_digest(str(config.seed), *draw)[:7], 16)
    return Request(config.generator.model, prompt, sampling, seed, stop)


def _drawn(texts: Sequence[str], most: int, draw: Sequence[str]) -> list[str]:
    """Up to `most` different texts, by a hash of the draw."""
    if most >= len(texts):
        return sorted(texts, key=lambda text: _digest(*draw, text))
    places: dict[int, None] = {}
    trial = 0
    while len(places) < most:
        places[int(_digest(*draw, str(trial)), 16) % len(texts)] = None
        trial += 1
    return [texts[place] for place in places]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]
