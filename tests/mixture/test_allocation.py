"""The allocation of a budget, held against the paper's table, the conditions of optimality and a general solver."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_process import ROOT
from scipy.optimize import minimize

from pipelines.errors import UserError
from pipelines.mixture.allocation import Language, allocate, mean_score, proportional, uniform
from pipelines.mixture.plan_summary import print_plan
from pipelines.mixture.planning import Laws, available, constrained, given_laws, plan
from pipelines.mixture.scaling_law import Law
from schemas.laws import LawsFile
from schemas.loading import load

LAWS = ROOT / "configs" / "laws_table4.yaml"
TABLE_4 = {
    300_000: {"ar": 41_842, "el": 44_953, "hi": 73_002, "tr": 59_652, "vi": 40_731, "zh": 39_816},
    1_200_000: {"ar": 183_539, "el": 189_556, "hi": 234_233, "tr": 242_263, "vi": 175_985, "zh": 174_422},
}


def paper() -> dict[str, Language]:
    return given_laws(LAWS, load(LawsFile, LAWS)).languages


@pytest.mark.parametrize("budget", TABLE_4)
def test_table_4_of_the_paper(budget: int) -> None:
    printed = TABLE_4[budget]
    found = allocate(paper(), budget)
    assert sum(found.rows.values()) == budget
    for name, rows in printed.items():
        assert found.rows[name] == pytest.approx(rows, rel=1e-4)
    assert found.capped == (("hi",) if budget == 1_200_000 else ())
    # the printed rows sum to a little less than the budget, for the authors cut off fractions
    assert allocate(paper(), sum(printed.values())).rows == printed


def test_gamma_does_not_change_the_allocation() -> None:
    languages = paper()
    for gamma in (0.01, 0.99, None):
        other = {n: Language(one.law.with_gamma(gamma), one.maximum) for n, one in languages.items()}
        assert allocate(other, 300_000).rows == allocate(languages, 300_000).rows


def test_a_general_solver_agrees_if_it_is_scaled_and_fails_silently_if_not() -> None:
    languages, budget = paper(), 300_000
    exact = np.array(list(allocate(languages, budget).rows.values()))
    high = np.array([one.maximum for one in languages.values()], dtype=float)

    def solved(unit: float, tolerance: float) -> np.ndarray:
        found = minimize(
            lambda x: (
                -np.mean(
                    [float(one.law.score(x_i * unit)) for one, x_i in zip(languages.values(), x, strict=True)]
                )
            ),
            np.full(6, budget / 6 / unit),
            method="SLSQP",
            bounds=[(1e-6, most / unit) for most in high],
            constraints={"type": "eq", "fun": lambda x: x.sum() - budget / unit},
            options={"ftol": tolerance, "maxiter": 500},
        )
        assert found.success
        return np.asarray(found.x * unit)

    assert solved(budget, 1e-12) == pytest.approx(exact, rel=1e-3)
    raw = solved(1.0, 1e-6)
    assert raw == pytest.approx(np.full(6, 50_000.0))  # "success", at the start


@st.composite
def _languages(draw: st.DrawFn) -> dict[str, Language]:
    number = draw(st.integers(1, 8))
    found = {}
    for k in range(number):
        floor = draw(st.integers(0, 300))
        found[str(k)] = Language(
            Law(draw(st.floats(1, 99)), draw(st.floats(-0.95, -0.01))),
            draw(st.one_of(st.none(), st.integers(floor, 5_000))),
            draw(st.floats(0.1, 10)),
            floor,
        )
    return found


@settings(max_examples=60)
@given(languages=_languages(), share=st.floats(0, 1))
def test_no_row_would_be_worth_more_elsewhere(languages: dict[str, Language], share: float) -> None:
    """In bounds, summing to the budget, and moving any row from one language to another loses (or is forbidden)."""
    floors = sum(one.floor for one in languages.values())
    there = sum(20_000 if one.maximum is None else one.maximum for one in languages.values())
    budget = max(1, round(floors + share * (there - floors)))
    if there < budget:
        return
    rows = allocate(languages, budget).rows
    assert sum(rows.values()) == budget
    for name, one in languages.items():
        assert one.floor <= rows[name] <= (budget if one.maximum is None else one.maximum)

    def worth(name: str, number: int) -> float:
        one = languages[name]
        return (
            one.weight * float(one.law.score(number + 1) - one.law.score(number)) if number else float("inf")
        )

    givers = [n for n in rows if rows[n] > max(languages[n].floor, 0)]
    takers = [n for n in rows if (most := languages[n].maximum) is None or rows[n] < most]
    loss = min((worth(n, rows[n] - 1) for n in givers), default=float("inf"))
    gain = max((worth(n, rows[n]) for n in takers if rows[n]), default=0.0)
    assert gain <= loss * 1.1 + 1e-12  # a whole row is no infinitesimal one


def test_a_thousand_languages_take_milliseconds() -> None:
    random = np.random.default_rng(0)
    languages = {
        str(k): Language(
            Law(float(random.uniform(20, 90)), float(-random.uniform(0.05, 0.9))),
            int(random.integers(1_000, 10**6)),
        )
        for k in range(1_000)
    }
    allocate(languages, 10_000_000)
    started = time.perf_counter()
    found = allocate(languages, 10_000_000)
    assert time.perf_counter() - started < 0.25
    assert sum(found.rows.values()) == 10_000_000


def test_more_budget_takes_nothing_away() -> None:
    languages = paper()
    before = allocate(languages, 100_000).rows
    for budget in (150_000, 400_000, 2_000_000, 4_416_178):
        now = allocate(languages, budget).rows
        assert all(now[name] >= before[name] for name in now)
        before = now
    assert before == {name: one.maximum for name, one in languages.items()}


def test_weights_and_floors_move_rows() -> None:
    languages = paper()
    plain = allocate(languages, 300_000).rows
    heavy = allocate(languages | {"zh": Language(languages["zh"].law, 912_508, weight=3.0)}, 300_000).rows
    assert heavy["zh"] > 2 * plain["zh"]
    found = allocate(languages | {"zh": Language(languages["zh"].law, 912_508, floor=100_000)}, 300_000)
    assert found.rows["zh"] == 100_000
    assert found.floored == ("zh",)


def test_baselines_keep_within_what_there_is() -> None:
    languages = paper()
    rows = uniform(languages, 2_400_000)
    assert rows["hi"] == 234_233
    assert sum(rows.values()) == pytest.approx(2_400_000)
    assert len({round(rows[name]) for name in ("ar", "el", "tr", "vi", "zh")}) == 1
    shared = proportional(languages, 4_416_178 // 2)
    assert shared is not None
    assert shared["zh"] == pytest.approx(912_508 / 2)
    assert proportional({"zh": Language(Law(40, -0.1))}, 10) is None


def test_the_multiplier_is_what_the_next_row_is_worth() -> None:
    languages = paper()
    curves = {name: one.law for name, one in languages.items()}
    even = dict.fromkeys(languages, 1.0)
    found = allocate(languages, 300_000)
    more = mean_score(curves, allocate(languages, 310_000).rows, even) - mean_score(curves, found.rows, even)
    assert more / 10_000 == pytest.approx(found.multiplier, rel=0.05)


def test_where_all_is_taken_no_row_is_left_to_be_worth_anything(capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(Laws(paper(), {}, {}, {}), 4_416_178)
    assert found.allocation.multiplier == 0
    assert found.allocation.capped == tuple(paper())
    print_plan(found)
    assert "4,416,178 rows; there are no more rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("budget", "floors", "sentence"),
    [
        (5_000_000, {}, "more than the 4,416,178 there are; every language is short"),
        (0, {}, "one row or more"),
        (100, {"zh": 200}, "the floors sum to 200"),
        (500_000, {"hi": 300_000}, "hi has 234,233 rows, fewer than its floor of 300,000"),
        (100, {"cn": 200}, r"--floor cn: no law of that language.*there are ar, el"),
    ],
)
def test_what_cannot_be_allocated_is_said(budget: int, floors: dict[str, int], sentence: str) -> None:
    laws = given_laws(LAWS, load(LawsFile, LAWS))
    with pytest.raises(UserError, match=sentence):
        plan(constrained(laws, None, {}, floors), budget)


def test_what_there_is_comes_from_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(
        '{"content_sha256": "ab", "outputs": [{"path": "parallel/en-zh/train-00000-of-00002.parquet", "rows": 5},'
        '{"path": "parallel/en-zh/train-00001-of-00002.parquet", "rows": 6}, {"path": "parallel/en-zh/test-0.parquet",'
        '"rows": 9}, {"path": "rejected/en-zh/part-00000-of-00001.parquet", "rows": 7}]}'
    )
    assert available(tmp_path)[0] == {"zh": 11}
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="no manifest of a parallel dataset"):
        available(tmp_path)
