"""How long a build takes, stage by stage, and how much memory all its processes hold at most.

    python benchmarks/build_parallel.py CORPORA [--eval DIR] [--output DIR]

CORPORA is a folder of published corpora. The job runs as users run it, through spark-submit, on the cores of this
machine; memory is the sum of the proportional set sizes (PSS) of spark-submit and everything it started.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_EVERY = 5.0  # seconds between looks at the memory, which stop the processes they look at


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", type=Path, nargs="?", default=ROOT / "samples" / "corpora")
    parser.add_argument("--eval", type=Path, help="evaluation sets to decontaminate against")
    parser.add_argument("--output", type=Path, help="where to build (default: a temporary folder)")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="polyinstruct-bench-"))
    output = arguments.output or folder / "out"
    # spark-submit looks for its own home with the first python3 on PATH
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["spark-submit", str(ROOT / "jobs" / "build_parallel.py")]
    command += ["--input", str(arguments.corpora), "--output", str(output), "--overwrite"]
    command += ["--eval", str(arguments.eval)] if arguments.eval else []
    started = time.monotonic()
    with open(folder / "log", "wb") as log:
        job = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        peak = 0
        while job.poll() is None:
            peak = max(peak, sum(map(_pss, _family(job.pid))))
            with contextlib.suppress(subprocess.TimeoutExpired):
                job.wait(_EVERY)
    seconds = time.monotonic() - started
    if job.returncode:
        print((folder / "log").read_text(errors="replace")[-3000:])
        return job.returncode
    manifest = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
    rows = sum(count["read"] for count in manifest["counts"])
    kept = sum(count["kept"] for count in manifest["counts"])
    print(f"{rows:,} rows read, {kept:,} kept, {seconds:.0f} s in all, {peak / 2**30:.2f} GiB at most")
    for stage, took in manifest["seconds"].items():
        print(f"  {stage:8} {took:7.1f} s {rows / max(took, 0.1):12,.0f} rows/s")
    shutil.rmtree(folder)
    return 0


def _family(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        process = todo.pop()
        found.append(process)
        todo += children.get(process, [])
    return found


def _pss(process: int) -> int:
    """Bytes of a process's memory, what is shared counted in proportion."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    sys.exit(main())
