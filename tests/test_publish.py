"""Publishing a dataset on the Hub, against a loopback server that speaks its API."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_server import TOKEN, Repository, State, serving
from job_process import ROOT, environment

from schemas.datasets import MIXTURE
from schemas.mixture import INSTRUCTIONS

CARD = """---
license: cc0-1.0
language: [en, zh]
configs:
- config_name: coit-zh
  data_files: [{split: train, path: coit-zh/train-*.parquet}]
---

# A mixture
"""
REPO = "someone/mixture"
ROW = {
    "source_ids": ["a"], "lang": "zh", "task": "general", "instruction": "i", "input": "", "source": "s",
    "messages": [{"role": "user", "content": "i"}], "license": "CC0-1.0", "pairs": 0, "repeat": 0, "keys": ["k"],
    "split": "train",
}  # fmt: skip


@pytest.fixture(name="hub")
def _hub() -> Iterator[State]:
    with serving() as state:
        yield state


@pytest.fixture(name="output")
def _output(tmp_path: Path) -> Path:
    """The output of a run, as far as publishing looks at it."""
    output = tmp_path / "out"
    make(output, rows=5_000)
    return output


def make(output: Path, rows: int) -> None:
    folder = output / "instructions"
    (folder / "coit-zh").mkdir(parents=True, exist_ok=True)
    (output / "audit").mkdir(exist_ok=True)
    shards = []
    for number in range(2):
        path = folder / "coit-zh" / f"train-0000{number}-of-00002.parquet"
        texts = [hashlib.sha256(f"{number} {row}".encode()).hexdigest() for row in range(rows)]
        made = [ROW | {"id": text, "output": text} for text in texts]
        pq.write_table(pa.Table.from_pylist(made, schema=INSTRUCTIONS.arrow()), path)
        shards.append(describe(path, folder) | {"rows": rows})
    write_manifests(output, shards, hashlib.sha256(json.dumps(shards).encode()).hexdigest())
    (folder / "README.md").write_text(CARD)
    (output / "audit" / "results.json").write_text('{"passed": true}')


def describe(path: Path, folder: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "path": path.relative_to(folder).as_posix(),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def write_manifests(output: Path, shards: Sequence[Mapping[str, Any]], content: str) -> None:
    """The published folder's, and the run's."""
    common = {
        "dataset": MIXTURE.name, "version": MIXTURE.version, "polyinstruct": "0", "config": {}, "config_sha256": "",
        "mixtures": {}, "counts": [], "content_sha256": content,
    }  # fmt: skip
    (output / "instructions" / "manifest.json").write_text(json.dumps(common | {"outputs": list(shards)}))
    within = [{**shard, "path": f"instructions/{shard['path']}"} for shard in shards]
    (output / "manifest.json").write_text(json.dumps(common | {"outputs": within, "audit": {}}))


def tag_of(output: Path) -> str:
    content = json.loads((output / "manifest.json").read_text())["content_sha256"]
    return f"content-{content[:16]}"


def publish(
    hub: State, output: Path, *options: str, token: str | None = TOKEN, home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the job; neither a traceback nor the token may reach the person."""
    settings = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(home or output.parent / "hf"),
    }
    given = {name: value for name, value in environment().items() if not name.startswith(("HF_", "HUGGING"))}
    done = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / "publish.py"), str(output), "--repo-id", REPO, *options],
        capture_output=True,
        text=True,
        env=given | settings | ({"HF_TOKEN": token} if token else {}),
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done


def published(hub: State) -> dict[str, str]:
    return {
        path: hashlib.sha256(hub.content(REPO, path)).hexdigest() for path in hub.repositories[REPO].files
    }


