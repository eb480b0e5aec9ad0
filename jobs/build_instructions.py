"""Clean pairs and instructions in, training mixtures out: CoIT for each language, MuIT, and their ablations.

spark-submit jobs/build_instructions.py                                   mixes what `make demo` made of the samples
spark-submit jobs/build_instructions.py --config configs/paper_mixtures.yaml --allocation plan.yaml --output DIR
"""

from __future__ import annotations

from pathlib import Path

from pipelines.cli import add_config_arguments, add_output_arguments, job_parser, run_job
from pipelines.mix import mix
from pipelines.mix_plan import plan
from pipelines.mixture.summary import print_mixtures
from pipelines.session import job_session
from quality.mixture_publishing import completing
from schemas.loading import load
from schemas.mixture_run import MixtureRun

DEMO = Path(__file__).resolve().parent.parent / "configs" / "mixture_demo.yaml"


def main(argv: list[str]) -> int:
    parser = job_parser("build_instructions", __doc__)
    parser.add_argument("--parallel", type=Path, metavar="DIR", help="output of build_parallel")
    parser.add_argument(
        "--allocation", type=Path, metavar="FILE", help="rows of each language, as plan_mixture wrote them"
    )
    parser.add_argument("--tokenizer", type=Path, metavar="PATH", help="the base model's tokenizer")
    parser.add_argument(
        "--eval", type=Path, metavar="DIR", help="evaluation sets to keep the examples clear of"
    )
    add_output_arguments(parser, "out/mixtures")
    add_config_arguments(parser)
    arguments = parser.parse_args(argv)

    config = load(
        MixtureRun,
        arguments.config or DEMO,
        arguments.overrides,
        translation__path=arguments.parallel,
        translation__allocation=arguments.allocation,
        tokenizer__path=arguments.tokenizer,
        eval__path=arguments.eval,
        output=arguments.output,
    )
    prepared = plan(config)
    manifest = mix(
        lambda: job_session("build_instructions", config.spark),
        prepared,
        arguments.overwrite,
        completing(config),
    )
    print_mixtures(manifest, config.output)
    return 0


if __name__ == "__main__":
    run_job(main)
