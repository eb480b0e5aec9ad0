"""What all jobs share on the command line: the config arguments and the exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from pipelines.errors import INTERRUPTED, InvariantError, UserError
from schemas.loading import ConfigError


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--config FILE` and `--set key=value` (repeatable)."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="run configuration (YAML; see configs/)")
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds `--set key=value` (repeatable)."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="set one key of the configuration, e.g. --set thresholds.margin.min=1.06 (repeatable)",
    )


def run_job(main: Callable[[list[str]], int]) -> NoReturn:
    """Runs `main(argv)` and exits: 0 done, 2 bad config or input, 3 an invariant was broken, 130 interrupted."""
    try:
        code = main(sys.argv[1:])
    except (UserError, ConfigError) as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        code = 2
    except InvariantError as error:
        print(f"invariant broken, nothing was published: {error}", file=sys.stderr)
        code = 3
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        code = 130
    sys.exit(code)
