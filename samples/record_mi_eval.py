"""Makes `mi_eval_requests/`: the recorded run from which the demo builds a small MI-EVAL without a generator.

    python samples/record_mi_eval.py

No language model was asked. The requests are those that the program makes (of `configs/mi_eval_demo.yaml`); the answers
were written for this project: the lists of tasks in `mi_eval_lists.json`, with faults planted among them, the instances
made from `mi_eval_instructions.json`, and further ones, most of them faulty, in `mi_eval_extra.json`. They are stored
as the answers of an endpoint are, and the program reads them by the same way. To be run again when prompts, parameters
or texts change.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from pipelines.mi_eval.build import read_seeds
from pipelines.self_instruct import prompts
from pipelines.self_instruct.budget import Ledger
from pipelines.self_instruct.endpoint import read_answer
from pipelines.self_instruct.generator import Generator
from pipelines.self_instruct.requests import Answer, Request
from pipelines.self_instruct.rounds import Pool, list_requests, make_round
from pipelines.self_instruct.store import FILE, open_store
from schemas.loading import load
from schemas.mi_eval_run import MiEvalRun

CLASSIFICATIONS = (1, 3, 5, 8, 11, 15, 19, 32, 35, 37)  # of the instructions, by index


class Written:
    """Answers from what was written by hand."""

    def __init__(self) -> None:
        records = json.loads((HERE / "mi_eval_instructions.json").read_text(encoding="utf-8"))
        further = json.loads((HERE / "mi_eval_extra.json").read_text(encoding="utf-8"))
        self.bodies: dict[str, dict[str, Any]] = {}  # prompt -> choice
        for index, record in enumerate(records):
            self._know(record["instruction"], index in CLASSIFICATIONS, instance(record, index))
        for one in further:
            self._know(one["instruction"], one["classification"], one["answer"])

    def _know(self, instruction: str, classification: bool, answer: str) -> None:
        kind = {"text": " Yes" if classification else " No", "finish_reason": "stop"}
        self.bodies[prompts.classification_prompt(instruction)] = kind
        asked = prompts.instances_prompt(instruction, classification, 5)
        self.bodies[asked] = {"text": answer, "finish_reason": "stop"}

    def answer(self, request: Request) -> Answer:
        choice = self.bodies[request.prompt]
        message = {"role": "assistant", "content": choice["text"]}
        return read_answer(
            {"choices": [{"message": message, "finish_reason": choice["finish_reason"]}]}, request
        )


def instance(record: dict[str, str], index: int) -> str:
    """A record as an answer to `prompts.instances_prompt`."""
    if index in CLASSIFICATIONS:
        return f"Class label: {record['output']}\nInput: {record['input']}"
    given = f"Input: {record['input']}\n" if record["input"] else ""
    return f"Example 1\n{given}Output: {record['output']}"


def main() -> None:
    config = load(MiEvalRun, HERE.parent / "configs" / "mi_eval_demo.yaml")
    pool, written = Pool.of(read_seeds(config.seeds).instructions), Written()
    rounds = json.loads((HERE / "mi_eval_lists.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        with open_store(Path(folder)) as store:
            ledger = Ledger(config.generator.prices, config.generator.budget)
            generator = Generator(store, ledger, 1, lambda: written)
            for number, lists in enumerate(rounds):
                asked = list_requests(number, pool, config)
                written.bodies |= {one.prompt: told for one, told in zip(asked, lists, strict=True)}
                make_round(number, pool, generator, config)
        target = HERE / "mi_eval_requests"
        target.mkdir(exist_ok=True)
        shutil.copyfile(Path(folder) / FILE, target / FILE)
    print(f"{len(store)} answers in {target / FILE}")


if __name__ == "__main__":
    main()
