"""Audits a dataset that was built before, wherever it came from.

spark-submit jobs/audit.py out/samples               the output of a run
spark-submit jobs/audit.py DIR                       a published dataset, as it was downloaded

Exits 0 if nothing critical was found, 2 if it is no whole dataset of ours, 3 if a critical expectation failed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.cli import add_overrides, job_parser, run_job
from pipelines.session import job_session
from pipelines.shards.published import open_dataset
from quality.again import auditor
from quality.findings import failure
from quality.summary import print_findings


def main(argv: list[str]) -> int:
    parser = job_parser("audit", __doc__)
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder with a manifest.json of ours")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write results.json and Great Expectations' Data Docs here"
    )
    parser.add_argument(
        "--eval",
        type=Path,
        metavar="DIR",
        help="evaluation sets to hold a sample of parallel data against once more",
    )
    add_overrides(parser)
    arguments = parser.parse_args(argv)

    dataset = open_dataset(arguments.dataset)
    audit = auditor(dataset, arguments.overrides, arguments.eval)
    found = audit(job_session("audit", {}), arguments.output / "data_docs" if arguments.output else None)
    if arguments.output:
        found.write(arguments.output / "results.json")
    print_findings(found)
    if found.failed:
        print(f"error: {failure(found)}", file=sys.stderr)
    return 3 if found.failed else 0


if __name__ == "__main__":
    run_job(main)
