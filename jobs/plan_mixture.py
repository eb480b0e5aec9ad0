"""Plans a mixture: how many rows of each language make the most of a budget.

python jobs/plan_mixture.py --observations scores.csv --budget 300000 --manifest out/paper --output plan.yaml
python jobs/plan_mixture.py --laws configs/laws_table4.yaml --budget 1200000

Observations are a CSV file with the columns language, pairs and score (0 to 100), and may have a fourth, data: parallel
or monolingual. The plan goes to build_instructions as it is (translation.allocation); its plot lies beside it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pipelines.cli import job_parser, run_job
from pipelines.errors import UserError
from schemas.laws import GammaFile, LawsFile
from schemas.loading import load

Number = TypeVar("Number", int, float)


def main(argv: list[str]) -> int:
    parser = job_parser("plan_mixture", __doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--observations", type=Path, metavar="FILE", help="scores to fit the laws to (CSV)")
    source.add_argument(
        "--laws", type=Path, metavar="FILE", help="laws (YAML: languages: {ar: {alpha: ...}})"
    )
    parser.add_argument(
        "--budget", type=int, required=True, metavar="C", help="rows of all languages together"
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="PATH",
        help="parallel dataset, whose training rows are what there is",
    )
    parser.add_argument(
        "--gamma", type=Path, metavar="FILE", help="similarities to English (YAML, of jobs/measure_gamma.py)"
    )
    parser.add_argument(
        "--weight",
        action="append",
        default=[],
        metavar="LANG=W",
        help="weight of a language's score (default: 1)",
    )
    parser.add_argument(
        "--floor", action="append", default=[], metavar="LANG=N", help="rows that a language gets at least"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the plan here (.yaml), and its plot (.svg)"
    )
    arguments = parser.parse_args(argv)
    if arguments.output and arguments.output.suffix not in (".yaml", ".yml"):
        raise UserError(f"--output {arguments.output}: expected a name that ends in .yaml")
    if arguments.gamma and not arguments.observations:
        raise UserError("--gamma: laws that are given have their own gamma; it goes with --observations")
    for needed in ("scipy", "matplotlib"):
        if importlib.util.find_spec(needed) is None:
            raise UserError(f"plan_mixture needs {needed}: pip install 'polyinstruct[plan]'")
    from pipelines.mixture.plan_summary import print_plan
    from pipelines.mixture.planning import (
        available,
        constrained,
        fitted_laws,
        given_laws,
        plan,
        with_gammas,
        write_plan,
    )
    from quality.law_plot import write_plot

    weights = _by_language("--weight", arguments.weight, float, "a number above zero, like zh=2")
    floors = _by_language("--floor", arguments.floor, int, "a whole number above zero, like zh=1000")

    if arguments.observations:
        laws = fitted_laws(arguments.observations)
        if arguments.gamma:
            laws = with_gammas(laws, arguments.gamma, load(GammaFile, arguments.gamma).gamma)
    else:
        laws = given_laws(arguments.laws, load(LawsFile, arguments.laws))
    there = None
    if arguments.manifest:
        there, origin = available(arguments.manifest)
        laws.origin.update(origin)
    laws = constrained(laws, there, weights, floors)
    made = plan(laws, arguments.budget)
    for warning in laws.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print_plan(made)
    if arguments.output:
        write_plan(arguments.output, made)
        picture = arguments.output.with_suffix(".svg")
        write_plot(picture, made)
        print(f"plan: {arguments.output}; plot: {picture}")
    return 0


def _by_language(
    option: str, given: Sequence[str], read: Callable[[str], Number], expected: str
) -> dict[str, Number]:
    """`LANG=NUMBER` strings as a mapping. Raises `UserError` for anything else, and for what is not above zero."""
    found: dict[str, Number] = {}
    problems = []
    for text in given:
        name, _, number = text.partition("=")
        try:
            value = read(number)
        except ValueError:
            value = read("0")
        if not name or not 0 < value < float("inf"):
            problems.append(f"{option} {text}: expected a language and {expected}")
        found[name] = value
    if problems:
        raise UserError(*problems)
    return found


if __name__ == "__main__":
    run_job(main)
