"""MI-EVAL: new instructions made in the self-instruct way, the same in every language.

spark-submit jobs/build_mi_eval.py                               builds a small one from the samples' recorded run
spark-submit jobs/build_mi_eval.py --seeds alpaca_data.json --generator https://HOST/v1 --model NAME --size 500
    --languages ar,el,hi,tr,vi,zh --engine DIR --training DIR --output DIR

The endpoint's key is read from the environment (OPENAI_API_KEY, or the variable that generator.key_env names).
"""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.cli import (
    add_config_arguments,
    add_engine_argument,
    add_output_arguments,
    job_parser,
    names,
    require_engine,
    run_job,
)
from pipelines.mi_eval.build import build, plan
from pipelines.mi_eval.estimate import estimate
from pipelines.mi_eval.summary import print_built, print_estimate
from pipelines.session import job_session
from quality.mi_eval_publishing import completing
from schemas.loading import load
from schemas.mi_eval_run import MiEvalRun

DEMO = Path(__file__).resolve().parent.parent / "configs" / "mi_eval_demo.yaml"


def main(argv: list[str]) -> int:
    parser = job_parser("build_mi_eval", __doc__)
    parser.add_argument(
        "--seeds",
        type=Path,
        action="append",
        metavar="FILE",
        help="seed records: Alpaca's JSON, JSONL or Parquet (repeatable; default: the samples)",
    )
    parser.add_argument(
        "--generator",
        metavar="URL_OR_MODEL",
        help="base URL of an OpenAI-compatible endpoint, or a model for transformers (directory or name on the Hub)",
    )
    parser.add_argument("--model", metavar="NAME", help="the model's name at the endpoint")
    parser.add_argument(
        "--requests",
        type=Path,
        metavar="DIR",
        help="store of requests and answers (default: beside the output)",
    )
    parser.add_argument("--size", type=int, metavar="N", help="items (default: 500)")
    parser.add_argument(
        "--languages", type=names, metavar="L,L", help="languages besides English: zh,ar (default: all six)"
    )
    add_engine_argument(parser)
    parser.add_argument(
        "--training",
        type=Path,
        action="append",
        metavar="PATH",
        help="training data that the set must not overlap with, besides the seeds: records, translated instructions, "
        "parallel shards (repeatable; file or folder)",
    )
    parser.add_argument(
        "--references", action="store_const", const=True, help="publish the reference answers too"
    )
    parser.add_argument("--license", metavar="ID", help="licence of the items (SPDX identifier)")
    parser.add_argument(
        "--plan", action="store_true", help="say what there is to ask and what it may cost; do no more"
    )
    add_output_arguments(parser, "out/mi_eval")
    add_config_arguments(parser)
    arguments = parser.parse_args(argv)

    if arguments.seeds:
        require_engine(arguments)
    given = arguments.generator
    by_url = given is not None and given.startswith(("http://", "https://"))
    config = load(
        MiEvalRun,
        arguments.config or (None if arguments.seeds else DEMO),
        arguments.overrides,
        seeds=arguments.seeds,
        generator__endpoint=given if by_url else None,
        generator__local=None if by_url else given,
        generator__model=arguments.model,
        generator__store=arguments.requests,
        size=arguments.size,
        languages=arguments.languages,
        engine__path=arguments.engine,
        training__paths=arguments.training,
        references=arguments.references,
        output=arguments.output,
        license=arguments.license,
    )
    prepared = plan(config)

    def session() -> SparkSession:
        return job_session("build_mi_eval", config.spark)

    if arguments.plan:
        print_estimate(estimate(prepared), config)
        return 0
    manifest = build(session, prepared, arguments.overwrite, completing(prepared))
    print_built(manifest, config.output)
    return 0


if __name__ == "__main__":
    run_job(main)
