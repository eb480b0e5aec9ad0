"""MI-EVAL from seeds to a published set: the recorded run of the samples, and a server that answers as it does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from job_process import ROOT, Builder, RunHere, digests, environment, errors, run
from pyspark.sql import SparkSession

import jobs.build_mi_eval
from pipelines.errors import UserError
from pipelines.mi_eval.build import build, plan
from pipelines.mi_eval.estimate import estimate
from pipelines.mi_eval.languages import Item, in_all_languages
from pipelines.mi_eval.output import write_output
from pipelines.progress import Stages
from pipelines.self_instruct.rounds import Candidate
from pipelines.self_instruct.store import FILE
from pipelines.shards.published import DatasetFolder, open_dataset
from quality.again import auditor
from quality.mi_eval_audit import audit
from quality.mi_eval_publishing import completing
from schemas.fields import Dataset
from schemas.loading import load, load_config
from schemas.mi_eval import MI_EVAL, REASONS, REJECTED_MI_EVAL
from schemas.mi_eval_run import MiEvalRun

sys.path.insert(0, str(Path(__file__).parent / "self_instruct"))

from chat_server import Reply, completion, serving

SAMPLES = ROOT / "samples"
DEMO = ROOT / "configs" / "mi_eval_demo.yaml"
LANGUAGES = ("en", "ar", "el", "hi", "tr", "vi", "zh")
KEY = "sk-not-to-be-seen-4711"

Made = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", name="made_with")
def _made_with(spark: SparkSession) -> Made:
    def run(overrides: tuple[str, ...] = (), **given: Any) -> dict[str, Any]:
        prepared = plan(load(MiEvalRun, DEMO, overrides, **given))
        return build(lambda: spark, prepared, False, completing(prepared))

    return run


@pytest.fixture(scope="module")
def demo(made_with: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make demo` builds; its translation memory lies beside it."""
    folder = tmp_path_factory.mktemp("mi_eval")
    made_with(output=str(folder / "out"))
    return folder / "out"


