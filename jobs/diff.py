"""Shows what differs between two versions of a dataset: rows that came in, went out or changed, by pair and reason.

spark-submit jobs/diff.py OLD NEW [--output PAGE.html]
"""

from __future__ import annotations

from pathlib import Path

from pipelines.cli import job_parser, run_job
from pipelines.difference import decided_rows, difference
from pipelines.session import job_session, tune_for
from pipelines.shards.published import open_parallel
from quality.differences import print_difference, write_page
from schemas.loading import ConfigError


def main(argv: list[str]) -> int:
    parser = job_parser("diff", __doc__)
    parser.add_argument("old", type=Path, metavar="OLD", help="folder with a manifest.json of ours")
    parser.add_argument("new", type=Path, metavar="NEW", help="another one")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write a page (HTML) too")
    arguments = parser.parse_args(argv)
    if arguments.output and arguments.output.is_dir():
        raise ConfigError([f"--output: {arguments.output} is a folder; expected the name of a file"])
    if arguments.output and not arguments.output.absolute().parent.is_dir():
        raise ConfigError([f"--output: {arguments.output.absolute().parent} is no folder"])

    old, new = open_parallel(arguments.old), open_parallel(arguments.new)
    spark = job_session("diff", {})
    tune_for(spark, sum(source["rows"] for source in new.manifest["inputs"]), {})
    both_whole = old.whole and new.whole  # rejected rows do not travel with a published folder
    found = difference(*(decided_rows(spark, dataset, both_whole) for dataset in (old, new)))
    if not both_whole:
        print("kept rows only are compared, since a published folder holds no others")
    print_difference(found)
    if arguments.output:
        write_page(arguments.output, found, str(arguments.old), str(arguments.new), new.config)
        print(f"page: {arguments.output}")
    return 0


if __name__ == "__main__":
    run_job(main)
