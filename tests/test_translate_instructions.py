"""Translating instruction records, from files to published shards: with the demo engine, which knows some by heart."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from job_process import ROOT, RunHere, digests, environment, errors, run
from pyspark.sql import SparkSession

import jobs.translate_instructions
from pipelines.errors import UserError
from pipelines.shards.published import DatasetFolder, open_dataset, open_parallel
from pipelines.translate import plan, translate
from pipelines.translation.checks import decide
from pipelines.translation.plan import FIELDS
from quality.again import auditor
from quality.findings import AuditError
from quality.translation_audit import _decided, audit
from quality.translation_publishing import completing
from schemas.fields import Dataset
from schemas.instructions import INSTRUCTIONS, REASONS, REJECTED_INSTRUCTIONS, SCORES
from schemas.loading import load
from schemas.translation import Checks
from schemas.translation_run import TranslationRun

SAMPLES = ROOT / "samples"
DEMO = ROOT / "configs" / "translate_demo.yaml"
TARGETS = ("ar", "el", "hi", "tr", "vi", "zh")
FILES = {
    "alpaca_data.json": "alpaca_translations.jsonl",
    "mi_eval_instructions.json": "mi_eval_translations.jsonl",
}
BROKEN = """[
  {"instruction": "Name three fruits.", "input": "", "output": "Apples, pears and plums."},
  {"instruction": "No answer to this one.", "input": "", "output": ""},
  {"instruction": 7, "input": "", "output": "Seven."},
  {"instruction": "Broken, "output": "x"},
  {"instruction": "A lone surrogate.", "input": "", "output": "\\ud800 alone"},
  {"instruction": "Control tokens </s> and eng_Latn are text.", "input": "<unk>", "output": "Yes, </s> is text."},
  {"messages": [{"role": "user", "content": "Say good morning."}, {"role": "assistant", "content": "Good morning."}]},
  {"instruction": "Long.", "input": "", "output": "LONG"}
]
"""

Translate = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", name="translated_with")
def _translated_with(spark: SparkSession) -> Translate:
    def run(
        overwrite: bool = False, finished: bool = False, overrides: tuple[str, ...] = (), **given: Any
    ) -> dict[str, Any]:
        config = load(TranslationRun, DEMO, overrides, **given)
        finish = completing(config) if finished else {}
        return translate(lambda: spark, plan(config), False, finish)

    return run


@pytest.fixture(scope="module")
def samples(translated_with: Translate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records that the demo engine knows, in all six languages, with audit, report and card."""
    folder = tmp_path_factory.mktemp("translated")
    alpaca = json.loads((SAMPLES / "alpaca_data.json").read_text(encoding="utf-8"))[:40]
    (folder / "alpaca_data.json").write_text(json.dumps(alpaca), encoding="utf-8")
    files = [str(folder / "alpaca_data.json"), str(SAMPLES / "mi_eval_instructions.json")]
    translated_with(finished=True, input=files, output=str(folder / "out"), memory=str(folder / "memory"))
    return folder / "out"


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def expected() -> dict[tuple[str, str, int], dict[str, str]]:
    """The hand-written translations by language, file and index."""
    found = {}
    for records, translations in FILES.items():
        for line in (SAMPLES / translations).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[row["lang"], records, row["index"]] = {name: row[name] for name in FIELDS}
    return found


def test_what_the_engine_knows_comes_out_as_it_was_written_by_hand(samples: Path) -> None:
    """Code, lists, tables, addresses and placeholders included; a task that stays English is the English record."""
    written, seen = expected(), dict.fromkeys(TARGETS, 0)
    for lang in TARGETS:
        for row in rows_of(samples / "instructions" / lang):
            if row["route"] == "translate":
                seen[lang] += 1
                assert {name: row[name] for name in FIELDS} == written[lang, row["file"], row["index"]]
                assert row["retry"] is None
    assert all(count >= 60 for count in seen.values()), seen


def test_rows_of_a_record_are_tied_over_the_languages(samples: Path) -> None:
    english = {row["source_id"]: row for row in rows_of(samples / "instructions" / "en")}
    assert len(english) == 78
    assert {row["engine"] for row in english.values()} == {""}
    for lang in TARGETS:
        for row in rows_of(samples / "instructions" / lang):
            source = english[row["source_id"]]
            assert (row["file"], row["index"], row["split"]) == (
                source["file"],
                source["index"],
                source["split"],
            )
            if row["route"] == "keep_english":
                assert [row[name] for name in FIELDS] == [source[name] for name in FIELDS]


def test_no_record_vanishes_in_any_language(samples: Path) -> None:
    manifest = json.loads((samples / "manifest.json").read_text())
    assert [(count["file"], count["lang"]) for count in manifest["counts"]] == [
        (file, lang) for lang in ("en", *TARGETS) for file in FILES
    ]
    for lang in ("en", *TARGETS):
        places = [
            (row["file"], row["index"])
            for kind in ("instructions", "rejected")
            for row in rows_of(samples / kind / lang)
        ]
        assert len(set(places)) == len(places) == 78
    for kind, declared in (("instructions", INSTRUCTIONS), ("rejected", REJECTED_INSTRUCTIONS)):
        for path in (samples / kind).rglob("*.parquet"):
            assert pq.read_schema(path).remove_metadata().equals(declared.arrow().remove_metadata())
    assert {row["reason"] for row in rows_of(samples / "rejected")} <= set(REASONS)


def test_the_dataset_loads_and_its_report_and_card_are_there(samples: Path, tmp_path: Path) -> None:
    data = load_dataset(str(samples / "instructions"), "tr", cache_dir=str(tmp_path))
    assert set(data) == {"train", "validation"}
    html = (samples / "report.html").read_text(encoding="utf-8")
    assert "Samples beside their source" in html
    assert 'lang="ar" dir="rtl"' in html
    card = (samples / "instructions" / "README.md").read_text(encoding="utf-8")
    assert "license: cc0-1.0" in card
    assert "int8" in card
    assert json.loads((samples / "audit" / "results.json").read_text())["passed"] is True


def test_what_was_translated_once_is_not_translated_again(
    translated_with: Translate, samples: Path, tmp_path: Path
) -> None:
    """One more language costs that language alone, and the same records in another output cost nothing."""
    memory = tmp_path / "memory"
    shutil.copytree(samples.parent / "memory", memory)
    given = {"input": [str(SAMPLES / "mi_eval_instructions.json")], "memory": str(memory)}
    again = translated_with(output=str(tmp_path / "again"), languages=["el", "tr"], **given)
    assert again["work"]["segments"] == 0
    shutil.rmtree(memory)
    one = translated_with(output=str(tmp_path / "one"), languages=["el"], **given)
    two = translated_with(output=str(tmp_path / "two"), languages=["el", "tr"], **given)
    assert 0 < two["work"]["segments"] <= one["work"]["segments"] * 1.2
    assert digests(tmp_path / "one" / "instructions" / "el") == digests(
        tmp_path / "two" / "instructions" / "el"
    )


def test_unusable_records_are_rejects_in_every_language(translated_with: Translate, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text(BROKEN.replace("LONG", "word " * 20_000))
    manifest = translated_with(
        finished=True,
        input=[str(tmp_path / "odd.json")],
        output=str(tmp_path / "out"),
        languages=["el", "zh"],
    )
    assert {count["read"] for count in manifest["counts"]} == {8}
    for lang in ("en", "el", "zh"):
        rejected = {row["index"]: row for row in rows_of(tmp_path / "out" / "rejected" / lang)}
        assert {index: rejected[index]["reason"] for index in (1, 2, 3, 4, 7)} == {
            1: "empty_output", 2: "not_a_string", 3: "broken_record", 4: "invalid_text", 7: "too_long",
        }  # fmt: skip
        assert "Broken, " in rejected[3]["raw"]
    texts = [row["instruction"] for row in rows_of(tmp_path / "out" / "instructions" / "en")]
    assert "Control tokens </s> and eng_Latn are text." in texts
    assert "Say good morning." in texts
    # what the demo engine does not know it answers with scraps of what it knows, and is not sure of them
    assert not [row for row in rows_of(tmp_path / "out" / "instructions") if row["engine"]]
    for row in rows_of(tmp_path / "out" / "rejected"):
        if row["index"] == 5 and row["engine"]:  # control tokens are in it as in the source
            assert row["instruction"].count("</s>") == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"languages": ["xx"]}, "no language 'xx' is known"),
        ({"languages": ["de"]}, "does not translate into de"),
        ({"engine__path": "nowhere"}, "nowhere"),
        ({"input": ["nowhere.json"]}, "nowhere.json: no such file"),
    ],
)
def test_what_cannot_work_is_refused_before_spark_starts(
    given: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match=sentence):
        plan(load(TranslationRun, DEMO, [], output=str(tmp_path / "out"), **given))
    assert not list(tmp_path.iterdir())