@pytest.fixture(scope="module")
def manifest(demo: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((demo / "manifest.json").read_text(encoding="utf-8"))
    return loaded


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_every_item_stands_in_every_language_as_it_was_written_by_hand(demo: Path) -> None:
    records = json.loads((SAMPLES / "mi_eval_instructions.json").read_text(encoding="utf-8"))
    place = {record["instruction"]: index for index, record in enumerate(records)}
    written = {}
    for line in (SAMPLES / "mi_eval_translations.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        written[row["lang"], row["index"]] = row
    english = rows_of(demo / "mi_eval" / "en")
    assert len(english) == 28
    assert sum(row["is_classification"] for row in english) >= 6
    for lang in LANGUAGES:
        rows = rows_of(demo / "mi_eval" / lang)
        assert [row["id"] for row in rows] == [row["id"] for row in english]
        for row, source in zip(rows, english, strict=True):
            index = place[source["instruction"]]
            expected = records[index] if lang == "en" else written[lang, index]
            assert {name: row[name] for name in ("instruction", "input", "output")} == {
                name: expected[name] for name in ("instruction", "input", "output")
            }
            assert row["lang"] == lang
            assert bool(row["engine"]) == (lang != "en")


def test_no_candidate_vanishes(demo: Path, manifest: dict[str, Any]) -> None:
    rejected = rows_of(demo / "rejected")
    assert [count["stage"] for count in manifest["counts"]] == ["instructions", "instances", "languages"]
    for count in manifest["counts"]:
        reasons = Counter(row["reason"] for row in rejected if row["stage"] == count["stage"])
        assert dict(reasons) == count["rejected"]
        assert count["read"] == count["kept"] + sum(reasons.values())
    # an instruction that passed has one instance or more; what passed as an instance came to the languages
    assert manifest["counts"][1]["read"] >= manifest["counts"][0]["kept"]
    assert manifest["counts"][2]["read"] == manifest["counts"][1]["kept"]
    assert {row["reason"] for row in rejected} <= set(REASONS)
    assert {
        *("forbidden_word", "too_few_words", "similar_to_seed", "similar_to_kept", "prompt_injection"),
        *("program_task", "bad_start", "refusal", "no_answer", "malformed", "cut_off", "contradiction"),
        *("unfinished_output", "no_instance", "not_translatable", "beyond_size"),
    } <= {row["reason"] for row in rejected}
    failed = [row for row in rejected if row["lang"] != "en"]
    assert failed
    assert {row["stage"] for row in failed} == {"languages"}
    for kind, declared in (("mi_eval", MI_EVAL), ("rejected", REJECTED_MI_EVAL)):
        for path in (demo / kind).rglob("*.parquet"):
            assert pq.read_schema(path).remove_metadata().equals(declared.arrow().remove_metadata())


def test_the_set_loads_and_its_report_card_and_manifest_are_there(
    demo: Path, manifest: dict[str, Any], tmp_path: Path
) -> None:
    data = load_dataset(str(demo / "mi_eval"), "hi", cache_dir=str(tmp_path))
    assert {split: len(data[split]) for split in data} == {"test": 28}
    html = (demo / "report.html").read_text(encoding="utf-8")
    for told in ("Balance: verbs and their objects", "Diversity", 'lang="ar" dir="rtl"', "written-by-hand"):
        assert told in html
    assert "<script" not in html
    card = (demo / "mi_eval" / "README.md").read_text(encoding="utf-8")
    assert "28 new instructions in 7 languages" in card
    assert "config_name: zh" in card
    assert json.loads((demo / "audit" / "results.json").read_text())["passed"] is True
    assert manifest["work"] == {"requests": 0}
    assert manifest["stopped"] == "size"
    assert manifest["generator"]["requests"] == 94
    published = json.loads((demo / "mi_eval" / "manifest.json").read_text())
    assert {file["path"] for file in published["outputs"]} == {
        f"{lang}/test-00000-of-00001.parquet" for lang in LANGUAGES
    }


def test_it_can_be_audited_again_whole_or_published_alone(spark: SparkSession, demo: Path) -> None:
    for folder in (demo, demo / "mi_eval"):
        found = auditor(open_dataset(folder), ["audit.classification_share.max=0.01"], None)(spark, None)
        assert [finding.column for finding in found.failed] == ["classification_share"]
        assert found.unchecked == ("the overlap with the training data, which is not here",)


def test_the_audit_finds_planted_defects(spark: SparkSession, demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo, tmp_path / "out")
    english, turkish = (
        tmp_path / "out" / "mi_eval" / lang / "test-00000-of-00001.parquet" for lang in ("en", "tr")
    )
    rows = pq.read_table(english).to_pylist()
    seed = json.loads((SAMPLES / "alpaca_data.json").read_text(encoding="utf-8"))[11]["input"]
    rows[0] |= {"instruction": "Another task altogether."}
    rows[1] |= {"seed_similarity": 0.71}
    rows[2] |= {"output": None}
    rows[3] |= {"input": seed}
    write(english, rows, MI_EVAL)
    others = pq.read_table(turkish).to_pylist()
    write(turkish, [*others[1:], others[5]], MI_EVAL)
    config = load(MiEvalRun, DEMO)
    dataset = DatasetFolder(tmp_path / "out", json.loads((demo / "manifest.json").read_text()))
    found = audit(spark, dataset, config, None, plan(config).training)
    failed = {f"{finding.subject}.{finding.column}": finding for finding in found.failed}
    assert set(failed) == {
        *("rows.altered", "rows.unwanted"),
        *(
            "dataset.repeated_ids",
            "dataset.incomplete_ids",
            "dataset.similar_to_seeds",
            "dataset.in_training_data",
        ),
    }
    ids = {name: {row["id"] for row in finding.offending} for name, finding in failed.items()}
    assert ids["rows.altered"] == {rows[0]["id"], rows[3]["id"]}
    assert ids["rows.unwanted"] == {rows[2]["id"]}
    assert ids["dataset.incomplete_ids"] == {others[0]["id"]}
    assert ids["dataset.in_training_data"] == {rows[3]["id"]}


def write(path: Path, rows: list[dict[str, Any]], declared: Dataset) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=declared.arrow()), path)