def local(output: Path) -> dict[str, str]:
    folder = output / "instructions"
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_published_is_what_is_here_once(hub: State, output: Path) -> None:
    dry = publish(hub, output, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "4 new, 0 changed, 0 the same, 0 to be removed" in dry.stdout
    assert not hub.repositories
    first = publish(hub, output, "--private")
    assert first.returncode == 0, first.stderr
    assert published(hub) == local(output)
    repository = hub.repositories[REPO]
    assert repository.private
    assert repository.tags == {tag_of(output): repository.commits[-1]}
    assert len(repository.commits) == 2  # the empty one, and one for all files
    hub.requests.clear()
    again = publish(hub, output)
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stdout
    assert {request.split()[0] for request in hub.requests} == {"GET"}
    assert "everything is there already" in publish(hub, output, "--dry-run").stdout


def test_nothing_private_goes_into_a_public_repository(hub: State, output: Path) -> None:
    hub.repositories[REPO] = Repository(private=False)
    done = publish(hub, output, "--private")
    assert done.returncode == 2
    assert f"--private: {hub.url}/datasets/{REPO} is public" in done.stderr
    assert not hub.repositories[REPO].files
    assert {request.split()[0] for request in hub.requests} == {"GET"}


def test_another_version_sends_what_differs_and_removes_what_is_gone(hub: State, output: Path) -> None:
    publish(hub, output)
    hub.repositories[REPO].files["notes [old].md"] = hub.repositories[REPO].files["README.md"]
    (output / "instructions" / "coit-zh" / "train-00001-of-00002.parquet").rename(
        output / "instructions" / "coit-zh" / "train-00001-of-00001.parquet"
    )
    manifest = json.loads((output / "instructions" / "manifest.json").read_text())
    manifest["outputs"][1]["path"] = "coit-zh/train-00001-of-00001.parquet"
    write_manifests(output, manifest["outputs"], "ab" * 32)
    dry = publish(hub, output, "--dry-run")
    assert "1 new, 1 changed, 2 the same, 2 to be removed" in dry.stdout
    hub.requests.clear()
    assert publish(hub, output).returncode == 0
    assert published(hub) == local(output)
    assert not any(request.startswith("PUT") for request in hub.requests)  # the shard is known by its hash
    assert tag_of(output) == "content-abababababababab"
    assert len(hub.repositories[REPO].tags) == 2


@pytest.mark.parametrize(
    "faults",
    [
        [("PUT /lfs", 503), ("POST /api/datasets/someone/mixture/commit", 500)],
        [("POST /api/repos/create", 429), ("GET /api/datasets/someone/mixture/tree", 502)],
        [("PUT /lfs", "cut"), ("POST /api/datasets/someone/mixture/tag", 503)],
        [("POST /api/datasets/someone/mixture/preupload", 429), ("POST /datasets/someone/mixture.git", 503)],
    ],
)
def test_a_busy_hub_and_a_broken_line_are_waited_for(
    hub: State, output: Path, faults: list[tuple[str, int | str]]
) -> None:
    hub.faults = list(faults)
    done = publish(hub, output)
    assert done.returncode == 0, done.stderr
    assert not hub.faults
    assert published(hub) == local(output)
    assert len(hub.repositories[REPO].tags) == 1


def test_a_hub_that_is_busy_or_cuts_the_line_is_asked_again_when_it_says(
    hub: State, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import hub as module
    from pipelines.errors import UserError

    monkeypatch.setattr(module, "get_token", lambda: TOKEN)
    monkeypatch.setattr(module, "HfApi", partial(module.HfApi, endpoint=hub.url))
    hub.repositories[REPO] = Repository(private=False)
    # a request that huggingface_hub itself does not try again
    info = "GET /api/datasets/someone/mixture"
    hub.faults, hub.retry_after = [(info, 429), (info, "cut")], "2"
    started = time.monotonic()
    with pytest.raises(UserError, match="is public"):
        module.Hub(REPO, pause=0.0).publish(output / "instructions", "ab" * 32, private=True)
    assert time.monotonic() - started >= 2
    assert hub.requests == [info] * 3


def test_an_upload_that_was_given_up_goes_on_where_it_stopped(hub: State, output: Path) -> None:
    hub.faults = [("POST /api/datasets/someone/mixture/commit", 400)]
    done = publish(hub, output)
    assert done.returncode == 2
    assert "run the same command again" in done.stderr
    assert not hub.repositories[REPO].files
    hub.requests.clear()
    assert publish(hub, output).returncode == 0
    assert not any(request.startswith("PUT") for request in hub.requests)
    assert published(hub) == local(output)


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        ("rm -r audit", "was not audited"),
        ("rm audit/results.json", "was not audited"),
        ("echo '{\"passed\": false}' > audit/results.json", "did not pass its audit"),
        ("echo x >> instructions/coit-zh/train-00000-of-00002.parquet", "was altered"),
        ("rm instructions/coit-zh/train-00000-of-00002.parquet", "is missing"),
        (
            "cp instructions/coit-zh/train-00000-of-00002.parquet instructions/x.parquet",
            "was it added afterwards",
        ),
        ("echo 'no metadata' > instructions/README.md", "lack license, language, configs"),
        ("printf -- '---\\n[\\n---\\n' > instructions/README.md", "are not valid"),
        ("rm manifest.json", "holds no manifest.json"),
        ("mv instructions/* . && rm -r audit instructions", "expected the whole output of a run"),
    ],
)
def test_only_a_whole_and_audited_dataset_is_published(output: Path, break_it: str, sentence: str) -> None:
    subprocess.run(break_it, shell=True, cwd=output, check=True)
    from pipelines.errors import UserError
    from pipelines.hub import check_card
    from pipelines.publication import open_publication

    with pytest.raises(UserError, match=sentence):
        check_card(open_publication(output).folder)


def test_a_bad_name_and_no_token_are_said(hub: State, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines import hub as module
    from pipelines.errors import UserError

    monkeypatch.setattr(module, "get_token", lambda: None)
    for repo_id, sentence in (
        ("mixture", "expected user/name"),
        ("a/b/c", "is no name of a repository"),
        ("some one/x", "is no name of a repository"),
        ("someone/x", "no token of the Hub: set HF_TOKEN"),
    ):
        with pytest.raises(UserError, match=sentence):
            module.Hub(repo_id)
    done = publish(hub, output, token="hf_wrong")
    assert done.returncode == 2
    assert "the token is not allowed to do this" in done.stderr
    assert "hf_wrong" not in done.stderr
