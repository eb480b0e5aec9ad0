"""plan_mixture, from scores or laws to a plan that build_instructions takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from job_process import ROOT, errors, run

from pipelines.mix_plan import _allocation
from pipelines.mixture.scaling_law import Law
from schemas.mixture_run import MixtureRun

LAWS = ROOT / "configs" / "laws_table4.yaml"


def test_scores_become_a_plan_and_its_plot(tmp_path: Path) -> None:
    lines = ["language,pairs,score,data"]
    for lang, law in {"zh": Law(41.7, -0.086), "el": Law(48.4, -0.114)}.items():
        lines += [
            f"{lang},{rows},{float(law.score(rows)):.2f}," for rows in (10_000, 50_000, 200_000, 800_000)
        ]
    lines += [
        f"zh,{rows},{float(Law(60.0, -0.05).score(rows)):.2f},monolingual" for rows in (10_000, 100_000)
    ]
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    (tmp_path / "gamma.yaml").write_text("gamma: {zh: 0.57, el: 0.6}\nmethod: cosine\n")
    output = tmp_path / "plan.yaml"
    options = (
        "--observations",
        tmp_path / "scores.csv",
        "--gamma",
        tmp_path / "gamma.yaml",
        "--budget",
        300_000,
    )
    done = run(*options, "--floor", "zh=200000", "--output", output, job="plan_mixture")
    assert done.returncode == 0, done.stderr
    assert "2 observations are too few" in done.stderr  # of monolingual data
    assert "90 % between" in done.stdout
    plan = yaml.safe_load(output.read_text())
    assert plan["allocation"] == {"zh": 200_000, "el": 100_000}
    assert plan["computed_from"]["languages"]["zh"]["gamma"] == 0.57
    config = MixtureRun.model_validate(
        {
            "languages": ["zh", "el"],
            "translation": {"path": ".", "allocation": output},
            "mixtures": {"mt": ["en-{x}"]},
        }
    )
    assert _allocation(config) == plan["allocation"]
    plot = (tmp_path / "plan.svg").read_bytes()
    assert b"monolingual data" in plot
    run(*options, "--floor", "zh=200000", "--output", output, job="plan_mixture")
    assert (tmp_path / "plan.svg").read_bytes() == plot


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--laws", LAWS, "--budget", 12_000_000),
            "budget: 12,000,000 rows are more than the 4,416,178 there are",
        ),
        (("--laws", LAWS, "--budget", 10, "--weight", "cn=2"), "--weight cn: no law of that language"),
        (
            ("--laws", LAWS, "--budget", 10, "--weight", "zh=-1"),
            "--weight zh=-1: expected a language and a number",
        ),
        (
            ("--laws", LAWS, "--budget", 10, "--floor", "zh=0.5"),
            "--floor zh=0.5: expected a language and a whole number",
        ),
        (("--laws", "nowhere.yaml", "--budget", 10), "nowhere.yaml: cannot be read"),
    ],
)
def test_bad_input_is_a_sentence(options: tuple[object, ...], sentence: str) -> None:
    found = errors(run(*options, job="plan_mixture"))
    assert len(found) == 1
    assert found[0].startswith(sentence)
