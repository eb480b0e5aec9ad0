"""Tokens that were published: fetched from the Hub, whose API a loopback server speaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hub_server import TOKEN, State, serving
from job_process import ROOT
from token_folders import write_tokens
from training_runs import DEMO, on_cpu

REPO = "someone/tokens"


def dry_run(hub: State, home: Path, name: str) -> subprocess.CompletedProcess[str]:
    given = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "HF_TOKEN": TOKEN}
    overrides = ("data.tokens=null", f"data.hub={name}", f"output={home / 'out'}", "data.pack_tokens=16")
    command = [sys.executable, str(ROOT / "training" / "train.py"), "--config", str(DEMO), "--dry-run"]
    return subprocess.run(
        [*command, *(f"--set={override}" for override in overrides)],
        env={name: value for name, value in on_cpu().items() if not name.startswith("HF_")} | given,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_they_are_fetched_once_and_checked(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path / "tokens", 70)
    with serving() as hub:
        hub.hold(REPO, folder)
        done = dry_run(hub, tmp_path / "home", REPO)
        assert done.returncode == 0, done.stderr
        assert "rows │ 70" in " ".join(done.stdout.split())

        path = next(path for path in hub.repositories[REPO].files if path.endswith(".parquet"))
        hub.repositories[REPO].files[path]["content"] += b"more"
        hub.repositories[REPO].files[path] |= {"oid": "changed"}
        done = dry_run(hub, tmp_path / "another", REPO)
        assert done.returncode != 0
        assert path in done.stderr
        assert "Traceback" not in done.stderr

        done = dry_run(hub, tmp_path / "home", f"{REPO}@no-such-tag")
        assert done.returncode != 0
        assert f"{REPO}@no-such-tag: cannot be fetched from the Hub" in done.stderr
        assert "Traceback" not in done.stderr
