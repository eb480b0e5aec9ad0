"""Raw parallel corpora in, clean deduplicated Parquet shards out.

spark-submit jobs/build_parallel.py                                  builds the shipped samples
spark-submit jobs/build_parallel.py --input DIR --output DIR         builds the corpora found in a folder
"""

from __future__ import annotations

from pathlib import Path

from pipelines.build import build, plan
from pipelines.cli import add_config_arguments, add_output_arguments, job_parser, names, run_job
from pipelines.parallel_summary import print_summary
from pipelines.session import job_session
from pipelines.summary import print_notices
from quality.parallel_publishing import completing
from schemas.loading import load_config

DEMO = Path(__file__).resolve().parent.parent / "configs" / "demo.yaml"


def main(argv: list[str]) -> int:
    parser = job_parser("build_parallel", __doc__)
    parser.add_argument(
        "--input", type=Path, metavar="DIR", help="folder with the published files (default: samples)"
    )
    parser.add_argument(
        "--pairs", type=names, metavar="P,P", help="pairs, English first: en-zh,en-ar (default: all six)"
    )
    parser.add_argument(
        "--eval", type=Path, metavar="DIR", help="evaluation sets: rows that overlap with them fall"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="read at most N lines of each file")
    add_output_arguments(parser, "out/samples")
    add_config_arguments(parser)
    arguments = parser.parse_args(argv)

    config = load_config(
        arguments.config or (None if arguments.input else DEMO),
        arguments.overrides,
        sources__input=arguments.input,
        output=arguments.output,
        pairs=arguments.pairs,
        eval__path=arguments.eval,
        sources__limit=arguments.limit,
    )
    prepared = plan(config)
    print_notices(prepared.notices)
    manifest = build(
        lambda: job_session("build_parallel", config.spark),
        prepared,
        arguments.overwrite,
        completing(config),
    )
    print_summary(manifest, config.output)
    return 0


if __name__ == "__main__":
    run_job(main)
