"""Routing, measured on hand-labelled samples; half of the samples are near misses that must be translated."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.translation.routing import route, route_reason
from schemas.translation import ROUTE_REASONS, RoutingConfig

SAMPLES = [
    json.loads(line)
    for line in Path(__file__).with_name("routing_samples.jsonl").read_text(encoding="utf-8").splitlines()
]


def fields(instruction: str, input: str = "", output: str = "") -> dict[str, str]:
    return {"instruction": instruction, "input": input, "output": output}


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    same_reason = 0
    for sample in SAMPLES:
        found = route_reason(fields(sample["instruction"], sample["input"]))
        counts[f"{'found' if found else 'passed'} {'task' if sample['reason'] else 'near miss'}"] += 1
        same_reason += bool(found) and found == sample["reason"]
    precision = counts["found task"] / (counts["found task"] + counts["found near miss"])
    recall = counts["found task"] / (counts["found task"] + counts["passed task"])
    with capsys.disabled():
        print(
            f"\nrouting: {len(SAMPLES)} samples, precision {precision:.3f}, recall {recall:.3f}, "
            f"right reason {same_reason / counts['found task']:.3f}"
        )
    assert len(SAMPLES) >= 150
    assert counts["passed near miss"] + counts["found near miss"] >= len(SAMPLES) * 0.45
    assert precision >= 0.95
    assert recall >= 0.95
    assert same_reason >= 0.9 * counts["found task"]
    assert {sample["reason"] for sample in SAMPLES} - {None} == set(ROUTE_REASONS) - {"foreign_text"}


def test_another_script_is_part_of_the_task() -> None:
    assert (
        route_reason(fields("Summarize this.", "外面正在下雨，大家都回家了。", "It rains.")) == "foreign_text"
    )
    assert route_reason(fields("Explain the formula.", "α + β = γ, with Δx > 0")) is None


def test_an_instruction_alone_is_translated_only_beside_an_input() -> None:
    default = RoutingConfig()
    mend = "Correct the grammar of this sentence."
    assert route(fields(mend, "He go."), default) == route(fields(mend, "She go."), default)
    assert route(fields(mend, "He go."), default).route == "instruction_only"
    assert route(fields("Correct the grammar: he go."), default).route == "keep_english"
    assert route(fields("Name a fruit."), default).route == "translate"


def test_the_configuration_says_what_becomes_of_a_reason() -> None:
    config = RoutingConfig(routes={"verse": "skip", "word_limit": "keep_english"})
    assert route(fields("Write a poem about rain."), config).route == "skip"
    assert route(fields("Explain rain in at most 50 words."), config).route == "keep_english"
    assert route(fields("Make a pun about rain."), config).route == "keep_english"
    with pytest.raises(ValidationError, match="did you mean verse"):
        RoutingConfig(routes={"vers": "skip"})
