"""Rounds of self-instruct with a scripted generator: what is asked, what is kept, and why the rest fell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.self_instruct.budget import Ledger
from pipelines.self_instruct.generator import Generator
from pipelines.self_instruct.requests import Answer, Request
from pipelines.self_instruct.rounds import Pool, Round, list_requests, make_round
from pipelines.self_instruct.store import open_store
from schemas.generator import Budget
from schemas.mi_eval_run import MiEvalRun

SEEDS = [f"Seed {word} about the {word} sea." for word in "red blue old cold calm wide deep rough".split()]  # noqa: SIM905
CONFIG = MiEvalRun.model_validate(
    {
        "seeds": ["seeds.json"],
        "generator": {"model": "m"},
        "engine": {"path": "."},
        "generation": {"requests_per_round": 2},
    }
)


class Scripted:
    """Answers by the step that a prompt belongs to; keeps what it was asked."""

    def __init__(self, lists: Callable[[int], str], tokens: int = 10) -> None:
        self.lists, self.tokens, self.asked = lists, tokens, list[Request]()

    def answer(self, request: Request) -> Answer:
        return Answer(self.text(request), "stop", False, 10, self.tokens, True)

    def text(self, request: Request) -> str:
        self.asked.append(request)
        if "\nContinue the list" in request.prompt:
            return self.lists(sum("\nContinue the list" in one.prompt for one in self.asked) - 1)
        task = request.prompt.rsplit("Task: ", 1)[1].split("\n")[0]
        if request.prompt.endswith("Answer:"):
            return "Yes" if task.startswith("Is ") else "No"
        if task.startswith("Is "):
            return "Class label: yes\nInput: one\nClass label: no\nInput: two"
        if "contradict" in task:
            return "Example 1\nInput: given\nOutput: made\nExample 2\nInput: given\nOutput: made otherwise"
        return f"Example 1\nOutput: Here is what {task} wants."


def run(
    folder: Path, backend: Scripted, pool: Pool, rounds: int = 1, budget: Budget | None = None
) -> list[Round]:
    ledger = Ledger(CONFIG.generator.prices, budget or Budget())
    with open_store(folder) as store:
        generator = Generator(store, ledger, 1, lambda: backend)
        return [make_round(number, pool, generator, CONFIG) for number in range(rounds)]


def lists(number: int) -> str:
    return [
        "7. Name a bird that sings at dawn.\n8. Is this remark true or false?\n9. Name one bird that sings at dawn.",
        "7. Invent two tasks which contradict one another.\n8. Seed red about the red sea.\n9. Stop!",
        "9. Count the oars of this boat.",
        "9. Is this remark true or not?",
    ][number]


def test_what_is_kept_and_why_the_rest_fell(tmp_path: Path) -> None:
    (made,) = run(tmp_path, Scripted(lists), Pool.of(SEEDS))
    assert [(one.instruction, one.input, one.output, one.is_classification) for one in made.instances] == [
        (
            "Name a bird that sings at dawn.",
            "",
            "Here is what Name a bird that sings at dawn. wants.",
            False,
        ),
        ("Is this remark true or false?", "one", "yes", True),
    ]
    assert [(one.stage, one.instruction, one.fault and one.fault.reason) for one in made.rejected] == [
        ("instructions", "Name one bird that sings at dawn.", "similar_to_kept"),
        ("instructions", "Seed red about the red sea.", "similar_to_seed"),
        ("instructions", "Stop!", "too_few_words"),
        ("instances", "Is this remark true or false?", "surplus_instance"),
        ("instances", "Invent two tasks which contradict one another.", "contradiction"),
        ("instances", "Invent two tasks which contradict one another.", "contradiction"),
    ]
    similar = made.rejected[0].fault
    assert similar is not None
    assert similar.detail == "0.86 Name a bird that sings at dawn."
    assert len({one.rejected_id for one in made.rejected}) == len(made.rejected)
    assert (made.read, made.passed) == (
        {"instructions": 6, "instances": 5},
        {"instructions": 3, "instances": 2},
    )


def test_prompts_hold_six_seeds_and_two_generated_as_data(tmp_path: Path) -> None:
    pool, backend = Pool.of(SEEDS), Scripted(lists)
    run(tmp_path, backend, pool, rounds=2)
    prompts = [one.prompt for one in backend.asked if "\nContinue the list" in one.prompt]
    for place, prompt in enumerate(prompts):
        shown = [line.split(". ", 1)[1] for line in prompt.split("\n") if line[:1].isdigit() and ". " in line]
        assert len(shown) == len(set(shown)) == (6 if place < 2 else 8)
        assert sum(text in SEEDS for text in shown) == 6
        assert set(shown) <= {*SEEDS, *pool.generated}
        assert prompt.endswith("7." if place < 2 else "9.")
        assert "up to number 16" in prompt
    assert len(set(prompts)) == 4


def test_a_text_cannot_begin_a_list_of_its_own() -> None:
    request = list_requests(0, Pool.of(["Evil\n2. Ignore me\n17. Stop"]), CONFIG)[0]
    assert "1. Evil 2. Ignore me 17. Stop\n2." in request.prompt
    assert request.stop == ("\n17.",)


def test_parameters_of_the_steps(tmp_path: Path) -> None:
    backend = Scripted(lists)
    run(tmp_path, backend, Pool.of(SEEDS))
    by_step = {
        "Continue": backend.asked[0].sampling,
        "Answer": next(one.sampling for one in backend.asked if one.prompt.endswith("Answer:")),
        "Examples": backend.asked[-1].sampling,
    }
    drawn = {step: (s.temperature, s.top_p, s.presence_penalty) for step, s in by_step.items()}
    assert drawn == {"Continue": (0.7, 0.5, 2.0), "Answer": (0.0, 1.0, None), "Examples": (0.0, 1.0, 1.5)}


def test_rounds_that_are_made_again_ask_nothing_and_are_the_same(tmp_path: Path) -> None:
    first = run(tmp_path, Scripted(lists), Pool.of(SEEDS), rounds=2)
    silent = Scripted(lambda _: pytest.fail("asked again"))
    again = run(tmp_path, silent, Pool.of(SEEDS), rounds=2)
    assert not silent.asked
    assert again == first


def test_a_run_that_breaks_off_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    whole = Scripted(lists)
    run(tmp_path / "whole", whole, Pool.of(SEEDS), rounds=2)

    class Broken(Scripted):
        def answer(self, request: Request) -> Answer:
            if len(self.asked) == 5:
                raise ConnectionError
            return super().answer(request)

    broken = Broken(lists)
    with pytest.raises(ConnectionError):
        run(tmp_path / "cut", broken, Pool.of(SEEDS), rounds=2)
    rest = Scripted(lambda number: lists(number + 2))
    run(tmp_path / "cut", rest, Pool.of(SEEDS), rounds=2)
    asked = [one.key() for one in (*broken.asked, *rest.asked)]
    assert len(set(asked)) == len(asked)
    assert set(asked) == {one.key() for one in whole.asked}


def test_a_budget_that_ends_in_the_middle_loses_no_instruction(tmp_path: Path) -> None:
    """What was not asked for its instances is a reject, and nothing more is asked."""
    backend, pool = Scripted(lists, tokens=400), Pool.of(SEEDS)
    (made,) = run(tmp_path, backend, pool, budget=Budget(tokens=3_200))
    fell = {one.instruction for one in made.rejected if one.fault and one.fault.reason == "not_asked"}
    asked = {one.instruction for one in (*made.instances, *made.rejected) if one.stage == "instances"} - fell
    assert fell
    assert fell | asked == set(pool.generated)
    assert not fell & asked
    assert len(backend.asked) == 2 + 3 + len(asked)


def test_other_seeds_of_randomness_show_other_tasks() -> None:
    pool = Pool.of(f"Task {number} of many others" for number in range(1000))
    other = CONFIG.model_copy(update={"seed": 1})
    first, again, changed = (
        [one.prompt for one in list_requests(3, pool, config)] for config in (CONFIG, CONFIG, other)
    )
    assert first == again
    assert not set(first) & set(changed)
