"""What all jobs share on the command line: the config arguments and the exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from pipelines.errors import INTERRUPTED, InvariantError, UserError
from schemas.loading import ConfigError


def job_parser(name: str, described: str | None) -> argparse.ArgumentParser:
    """The parser of a job's arguments; `described` is the job's docstring, shown as it stands."""
    form = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog=f"{name}.py", description=described, formatter_class=form)


def names(text: str) -> list[str]:
    """The names in an argument, with commas between them; an empty one is for the job to refuse."""
    return [name.strip() for name in text.split(",")]


def add_output_arguments(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds `--output DIR` and `--overwrite`."""
    parser.add_argument("--output", metavar="DIR", help=f"folder to write (default: {default})")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished output")


def add_engine_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--engine DIR`."""
    parser.add_argument(
        "--engine", type=Path, metavar="DIR", help="engine directory, made by jobs/prepare_engine.py"
    )


def require_engine(arguments: argparse.Namespace) -> None:
    """Raises `ConfigError` where neither an argument nor a configuration names an engine."""
    named = any(given.startswith("engine.") for given in arguments.overrides)
    if not (arguments.engine or arguments.config or named):
        raise ConfigError(["--engine: expected an engine directory, made by jobs/prepare_engine.py"])


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
        help="set one key of the configuration, of a section by SECTION.KEY=VALUE (repeatable)",
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
