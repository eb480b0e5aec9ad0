"""The whole of jobs/fetch.py against a loopback mirror."""

from __future__ import annotations

import gzip
import io
import json
import os
import pty
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import yaml

from pipelines.errors import UserError
from pipelines.sources.discover import discover
from pipelines.sources.fetch import Wanted, exclusive, plan
from pipelines.sources.registry import CORPORA, find_corpus, license_of
from schemas.config import RunConfig
from schemas.loading import load_config

if TYPE_CHECKING:
    from conftest import Loopback

ROOT = Path(__file__).resolve().parents[2]
WIKIMATRIX = gzip.compress("1.2\tHello.\t你好。\n".encode() * 20_000)
NEWS = gzip.compress("Hello.\t你好。\n".encode())
LANGUAGES = ("en", "ar", "el", "hi", "tr", "vi", "zh")
SQUAD = json.dumps({"data": []}).encode()


@pytest.fixture
def job() -> ModuleType:
    return import_module("jobs.fetch")


def config_file(folder: Path, server: Loopback, *corpora: str, **fetch: object) -> Path:
    path = folder / "run.yaml"
    mirrors = {name: server.url(f"/{name}") for name in corpora}
    settings = {"corpora": list(corpora), "mirrors": mirrors, "retries": 1, "timeout_s": 5.0, **fetch}
    path.write_text(yaml.safe_dump({"pairs": ["en-zh", "en-el"], "fetch": settings}))
    return path


def run(*arguments: str | Path, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "jobs" / "fetch.py", *arguments],
        cwd="/",  # it must find the project from anywhere
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    )