def test_what_stands_in_the_training_data_does_not_enter_and_a_budget_ends_it(
    made_with: Made, demo: Path, tmp_path: Path
) -> None:
    """In English records, and in another language in parallel shards."""
    greek = rows_of(demo / "mi_eval" / "el")
    english = {row["id"]: row for row in rows_of(demo / "mi_eval" / "en")}
    long = [row for row in greek if len(english[row["id"]]["instruction"].split()) >= 8 and row["round"] == 0]
    (tmp_path / "records.json").write_text(
        json.dumps([{"instruction": english[long[0]["id"]]["instruction"].upper(), "output": "Yes."}])
    )
    (tmp_path / "shards").mkdir()
    sentence = {
        "src_text": "Unrelated.",
        "tgt_text": f"Και: {long[1]['instruction']}",
        "file": "a b c d e f g h",
    }
    pq.write_table(pa.Table.from_pylist([sentence]), tmp_path / "shards" / "train.parquet")
    shutil.copytree(demo.parent / "translation-memory", tmp_path / "translation-memory")
    made = made_with(
        output=str(tmp_path / "out"),
        languages=["el"],
        references=False,
        training__paths=[str(tmp_path / "records.json"), str(tmp_path / "shards")],
        overrides=("generator.budget.tokens=16000",),
    )
    overlapping = [
        row for row in rows_of(tmp_path / "out" / "rejected") if row["reason"] == "training_overlap"
    ]
    assert {(row["instruction"], row["lang"]) for row in overlapping} == {
        (english[long[0]["id"]]["instruction"], "en"),
        (english[long[1]["id"]]["instruction"], "el"),
    }
    assert {row["detail"].split()[1] for row in overlapping} == {"records.json", "shards/train.parquet"}
    assert made["stopped"] == "budget"
    assert made["generator"]["prompt_tokens"] + made["generator"]["completion_tokens"] <= 16000
    items = rows_of(tmp_path / "out" / "mi_eval" / "en")
    assert 0 < len(items) == made["counts"][-1]["kept"] < 28
    assert {row["output"] for row in items} == {None}
    assert [warning["column"] for warning in made["audit"]["warnings"]] == ["size_share"]


def test_a_round_whose_answers_have_changed_is_translated_anew(
    spark: SparkSession, demo: Path, tmp_path: Path
) -> None:
    """As where a store of answers was lost, and the generator said something else."""
    shutil.copytree(demo.parent / "translation-memory", tmp_path / "translation-memory")
    config = load(MiEvalRun, DEMO, languages=["el"], output=str(tmp_path / "out"))
    training = plan(config).training
    english, greek = (rows_of(demo / "mi_eval" / lang) for lang in ("en", "el"))
    for place in (0, 1, 1):
        row = english[place]
        one = Candidate("instances", 0, "r", 0, row["instruction"], row["input"], row["output"])
        items, fallen = in_all_languages(lambda: spark, [one], tmp_path / "0", config, training, Stages())
        assert not fallen
        assert [item.texts["el"]["instruction"] for item in items] == [greek[place]["instruction"]]


def test_the_digest_is_of_every_published_column(tmp_path: Path) -> None:
    one = Candidate("instances", 0, "r", 0, "Name a bird.", "", "A wren.")
    item = Item(one, {lang: one.fields for lang in ("en", "el")}, 0.0)
    config = load(MiEvalRun, DEMO, languages=["el"], output=str(tmp_path / "out"))
    cases = [
        (item, config, "engine"),
        (item, config.model_copy(update={"license": "MIT"}), "engine"),
        (item, config, "another engine"),
        (replace(item, overlap=0.1), config, "engine"),
        (replace(item, candidate=replace(one, is_classification=True)), config, "engine"),
    ]
    digests = {
        write_output(tmp_path / str(number), [made], [], settings, engine)[1]
        for number, (made, settings, engine) in enumerate([*cases, cases[0]])
    }
    assert len(digests) == len(cases)


def test_build_parallel_rejects_what_stands_in_the_set(
    build_with: Builder, demo: Path, tmp_path: Path
) -> None:
    turkish = {row["id"]: row for row in rows_of(demo / "mi_eval" / "tr")}
    item = next(row for row in rows_of(demo / "mi_eval" / "en") if len(row["output"].split()) > 20)
    corpus = tmp_path / "in"
    corpus.mkdir()
    lines = [
        f"1.09\t{item['output']}\t{turkish[item['id']]['output']}".replace("\n", " "),
        "1.08\tThe old lighthouse keeper walked slowly home along the quiet harbor wall.\tYaşlı deniz feneri bekçisi "
        "sessiz liman duvarı boyunca yavaş yavaş eve yürüdü.",
    ]
    (corpus / "WikiMatrix.en-tr.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    build_with(
        load_config(
            None,
            sources__input=str(corpus),
            eval__path=str(demo),
            output=str(tmp_path / "out"),
            pairs=["en-tr"],
        )
    )
    reasons = {row["src_text"]: row["reason"] for row in rows_of(tmp_path / "out" / "rejected")}
    assert list(reasons.values()) == ["contaminated"]


