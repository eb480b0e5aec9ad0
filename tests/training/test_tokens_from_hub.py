"""Tokens that were published: fetched from the Hub, whose API a loopback server speaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hub_server import TOKEN, serving
from job_process import ROOT
from token_folders import write_tokens
from training_runs import DEMO, on_cpu

# one process for all, since the Hub's library reads its settings when it is imported
DRY_RUNS = """
import sys
from pipelines.errors import UserError
from training.train import main

for name in sys.argv[2:]:
    overrides = ("data.tokens=null", f"data.hub={name}", "data.pack_tokens=16")
    try:
        main(["--config", sys.argv[1], "--dry-run", *(f"--set={override}" for override in overrides)])
    except UserError as error:
        print("error:", error)
"""


def test_they_are_fetched_and_checked(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path / "tokens", 70)
    with serving() as hub:
        hub.hold("someone/tokens", folder)
        hub.hold("someone/damaged", folder)
        files = hub.repositories["someone/damaged"].files
        shard = next(path for path in files if path.endswith(".parquet"))
        files[shard]["content"] += b"more"
        home = {
            "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(tmp_path),
            "HF_TOKEN": TOKEN,
        }
        names = ("someone/tokens", "someone/damaged", "someone/tokens@no-such-tag")
        done = subprocess.run(
            [sys.executable, "-c", DRY_RUNS, str(DEMO), *names],
            env={name: value for name, value in on_cpu().items() if not name.startswith("HF_")} | home,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "rows │ 70" in " ".join(done.stdout.split())
    damaged, unknown = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert shard in damaged
    assert "someone/tokens@no-such-tag: cannot be fetched from the Hub" in unknown