def test_it_fetches_what_it_can_and_says_what_it_could_not(
    server: Loopback, tmp_path: Path, job: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_file(tmp_path, server, "WikiMatrix", "News-Commentary")
    server.on(
        "/WikiMatrix/WikiMatrix.en-zh.tsv.gz", server.file(WIKIMATRIX, cut=100), server.file(WIKIMATRIX)
    )
    server.on("/News-Commentary/news-commentary-v18.en-zh.tsv.gz", server.file(NEWS))
    output = tmp_path / "data"
    first = run("--config", config, "--output", output)
    assert first.returncode == 2, first.stderr
    assert (output / "WikiMatrix.en-zh.tsv.gz").read_bytes() == WIKIMATRIX
    assert (output / "news-commentary-v18.en-zh.tsv.gz").read_bytes() == NEWS
    assert not (output / "WikiMatrix.el-en.tsv.gz").exists()
    assert "note: News-Commentary has no el-en." in first.stderr
    assert f"WikiMatrix.en-zh.tsv.gz: {len(WIKIMATRIX) / 1000:.1f} kB of" in first.stderr
    assert "Traceback" not in first.stderr
    lines = {line.split()[1]: line for line in first.stdout.splitlines() if ".tsv.gz" in line}
    assert len(lines) == 3
    for name, parts in {
        "WikiMatrix.en-zh.tsv.gz": (f"{len(WIKIMATRIX):,}", "CC-BY-SA-4.0", "fetched"),
        "news-commentary-v18.en-zh.tsv.gz": (f"{len(NEWS):,}", "LicenseRef-WMT-research", "fetched"),
        "WikiMatrix.el-en.tsv.gz": ("CC-BY-SA-4.0", "failed:", server.url("/WikiMatrix"), "HTTP 404"),
    }.items():
        assert all(part in lines[name] for part in parts), lines[name]

    # the missing file appears: only it is asked for
    asked = len(server.requests)
    server.on("/WikiMatrix/WikiMatrix.el-en.tsv.gz", server.file(WIKIMATRIX))
    assert job.main(["--config", str(config), "--output", str(output)]) == 0
    assert [seen.path for seen in server.requests[asked:]] == ["/WikiMatrix/WikiMatrix.el-en.tsv.gz"]
    assert capsys.readouterr().out.count("already there") == 2
    assert set(json.loads((output / "checksums.json").read_text())) == {
        "WikiMatrix.el-en.tsv.gz",
        "WikiMatrix.en-zh.tsv.gz",
        "news-commentary-v18.en-zh.tsv.gz",
    }

    # build_parallel finds them by their names
    inputs, notices = discover(load_config(config, sources__input=str(output)))
    assert [(i.corpus, i.pair, i.license) for i in inputs] == [
        ("WikiMatrix", "en-el", "CC-BY-SA-4.0"),
        ("WikiMatrix", "en-zh", "CC-BY-SA-4.0"),
        ("News-Commentary", "en-zh", "LicenseRef-WMT-research"),
    ]
    assert notices == []


def test_on_a_terminal_there_is_a_bar(server: Loopback, tmp_path: Path) -> None:
    server.on("/WikiMatrix/WikiMatrix.en-zh.tsv.gz", server.file(WIKIMATRIX))
    config = config_file(tmp_path, server, "WikiMatrix")
    ours, theirs = pty.openpty()
    done = run("--config", config, "--output", tmp_path / "data", "--pairs", "en-zh", stderr=theirs)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as terminal:
        shown = terminal.read(65536).decode()
    assert done.returncode == 0
    assert "WikiMatrix.en-zh.tsv.gz" in shown
    assert "━" in shown
    assert "\x1b[" in shown


def test_bad_configuration_is_exit_2_with_every_problem(server: Loopback, tmp_path: Path) -> None:
    mirrors = {"Nowhere": server.url("/")}
    config = config_file(tmp_path, server, corpora=["WikiMatrix", "Tatoeba", "WikiMatricks"], mirrors=mirrors)
    done = run("--config", config, "--output", tmp_path / "data")
    assert done.returncode == 2
    problems = done.stderr.splitlines()
    assert [line.split(" ")[0] for line in problems] == ["error:"] * 3
    assert "fetch.mirrors: no corpus 'Nowhere' is known" in problems[0]
    assert "Tatoeba cannot be fetched; download its files from https://opus.nlpl.eu/Tatoeba" in problems[1]
    assert "fetch.corpora: no corpus 'WikiMatricks' is known" in problems[2]
    assert not (tmp_path / "data").exists()
    assert server.requests == []


def test_help_reads_well(job: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        job.main(["--help"])
    shown = capsys.readouterr().out
    for part in (
        "--output DIR",
        "--corpora NAMES",
        "--pairs PAIRS",
        "--config FILE",
        "--set KEY=VALUE",
        "exit code",
    ):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 110


def packed_mlqa() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for split in ("dev", "test"):
            for context in ("en", "zh", "de"):
                for question in ("en", "zh", "de"):
                    name = f"MLQA_V1/{split}/{split}-context-{context}-question-{question}.json"
                    archive.writestr(name, SQUAD)
    return buffer.getvalue()


def packed_flores() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in (
            "README",
            *(f"{s}/{c}.{s}" for s in ("dev", "devtest") for c in ("eng_Latn", "zho_Hans", "deu_Latn")),
        ):
            info = tarfile.TarInfo(f"./flores200_dataset/{name}")
            info.size = 6
            archive.addfile(info, io.BytesIO(b"Hello\n"))
    return buffer.getvalue()


def test_evaluation_sets_land_in_eval(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: ModuleType
) -> None:
    def unpinned(config: RunConfig) -> tuple[list[Wanted], list[str]]:
        wanted, missing = plan(config)
        return [replace(w, remote=replace(w.remote, sha256=None)) for w in wanted], missing

    monkeypatch.setattr(job, "plan", unpinned)  # no test can serve the real bytes
    server.on("/Alpaca/alpaca_data.json", server.file(b"[]"))
    for code in ("en", "zh"):
        server.on(f"/XQuAD/xquad.{code}.json", server.file(SQUAD))
    server.on("/MLQA/MLQA_V1.zip", server.file(packed_mlqa()))
    server.on("/FLORES/flores200_dataset.tar.gz", server.file(packed_flores()))
    config = config_file(tmp_path, server, "Alpaca", "XQuAD", "MLQA", "FLORES")
    output = tmp_path / "data"
    command = ["--config", str(config), "--output", str(output), "--pairs", "en-zh"]
    assert job.main(command) == 0
    found = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert found == {
        ".fetch.lock",
        "checksums.json",
        "alpaca/alpaca_data.json",
        "archives/MLQA_V1.zip",
        "archives/flores200_dataset.tar.gz",
        *(f"eval/XQuAD/xquad.{code}.json" for code in ("en", "zh")),
        *(
            f"eval/MLQA/MLQA_V1/{split}/{split}-context-{code}-question-{code}.json"
            for split in ("dev", "test")
            for code in ("en", "zh")
        ),
        *(
            f"eval/FLORES/flores200_dataset/{split}/{code}.{split}"
            for split in ("dev", "devtest")
            for code in ("eng_Latn", "zho_Hans")
        ),
    }
    asked = len(server.requests)
    (output / "eval/FLORES/flores200_dataset/dev/zho_Hans.dev").unlink()
    assert job.main(command) == 0
    assert len(server.requests) == asked
    assert {p.relative_to(output).as_posix() for p in output.rglob("*") if p.is_file()} == found


def test_bytes_that_are_not_the_published_ones_fail(
    server: Loopback, tmp_path: Path, job: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("/Alpaca/alpaca_data.json", server.file(b"[]"))
    config = config_file(tmp_path, server, "Alpaca")
    assert job.main(["--config", str(config), "--output", str(tmp_path / "data")]) == 2
    assert "failed: " in (shown := capsys.readouterr().out)
    assert "its sha256 is" in shown
    assert not (tmp_path / "data/alpaca/alpaca_data.json").exists()


def test_two_fetches_into_one_folder_are_refused(tmp_path: Path) -> None:
    first, second = exclusive(tmp_path / "data"), exclusive(tmp_path / "data")
    with first, pytest.raises(UserError, match="another fetch is writing here"):
        second.__enter__()
    with exclusive(tmp_path / "data"):
        pass


def test_the_paper_s_corpora_are_planned_under_their_published_names() -> None:
    corpora = ["WikiMatrix", "news-commentary", "Alpaca", "XQuAD", "MLQA", "flores"]
    wanted, missing = plan(load_config(None, fetch__corpora=corpora))
    urls = [w.remote.url for w in wanted]
    wikimatrix = "https://dl.fbaipublicfiles.com/laser/WikiMatrix/v1/WikiMatrix"
    assert urls[:6] == [
        f"{wikimatrix}.{pair}.tsv.gz" for pair in ("ar-en", "el-en", "en-hi", "en-tr", "en-vi", "en-zh")
    ]
    news = "https://data.statmt.org/news-commentary/v18.1/training/news-commentary-v18"
    assert urls[6:9] == [f"{news}.{pair}.tsv.gz" for pair in ("ar-en", "en-hi", "en-zh")]
    assert [w.remote.filename for w in wanted[10:17]] == [
        f"eval/XQuAD/xquad.{code}.json" for code in LANGUAGES
    ]
    assert all(w.remote.sha256 for w in wanted[9:])
    assert missing == [
        "News-Commentary has no el-en.",
        "News-Commentary has no en-tr.",
        "News-Commentary has no en-vi.",
        "MLQA has no Greek.",
        "MLQA has no Turkish.",
    ]


def test_a_mirror_replaces_all_but_the_file_name() -> None:
    (wanted, _) = plan(
        load_config(
            None,
            pairs=["en-zh"],
            fetch__corpora=["WikiMatrix"],
            fetch__mirrors={"wikimatrix": "https://m/w/"},
        )
    )
    assert [w.remote.url for w in wanted] == ["https://m/w/WikiMatrix.en-zh.tsv.gz"]


@pytest.mark.parametrize(
    ("name", "license"),
    [
        ("WikiMatrix", "CC-BY-SA-4.0"),
        ("wikimatrix.v1", "CC-BY-SA-4.0"),
        ("News-Commentary", "LicenseRef-WMT-research"),
        ("news-commentary-v18.1", "LicenseRef-WMT-research"),
        ("newstest2017", "LicenseRef-WMT-research"),
        ("WMT-News", "LicenseRef-WMT-research"),
        ("Tatoeba", "CC-BY-2.0"),
        ("Tatoeba-v2023-04-12", "CC-BY-2.0"),
        ("TICO-19", "CC0-1.0"),
        ("tico-19-v2020-10-28", "CC0-1.0"),
        ("NeuLab-TedTalks", "LicenseRef-TED"),
        ("Alpaca", "CC-BY-NC-4.0"),
        ("alpaca_data", "CC-BY-NC-4.0"),
        ("XQuAD", "CC-BY-SA-4.0"),
        ("MLQA_V1", "CC-BY-SA-3.0"),
        ("FLORES-200", "CC-BY-SA-4.0"),
        ("my-own-corpus", "unknown"),
        ("news", "unknown"),
        ("", "unknown"),
        ("2017", "unknown"),
    ],
)
def test_licences_by_name(name: str, license: str) -> None:
    assert license_of(name) == license


def test_the_table_is_complete() -> None:
    for name, corpus in CORPORA.items():
        assert find_corpus(name) is corpus
        assert corpus.citation.startswith("@")
        assert corpus.citation.count("{") == corpus.citation.count("}")
        assert corpus.homepage.startswith("https://")
        assert (corpus.files is None) == (corpus.base_url == "")
    assert [name for name, corpus in CORPORA.items() if corpus.mined] == ["WikiMatrix"]
