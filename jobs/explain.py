"""Tells why a row was kept, or rejected.

python jobs/explain.py OUTPUT --id ID            the row with this id
python jobs/explain.py OUTPUT --text "…"         rows with this in their source or target

OUTPUT is the output of a run, or a published folder (which holds the kept rows only).
"""

from __future__ import annotations

from pathlib import Path

from pipelines.cli import job_parser, run_job
from pipelines.shards.published import open_parallel
from quality.explain import explain
from quality.explain_text import print_life


def main(argv: list[str]) -> int:
    parser = job_parser("explain", __doc__)
    parser.add_argument("dataset", type=Path, metavar="OUTPUT", help="folder with a manifest.json of ours")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--id", help="the row's id: 32 hex digits")
    wanted.add_argument("--text", help="a piece of its source or target, as normalised")
    arguments = parser.parse_args(argv)
    dataset = open_parallel(arguments.dataset)
    lives, more = explain(dataset, arguments.id, arguments.text)
    for life in lives:
        print_life(life, dataset.config)
    if more:
        print(f"more rows hold this text: these are the first {len(lives)}; give more of it, or an --id")
    return 0


if __name__ == "__main__":
    run_job(main)
