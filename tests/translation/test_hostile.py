"""No text makes the planner slow: what a pattern could try again from every place is bounded."""

from __future__ import annotations

import pytest

from pipelines.translation.plan import plan_record
from pipelines.translation.routing import route_reason

PIECES = (
    "(",
    "a=",
    "1 + ",
    "| ",
    "ab, ",
    '"a ',
    "{",
    "[",
    "<a ",
    "$a_",
    "\\a{",
    "`a",
    "a.",
    '{"a":',
    '["a",',
    "f(",
    "ls -a ",
    "ls | ",
    "awk '",
    "sort -a=.",
    "for a in b; do ",
    "a",
    "字",
)


@pytest.mark.timeout(60)  # a hang, not a measurement: each takes a fraction of a second
@pytest.mark.parametrize("piece", PIECES)
def test_repeated_pieces(piece: str) -> None:
    text = (piece * 3000)[:3000]
    record = {"instruction": text, "input": text, "output": text[:2000]}
    plan = plan_record(record)
    assert plan.rebuild({request: request for request in plan.requests()}).fields == record
    route_reason(record)
