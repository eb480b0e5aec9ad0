"""English instruction records in, the same records in other languages out.

spark-submit jobs/translate_instructions.py                               translates the shipped samples
spark-submit jobs/translate_instructions.py --input alpaca_data.json --languages zh,ar --engine DIR --output DIR
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
from pipelines.session import job_session
from pipelines.shards.workspace import folder_beside
from pipelines.translate import estimate, plan, translate
from pipelines.translation.summary import print_estimate, print_translated
from quality.translation_publishing import completing
from schemas.loading import load
from schemas.translation_run import TranslationRun

DEMO = Path(__file__).resolve().parent.parent / "configs" / "translate_demo.yaml"


def main(argv: list[str]) -> int:
    parser = job_parser("translate_instructions", __doc__)
    parser.add_argument(
        "--input",
        type=Path,
        action="append",
        metavar="FILE",
        help="records: Alpaca's JSON, JSONL or Parquet (repeatable; default: the samples)",
    )
    parser.add_argument("--languages", type=names, metavar="L,L", help="languages: zh,ar (default: all six)")
    add_engine_argument(parser)
    parser.add_argument(
        "--memory", type=Path, metavar="DIR", help="translation memory (default: beside the output)"
    )
    parser.add_argument("--license", metavar="ID", help="licence of the records (SPDX identifier)")
    parser.add_argument("--limit", type=int, metavar="N", help="read at most N records of each file")
    parser.add_argument(
        "--plan", action="store_true", help="say what there is to translate and how long it takes; do no more"
    )
    add_output_arguments(parser, "out/instructions")
    add_config_arguments(parser)
    arguments = parser.parse_args(argv)

    if arguments.input:
        require_engine(arguments)
    config = load(
        TranslationRun,
        arguments.config or (None if arguments.input else DEMO),
        arguments.overrides,
        input=arguments.input,
        languages=arguments.languages,
        engine__path=arguments.engine,
        memory=arguments.memory,
        output=arguments.output,
        license=arguments.license,
        limit=arguments.limit,
    )
    prepared = plan(config)

    def session() -> SparkSession:
        return job_session("translate_instructions", config.spark)

    if arguments.plan:
        # beside the output, where Spark's workers can read too
        with folder_beside(config.output, ".plan-") as folder:
            print_estimate(estimate(session, prepared, folder))
        return 0
    manifest = translate(session, prepared, arguments.overwrite, completing(config))
    print_translated(manifest, config.output)
    return 0


if __name__ == "__main__":
    run_job(main)