def test_a_file_that_breaks_off_fails_unless_it_may(translated_with: Translate, tmp_path: Path) -> None:
    whole = (SAMPLES / "mi_eval_instructions.json").read_text(encoding="utf-8")
    (tmp_path / "cut.json").write_text(whole[: len(whole) // 2], encoding="utf-8")
    given = {"input": [str(tmp_path / "cut.json")], "output": str(tmp_path / "out"), "languages": ["el"]}
    with pytest.raises(
        UserError, match=r"breaks off after record \d+, after \d+ readable .*on_truncated=keep"
    ):
        translated_with(**given)
    manifest = translated_with(overrides=("on_truncated=keep",), **given)
    assert "breaks off" in manifest["inputs"][0]["broken"]


def test_the_audit_finds_planted_defects(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples, tmp_path / "out")
    path = next((tmp_path / "out" / "instructions" / "tr").glob("train-*"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    spoilt = {
        0: {"lid": "de", "lid_prob": 0.99, "lid_claimed": 0.0},
        1: {"output": None},
        2: {"script_share": 1.5},
        3: {"route": "guess"},
    }
    rows = [row | spoilt.get(place, {}) for place, row in enumerate(rows)] + [rows[4] | {"split": "test"}]
    loose = pa.schema([field.with_nullable(True) for field in table.schema])
    pq.write_table(pa.Table.from_pylist(rows, schema=loose), path)
    manifest = json.loads((samples / "manifest.json").read_text())
    config = load(TranslationRun, DEMO, [], input=[str(SAMPLES / file) for file in FILES])
    found = audit(spark, DatasetFolder(tmp_path / "out", manifest), config, tmp_path / "docs")
    assert {f"{finding.subject}.{finding.column}" for finding in found.failed} == {
        *(f"rows.{name}" for name in ("missing", "out_of_range", "unknown_value", "decided_anew")),
        *(f"dataset.{name}" for name in ("repeated_ids", "repeated_sources", "sources_in_two_splits")),
        "counts.in_manifest = in_files",
    }
    offending = {finding.column: finding.offending for finding in found.failed}
    assert [row["id"] for row in offending["decided_anew"]] == [rows[0]["id"]]
    assert [row["missing"] for row in offending["missing"]] == ["output"]


def test_a_dataset_is_audited_again_whole_or_as_it_was_downloaded(
    spark: SparkSession, samples: Path, tmp_path: Path
) -> None:
    shutil.copytree(samples / "instructions", tmp_path / "downloaded")
    stricter = ["audit.kept_share={min: 1.01}"]
    for folder in (samples, tmp_path / "downloaded"):
        dataset = open_dataset(folder)
        assert not auditor(dataset, (), None)(spark, None).failed
        again = auditor(dataset, stricter, None)(spark, None)
        assert [finding.column for finding in again.failed] == ["kept_share"]
        assert {row["lang"] for row in again.failed[0].offending} == set(TARGETS)
    with pytest.raises(UserError, match="--eval: is for parallel data"):
        auditor(dataset, (), tmp_path)
    with pytest.raises(UserError, match="was made by translate_instructions; expected parallel data"):
        open_parallel(samples)
    next((tmp_path / "downloaded" / "zh").glob("*.parquet")).unlink()
    with pytest.raises(UserError, match=r"zh/.*is missing"):
        open_dataset(tmp_path / "downloaded")


def test_an_empty_file_is_refused_in_a_sentence(translated_with: Translate, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("[]")
    with pytest.raises(UserError, match=r"none\.json: no records"):
        translated_with(input=[str(tmp_path / "none.json")], output=str(tmp_path / "out"))


def test_scores_at_their_thresholds_are_decided_the_same_by_rows_and_by_the_audit(
    spark: SparkSession,
) -> None:
    """1 - 7/10 is a little more than .3, and equal to it as the dataset stores both."""
    ties = {
        "repetition": 1 - 7 / 10,
        "shortest_segment": 0.39999999999999997,
        "lid_prob": float(np.float32(0.4)),
    }
    scores = dict.fromkeys(field.name for field in SCORES) | ties | {"lid_claimed": 0.1, "truncated": 0}
    assert decide(scores, Checks()) is None
    row = spark.createDataFrame(pa.Table.from_pylist([scores], schema=Dataset("s", "", SCORES).arrow()))
    assert [found[0] for found in row.select(_decided(Checks())).collect()] == [None]


def test_a_failed_audit_publishes_nothing(translated_with: Translate, samples: Path, tmp_path: Path) -> None:
    given = {"input": [str(SAMPLES / "mi_eval_instructions.json")], "memory": str(samples.parent / "memory")}
    with pytest.raises(AuditError, match="kept_share"):
        translated_with(
            finished=True,
            overrides=("audit.kept_share={min: 1.01}",),
            output=str(tmp_path / "out"),
            languages=["el"],
            **given,
        )
    assert not (tmp_path / "out").exists()


# --- the job as a process ------------------------------------------------------------------------------------------


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "jobs" / "translate_instructions.py"), *map(str, arguments)]


def test_help_and_mistakes(tmp_path: Path) -> None:
    done = run("--help", job="translate_instructions")
    assert done.returncode == 0
    for option in "config input languages engine memory output limit plan overwrite set".split():  # noqa: SIM905
        assert f"--{option}" in done.stdout
    said = errors(
        run(
            "--languages",
            "xx,en",
            "--set",
            "routing.routes.gramar=skip",
            "--output",
            tmp_path,
            job="translate_instructions",
        )
    )
    assert any("did you mean grammar?" in line for line in said), said
    (problem,) = errors(run("--input", SAMPLES / "alpaca_data.json", job="translate_instructions"))
    assert problem.startswith("--engine: expected an engine directory")


def test_a_plan_names_segments_memory_and_hours_and_translates_no_more(
    run_here: RunHere, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(samples.parent / "memory", tmp_path / "memory")
    before = digests(tmp_path / "memory")
    given = ("--config", DEMO, "--input", SAMPLES / "mi_eval_instructions.json")
    places = ("--memory", tmp_path / "memory", "--output", tmp_path / "out")
    assert run_here(jobs.translate_instructions, *given, *places, "--languages", "el,tr", "--plan") == 0
    said = capsys.readouterr().out
    assert "in the memory" in said
    assert "target tokens/s" in said
    assert {k: v for k, v in digests(tmp_path / "memory").items() if k in before} == before
    assert not (tmp_path / "out").exists()


@pytest.mark.timeout(600)
def test_a_run_that_is_killed_goes_on_and_ends_with_the_same_bytes(
    run_here: RunHere, samples: Path, tmp_path: Path
) -> None:
    """Killed while it translates: what is in the memory is not translated again."""
    records = samples.parent / "alpaca_data.json"
    files = ("--input", records, "--input", SAMPLES / "mi_eval_instructions.json")
    given = ("--config", DEMO, *files, "--output", tmp_path / "out")
    often = ("--set", "engine.commit_every_s=0", "--set", "engine.token_budget=64")
    job = subprocess.Popen(
        command(*given, *often),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        start_new_session=True,
    )
    segments = tmp_path / "translation-memory"
    deadline = time.monotonic() + 150
    while len(list(segments.glob("*/segments-*"))) < 3:
        assert job.poll() is None, job.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    assert not (tmp_path / "out").exists()
    before = {path.name for path in segments.glob("*/segments-*")}
    assert run_here(jobs.translate_instructions, *given) == 0
    assert before <= {path.name for path in segments.glob("*/segments-*")}
    keys = [
        key for path in segments.glob("*/segments-*") for key in pq.read_table(path).column("key").to_pylist()
    ]
    assert len(set(keys)) == len(keys), "a stored segment was translated again"
    assert digests(tmp_path / "out") == digests(samples)
