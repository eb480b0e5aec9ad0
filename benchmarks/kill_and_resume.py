"""Kills a translation at random moments, in each of its stages, resumes it, and holds it against an undisturbed run.

    python benchmarks/kill_and_resume.py [--seed 1]

A first run is left alone; its stages and their seconds tell when to strike. A second one, into another output and with
a memory of its own, is killed (driver, Java and Python workers, by SIGKILL) at a random moment of each stage, twice
while it translates, started again each time, and left to finish in the end. Fails unless both published the same bytes,
and no segment was translated that a killed run had stored. Batches that are finished are stored at once here, so that
what a kill may cost is what was in flight: at most `2 * threads + 1` batches.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
BUDGET = 256  # tokens in a batch


@dataclass
class Run:
    """The job as a process, and the stages it has told of: name, how often it was told before, seconds since start."""

    output: Path
    lines: list[tuple[str, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        files = ("alpaca_data.json", "mi_eval_instructions.json")
        given = [part for name in files for part in ("--input", str(ROOT / "samples" / name))]
        keys = {"engine.commit_every_s": 0, "engine.token_budget": BUDGET}
        given += [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
        job, config = ROOT / "jobs" / "translate_instructions.py", ROOT / "configs" / "translate_demo.yaml"
        others = ("SPARK_HOME", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, str(job), "--config", str(config), *given, "--output", str(self.output)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name not in others},
        )

    def read_line(self) -> bool:
        """Waits for the next line about a stage; false if the job has ended before one came."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            name, colon, rest = line.partition(": ")
            if colon and rest.split(" ")[1:2] in (["s\n"], ["s,"]):
                before = sum(known == name for known, _, _ in self.lines)
                self.lines.append((name, before, time.monotonic() - self.started))
                return True
        return False

    def finish(self) -> None:
        while self.read_line():
            pass
        if self.process.wait():
            sys.exit(f"the job ended with {self.process.returncode} after {self.lines[-1:]}")

    def kill(self) -> None:
        for process in [root := psutil.Process(self.process.pid), *root.children(recursive=True)]:
            process.kill()
        self.process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    choose = random.Random(parser.parse_args().seed)
    with tempfile.TemporaryDirectory(prefix="polyinstruct-kill-") as name:
        undisturbed = Run(Path(name) / "one" / "out")
        undisturbed.finish()
        told = undisturbed.lines
        print(f"undisturbed: {told[-1][2]:.0f} s, {sum(stored(undisturbed.output).values()):,} segments")
        output, before = Path(name) / "two" / "out", Counter[str]()
        for place in moments([stage for stage, _, _ in told], choose):
            stage, _, end = told[place]
            begin = told[place - 1][2] if place else 0.0
            run, moment = Run(output), choose.random() * (end - begin)
            while place and (not run.lines or told_at(told, run.lines[-1]) < place - 1):
                if not run.read_line():
                    sys.exit(f"the job ended before it could be killed in {stage}")
            time.sleep(moment)
            run.kill()
            after = stored(output)
            last = run.lines[-1][0] if run.lines else "begin"
            print(
                f"killed for {stage!r}, {moment:.2f} s after {last!r}: "
                f"{sum((after - before).values()):,} more segments stored, {sum(after.values()):,} in all",
                flush=True,
            )
            before = after
        Run(output).finish()
        segments = stored(output)
        twice = sum(segments.values()) - len(segments)
        same = digests(output) == digests(undisturbed.output)
        print(
            f"{len(segments):,} segments in the memory, {twice} of them translated again after they were stored"
        )
        print(f"segments are those of the undisturbed run: {segments == stored(undisturbed.output)}")
        print(f"files are those of the undisturbed run: {same} ({len(digests(output))} files)")
        return 0 if same and not twice else 1


def moments(stages: list[str], choose: random.Random) -> list[int]:
    """A place of each kind of stage in the undisturbed run's list, and one more of translating, in their order."""
    kinds: dict[str, list[int]] = {}
    for place, name in enumerate(stages):
        retry = name.split(" ")[-1]
        kinds.setdefault("retry" if "_" in retry else name, []).append(place)
    return sorted([choose.choice(places) for places in kinds.values()] + kinds["translate"][:1])


def told_at(told: list[tuple[str, int, float]], line: tuple[str, int, float]) -> int:
    """The place of a resumed run's line in the undisturbed run's list; stages that are done tell nothing."""
    places = [place for place, (name, before, _) in enumerate(told) if (name, before) == line[:2]]
    return places[0] if places else -1


def stored(output: Path) -> Counter[str]:
    """How often each segment is stored in the memory beside an output, by key."""
    files = output.parent.glob("translation-memory/*/segments-*.parquet")
    return Counter(key for path in files for key in pq.read_table(path, columns=["key"])["key"].to_pylist())


def digests(output: Path) -> dict[str, str]:
    """SHA-256 of the dataset's files: all but what tells of the run and its times."""
    of_the_run = {"manifest.json", "report.html", "audit"}
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.relative_to(output).parts[0] not in of_the_run
    }


if __name__ == "__main__":
    sys.exit(main())
