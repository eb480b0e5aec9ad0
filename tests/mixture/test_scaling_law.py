"""The law of one language: fitted, with its band and its warnings."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import UserError
from pipelines.mixture.observations import read_observations
from pipelines.mixture.planning import fitted_laws
from pipelines.mixture.scaling_law import Law, fit

ROWS = (5e3, 2e4, 5e4, 1e5, 4e5, 1e6)


@settings(max_examples=10)
@given(
    scale=st.floats(5, 95),
    beta=st.floats(-0.6, -0.02),
    gamma=st.one_of(st.none(), st.floats(0.05, 0.95)),
)
def test_points_on_a_law_give_that_law(scale: float, beta: float, gamma: float | None) -> None:
    law = Law(scale, beta).with_gamma(gamma)
    found = fit("x", ROWS[:3], law.score(ROWS[:3]).tolist())
    assert found.law.beta == pytest.approx(beta, rel=1e-3, abs=1e-5)
    assert found.law.scale == pytest.approx(scale, rel=1e-3)


@given(gamma=st.floats(0.01, 0.99))
def test_gamma_changes_alpha_and_nothing_else(gamma: float) -> None:
    law = Law(40.0, -0.1)
    other = law.with_gamma(gamma)
    assert other.alpha < law.alpha
    assert np.allclose(other.score(ROWS), law.score(ROWS))
    assert other.scale == pytest.approx(law.scale)


def test_one_wild_score_does_not_carry_the_law_away() -> None:
    law = Law(45.0, -0.11)
    scores = law.score(ROWS)
    scores[2] -= 15
    found = fit("x", ROWS, scores.tolist())
    assert float(np.abs(found.law.score(ROWS) - law.score(ROWS)).max()) < 1.0
    assert found.residuals[2] == pytest.approx(-15, abs=1.0)


def test_the_band_covers_the_law_about_as_often_as_it_says() -> None:
    law, random = Law(45.0, -0.11), np.random.default_rng(7)
    covered = []
    for seed in range(8):
        found = fit("x", ROWS, (law.score(ROWS) + random.normal(0, 0.3, len(ROWS))).tolist(), seed)
        band = found.band(np.array(ROWS))
        assert band is not None
        covered += ((band[0] <= law.score(ROWS)) & (law.score(ROWS) <= band[1])).tolist()
    assert 0.6 < float(np.mean(covered)) < 0.99


def test_the_same_points_and_seed_give_the_same_band() -> None:
    scores = [80.0, 82.5, 83.1, 84.9, 86.0, 87.0]
    once, again = (fit("x", ROWS[::step], scores[::step]).replicates for step in (1, -1))
    assert once == again


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ([80.0, 82.0, 83.0], "3 observations are too few"),
        ([85.0, 84.0, 83.0, 82.0], "came to the end of its range"),
        ([50.0, 90.0, 40.0, 95.0], "fits badly"),
    ],
)
def test_a_law_that_says_little_is_warned_of(scores: list[float], sentence: str) -> None:
    assert sentence in " ".join(fit("x", ROWS[: len(scores)], scores).warnings)
    assert not fit("x", ROWS, Law(40.0, -0.1).score(ROWS).tolist()).warnings


def test_two_points_give_a_law_without_a_band() -> None:
    found = fit("x", (1e4, 1e5), (80.0, 85.0))
    assert found.replicates == ()
    assert found.band(np.array([1e4])) is None
    assert float(found.law.score(1e5)) == pytest.approx(85.0)


@pytest.mark.parametrize(
    ("rows", "scores", "sentence"),
    [
        ([1e4], [80.0], "1 observation, all of the same number of rows"),
        ([1e4, 1e4], [80.0, 81.0], "2 observations, all of the same number of rows"),
        ([1e4, 1e5], [80.0, float("nan")], "with a score of nan"),
        ([1e4, 1e5], [-1.0, 80.0], "with a score of -1"),
        ([0.0, 1e5], [70.0, 80.0], "0 rows"),
    ],
)
def test_points_that_no_law_can_be_fitted_to(rows: list[float], scores: list[float], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        fit("x", rows, scores)


def test_observations_name_their_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(
        "language, pairs,score,data\nzh,10000,81.5\nzh,many,80,parallel\nzh,10,-3,parallel\n"
        "zh,10,nan,parallel\n,10,80,parallel\nzh,10,80,speech\nzh,0,80,parallel\nzh,20000,83,\n"
    )
    with pytest.raises(UserError) as caught:
        read_observations(path)
    assert [problem.removeprefix(f"{path}, ") for problem in caught.value.problems] == [
        "line 3: pairs is 'many'; expected a number",
        "line 4: score is -3; expected one from 0 up to, not including, 100",
        "line 5: score is nan; expected a finite number",
        "line 6: no language",
        "line 7: data is 'speech'; expected parallel or monolingual",
        "line 8: pairs is 0; expected one or more",
    ]


@pytest.mark.parametrize("text", ["", "language,score\nzh,80\n", "language,pairs,score\n"])
def test_a_file_without_observations_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"expected a first line|no observations"):
        read_observations(path)


def test_the_errors_of_languages_do_not_go_up_and_down_together(tmp_path: Path) -> None:
    scores = [(rows, 60 + 5 * math.log10(rows) + off) for rows, off in zip(ROWS, (0, 1, -1) * 2, strict=True)]
    lines = [f"{lang},{rows:.0f},{score:.3f}" for lang in ("zh", "el") for rows, score in scores]
    (tmp_path / "scores.csv").write_text("\n".join(["language,pairs,score", *lines]))
    fits = fitted_laws(tmp_path / "scores.csv").fits
    assert fits["zh"].law == fits["el"].law
    zh, el = ([law.beta for law in fits[lang].replicates] for lang in ("zh", "el"))
    assert abs(np.corrcoef(zh, el)[0, 1]) < 0.25
    again = fitted_laws(tmp_path / "scores.csv").fits
    assert [law.beta for law in again["zh"].replicates] == zh
