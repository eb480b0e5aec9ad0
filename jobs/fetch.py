"""Downloads the public corpora and evaluation sets that a run is built from.

    python jobs/fetch.py --config configs/paper.yaml --output data
    python jobs/fetch.py --corpora WikiMatrix,XQuAD --pairs en-zh --output data
    spark-submit jobs/build_parallel.py --config configs/paper.yaml --input data --eval data/eval

A download that was cut goes on where it stopped when the same command runs again; what is there and whole is
not downloaded twice. A corpus that does not have a pair is skipped with a sentence.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

# python and spark-submit put jobs/ on the path, not the project
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from pipelines.cli import add_config_arguments, job_parser, names, run_job
from pipelines.sources.download import ClientSettings
from pipelines.sources.fetch import Outcome, exclusive, fetch, plan
from schemas.loading import load_config

LAYOUT = """\
files under DIR:
  WikiMatrix.<a>-<b>.tsv.gz, news-commentary-v18.<a>-<b>.tsv.gz   for build_parallel --input DIR
  alpaca/alpaca_data.json                                         instructions
  eval/XQuAD, eval/MLQA, eval/FLORES                              for build_parallel --eval DIR/eval
  archives/                                                       what the evaluation sets were unpacked from
  checksums.json                                                  bytes, sha256 and URL of every file

exit code: 0 done; 2 bad arguments, or something could not be fetched (all else was)
"""
PLAIN_EVERY_S = 10.0


def main(argv: list[str]) -> int:
    """Fetches what the arguments name, prints the table, and returns the exit code."""
    args = _parser().parse_args(argv)
    config = load_config(args.config, args.overrides, pairs=args.pairs, fetch__corpora=args.corpora)
    wanted, missing = plan(config)
    for sentence in missing:
        print(f"note: {sentence}", file=sys.stderr)
    settings = ClientSettings(retries=config.fetch.retries, timeout_s=config.fetch.timeout_s)
    with exclusive(args.output), _Display() as display:
        outcomes = [fetch(w, args.output, settings, display.watch(w.remote.filename)) for w in wanted]
    _print_table(outcomes)
    return 2 if any(outcome.state == "failed" for outcome in outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    parser = job_parser("fetch", __doc__)
    parser.epilog = LAYOUT
    form = "comma-separated; default: the configuration's"
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to fetch into")
    parser.add_argument(
        "--corpora", type=names, metavar="NAMES", help=f"corpora to fetch ({form} fetch.corpora)"
    )
    parser.add_argument(
        "--pairs", type=names, metavar="PAIRS", help=f"pairs, like en-zh,en-ar ({form} pairs)"
    )
    add_config_arguments(parser)
    return parser


class _Display:
    """One bar a file on a terminal, else now and then a line."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def watch(self, name: str) -> Callable[[int, int | None], None]:
        """A callback for the download of one file. The bar comes with its first call."""
        return self._plain(name) if self._bars.disable else self._bar(name)

    def _bar(self, name: str) -> Callable[[int, int | None], None]:
        task, last = None, -1

        def progress(done: int, total: int | None) -> None:
            nonlocal task, last
            if task is None:
                task = self._bars.add_task(name, total=total)
            if done <= last or last < 0:  # a new request: what is there already says nothing about the speed
                self._bars.reset(task, completed=done, total=total)
            else:
                self._bars.update(task, completed=done, total=total)
            last = done

        return progress

    def _plain(self, name: str) -> Callable[[int, int | None], None]:
        said_at = 0.0

        def progress(done: int, total: int | None) -> None:
            nonlocal said_at
            if done == total or time.monotonic() - said_at >= PLAIN_EVERY_S:
                said_at = time.monotonic()
                print(f"{name}: {decimal(done)} of {decimal(total) if total else '?'}", file=sys.stderr)

        return progress


def _print_table(outcomes: Sequence[Outcome]) -> None:
    table = Table("file", "bytes", "licence", "state")
    table.columns[0].overflow = table.columns[3].overflow = "fold"
    table.columns[1].justify = "right"
    for outcome in outcomes:
        table.add_row(
            outcome.wanted.remote.filename,
            f"{outcome.bytes:,}" if outcome.bytes else "",
            outcome.wanted.corpus.license,
            Text(f"{outcome.state}: {outcome.why}" if outcome.why else outcome.state),
        )
    # in a log, a line is to be found whole
    Console(width=None if sys.stdout.isatty() else 240).print(table)


if __name__ == "__main__":
    run_job(main)