def test_a_plan_says_what_it_costs_and_asks_nothing(tmp_path: Path) -> None:
    overrides = ("generator.prices.input=1", "generator.prices.output=2")
    prepared = plan(load(MiEvalRun, DEMO, overrides, output=str(tmp_path / "out"), size=100))
    found = estimate(prepared)
    assert (found.seeds, found.stored) == (128, 94)
    assert [step.name for step in found.steps] == ["instructions", "classification", "instances"]
    assert all(step.requests > 0 and step.prompt_tokens > 100 * step.requests for step in found.steps)
    assert found.money == pytest.approx(
        sum(step.prompt_tokens + 2 * step.completion_tokens for step in found.steps) / 1e6
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"languages": ["xx"]}, "no language 'xx' is known"),
        ({"languages": ["de"]}, "does not translate into de"),
        ({"seeds": ["nowhere.json"]}, "seeds: nowhere.json: no such file"),
        ({"training__paths": ["nowhere"]}, "training: nowhere: holds no training data"),
        ({"generator__model": ""}, "model: expected the model's name"),
        ({"generator__endpoint": "https://user:secret@host/v1"}, "holds no user, password or query"),
        (
            {"generator": {"endpoint": "http://a/v1", "local": "m", "model": "m"}},
            "endpoint or local, not both",
        ),
        ({"generation": {"tasks_per_prompt": 8}}, "more than the tasks that are shown"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_asked(
    given: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match=sentence) as raised:
        plan(load(MiEvalRun, DEMO, [], output=str(tmp_path / "out"), **given))
    assert "secret" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_without_a_generator_a_missing_answer_is_a_sentence(made_with: Made, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"4 answers are not in the store.*give a --generator"):
        made_with(output=str(tmp_path / "out"), seed=7)
    assert not (tmp_path / "out").exists()


# --- the job as a process ------------------------------------------------------------------------------------------


def test_help_and_mistakes(tmp_path: Path) -> None:
    done = run("--help", job="build_mi_eval")
    assert done.returncode == 0
    options = (
        *("seeds", "generator", "model", "requests", "size", "languages", "engine"),
        *("training", "references", "output", "plan", "set"),
    )
    assert all(f"--{option}" in done.stdout for option in options)
    (problem,) = errors(run("--seeds", SAMPLES / "alpaca_data.json", job="build_mi_eval"))
    assert problem.startswith("--engine: expected an engine directory")


@pytest.mark.timeout(600)
def test_a_killed_run_goes_on_without_a_repeated_request_and_the_key_is_nowhere(
    run_here: RunHere,
    demo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server that answers as the recorded run does; the set is the demo's, byte for byte.

    A process is killed; what goes on is the job's own code in the suite's session.
    """
    recorded = {}
    for line in (SAMPLES / "mi_eval_requests" / FILE).read_text(encoding="utf-8").splitlines():
        stored = json.loads(line)
        recorded[json.dumps(stored["request"], sort_keys=True)] = stored["answer"]
    shutil.copytree(demo.parent / "translation-memory", tmp_path / "translation-memory")
    output = ("--output", tmp_path / "out", "--requests", tmp_path / "requests", "--config", DEMO)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    answered: list[str] = []
    with serving() as server:

        def reply(body: dict[str, Any]) -> Reply:
            assert server.headers[-1]["Authorization"] == f"Bearer {KEY}"
            if len(server.bodies) == 30:
                os.killpg(running.pid, signal.SIGKILL)
            key = json.dumps(body, sort_keys=True)
            answered.append(key)
            found = recorded[key]
            told = completion(found["text"], found["finish_reason"])
            # as the recorded run has them, where the server counted nothing
            return Reply(told.body.replace(b'"usage"', b'"no_usage"'))

        server.otherwise = reply
        given = [*map(str, output), "--generator", server.url, "--set", "generator.concurrency=1"]
        running = subprocess.Popen(
            [sys.executable, str(ROOT / "jobs" / "build_mi_eval.py"), *given],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        said = running.communicate(timeout=240)[0]
        assert running.returncode == -signal.SIGKILL, said
        stored = len((tmp_path / "requests" / FILE).read_text().splitlines())
        assert 28 <= stored <= 30
        assert run_here(jobs.build_mi_eval, *given) == 0
    # the one that was being answered when the run was killed may be asked once more
    repeated = [key for key, times in Counter(answered).items() if times > 1]
    assert len(repeated) <= 1
    assert len(answered) - len(repeated) == len(recorded)
    assert digests(tmp_path / "out") == digests(demo)
    for text in (said, *capsys.readouterr()):
        assert KEY not in text
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
