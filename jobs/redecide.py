"""Decides again on rows that were scored before, without reading the corpora: other thresholds, licences, caps, splits.

spark-submit jobs/redecide.py OUTPUT --set thresholds.margin.min=1.06 --dry-run    shows what would change
spark-submit jobs/redecide.py OUTPUT --set thresholds.margin.min=1.06              replaces OUTPUT by the outcome
"""

from __future__ import annotations

from pathlib import Path

from pipelines.cli import add_overrides, job_parser, run_job
from pipelines.parallel_summary import print_summary
from pipelines.redecide import check, preview, redecide
from pipelines.session import job_session
from pipelines.shards.published import open_parallel
from pipelines.shards.workspace import complete_switch, folder_beside
from quality.differences import print_difference
from quality.parallel_publishing import completing
from schemas.loading import change_config


def main(argv: list[str]) -> int:
    parser = job_parser("redecide", __doc__)
    parser.add_argument("dataset", type=Path, metavar="OUTPUT", help="the output of a run of build_parallel")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would enter and leave; change nothing"
    )
    add_overrides(parser)
    arguments = parser.parse_args(argv)

    complete_switch(arguments.dataset)
    dataset = open_parallel(arguments.dataset)
    config = change_config(dataset.config, arguments.overrides)
    check(dataset, config)
    if arguments.dry_run:
        # beside the dataset, where Spark's workers can write too
        with folder_beside(dataset.folder, ".redecide-") as folder:
            found = preview(job_session("redecide", config.spark), dataset, config, folder / "decisions")
        print_difference(found)
        return 0
    manifest = redecide(lambda: job_session("redecide", config.spark), dataset, config, completing(config))
    print_summary(manifest, dataset.folder)
    return 0


if __name__ == "__main__":
    run_job(main)
