"""A record planned and rebuilt: spans come back, quotes agree, structure stays, whatever the engine does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from any_text import ANY_TEXT
from hypothesis import given
from hypothesis import strategies as st

from pipelines.translation.plan import FIELDS, Rebuilt, RecordPlan, plan_record

SAMPLES = json.loads((Path(__file__).parents[2] / "samples" / "alpaca_data.json").read_text(encoding="utf-8"))


def record(instruction: str = "", input: str = "", output: str = "") -> dict[str, str]:
    return {"instruction": instruction, "input": input, "output": output}


def shout(request: str) -> str:
    """An engine that changes every word and leaves placeholders alone."""
    return re.sub(r"[a-z]+", lambda word: word.group().upper() + "E", request)


def forget(request: str) -> str:
    """An engine that loses every placeholder."""
    return re.sub(r"X\d+", "", shout(request))


def translate(plan: RecordPlan, engine=shout, spaced: bool = True) -> Rebuilt:  # type: ignore[no-untyped-def]
    known: dict[str, str] = {}
    rounds = 0
    while needed := plan.needed(known):
        known |= {request: engine(request) for request in needed}
        rounds += 1
    assert rounds <= 2
    return plan.rebuild(known, spaced)


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, ANY_TEXT)))
def test_an_engine_that_repeats_gives_the_record_back(fields: dict[str, str]) -> None:
    rebuilt = translate(plan_record(fields), engine=str)
    assert rebuilt.fields == fields
    assert rebuilt.lost_spans == rebuilt.lost_quotes == 0


@given(
    st.fixed_dictionaries(dict.fromkeys(FIELDS, ANY_TEXT)),
    st.sampled_from([shout, forget, lambda _: "X1 X1 X2", lambda _: ""]),
)
def test_spans_and_line_breaks_survive_any_engine(fields: dict[str, str], engine) -> None:  # type: ignore[no-untyped-def]
    rebuilt = translate(plan_record(fields), engine)
    assert rebuilt.lost_spans == 0
    breaks = {name: text.count("\n") for name, text in fields.items()}
    assert {name: text.count("\n") for name, text in rebuilt.fields.items()} == breaks


@pytest.mark.parametrize("index", range(len(SAMPLES)))
def test_samples_come_back(index: int) -> None:
    plan = plan_record(SAMPLES[index])
    assert translate(plan, str).fields == SAMPLES[index]
    for engine in (shout, forget):
        assert translate(plan, engine).lost_spans == translate(plan, engine).lost_quotes == 0
