"""Tokenising as a job: shards or texts in, an audited folder of tokens out; what is made once is not made again."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from instruction_shards import SAMPLES, row, write_shards
from job_process import digests, errors, run
from pyspark.sql import SparkSession

from jobs.tokenize_shards import main
from pipelines import tokenizing
from pipelines.errors import InvariantError, UserError
from pipelines.shards.published import DatasetFolder, open_dataset
from pipelines.tokenizing import plan, tokenize
from pipelines.tokens import documents
from pipelines.tokens import manifest as manifests
from quality.again import auditor
from quality.tokens_audit import audit
from quality.tokens_publishing import completing
from schemas.fields import Dataset
from schemas.loading import load
from schemas.tokens import REASONS, REJECTED_TOKENS, TOKENS
from schemas.tokens_run import TokenizeRun
from schemas.training_run import DataConfig
from training.data import open_tokens

MODEL = SAMPLES / "tokenizer.model"
Tokenize = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", name="tokenized_with")
def _tokenized_with(spark: SparkSession) -> Tokenize:
    def made(finished: bool = False, overwrite: bool = False, **given: Any) -> dict[str, Any]:
        config = load(TokenizeRun, None, [], tokenizer=MODEL, **given)
        return tokenize(lambda: spark, plan(config), overwrite, completing(config) if finished else {})

    return made


@pytest.fixture(scope="module")
def samples(tokenized_with: Tokenize, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples' instructions with audit, report and card; the greatest length cuts some."""
    folder = tmp_path_factory.mktemp("tokenized")
    shards = write_shards(folder / "mixture")
    tokenized_with(finished=True, input=str(shards), output=str(folder / "out"), max_length=200)
    return folder / "out"


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_no_row_vanishes_and_every_column_is_as_declared(samples: Path) -> None:
    manifest = json.loads((samples / "manifest.json").read_text())
    shards = rows_of(samples.parent / "mixture" / "instructions")
    kept, rejected = rows_of(samples / "tokens"), rows_of(samples / "rejected")
    assert sorted(one["id"] for one in [*kept, *rejected]) == sorted(one["id"] for one in shards)
    assert {one["reason"] for one in rejected} == {"no_response_left"}
    assert sum(count["read"] for count in manifest["counts"]) == len(shards)
    for count in manifest["counts"]:
        assert count["read"] == count["kept"] + sum(count["rejected"].values())
    assert sum(count["tokens"] for count in manifest["counts"]) == sum(len(one["input_ids"]) for one in kept)
    assert sum(count["truncated"] for count in manifest["counts"]) == sum(
        one["full_length"] > one["length"] for one in kept
    )
    declared: dict[str, Dataset] = {"tokens": TOKENS, "rejected": REJECTED_TOKENS}
    for kind, dataset in declared.items():
        for path in (samples / kind).rglob("*.parquet"):
            assert pq.read_schema(path).remove_metadata().equals(dataset.arrow().remove_metadata())


def test_the_report_the_card_and_the_audit_are_there(samples: Path, tmp_path: Path) -> None:
    html = (samples / "report.html").read_text(encoding="utf-8")
    for words in ("tokens a word", "no_response_left", "not learned:", 'lang="zh"', "audit passed"):
        assert words in html
    assert json.loads((samples / "audit" / "results.json").read_text())["passed"] is True
    data = load_dataset(str(samples / "tokens"), "coit-zh", cache_dir=str(tmp_path))
    assert set(data) == {"train", "validation"}
    assert open_dataset(samples).kind.name == open_dataset(samples / "tokens").kind.name == "tokens"
    assert (samples / "tokens" / "tokenizer" / "tokenizer.model").read_bytes() == MODEL.read_bytes()


def test_the_same_work_is_not_done_twice_and_other_work_replaces_nothing(
    tokenized_with: Tokenize, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"input": str(samples.parent / "mixture"), "max_length": 200}
    before = digests(samples)
    assert tokenized_with(output=str(samples), **given)["seconds"] == {}
    with pytest.raises(UserError, match="exists already"):
        tokenized_with(output=str(samples), input=given["input"], max_length=100)
    assert digests(samples) == before
    again = str(tmp_path / "again")
    tokenized_with(output=again, **given)
    parts = ("tokens/coit-zh", "rejected")
    made = digests(tmp_path / "again")
    assert tokenized_with(output=again, overwrite=True, **given)["seconds"], (
        "who asks for it gets it done again"
    )
    assert digests(tmp_path / "again") == made
    monkeypatch.setattr(manifests, "code_sha256", lambda: "of other code")
    with pytest.raises(UserError, match="exists already"):
        tokenized_with(output=again, **given)
    assert made.items() >= {key: value for key, value in before.items() if key.startswith(parts)}.items()


def test_a_published_folder_is_audited_again_by_other_bands(spark: SparkSession, samples: Path) -> None:
    audit_again = auditor(open_dataset(samples / "tokens"), ["audit.truncated_share.max=0.1"], None)
    assert [finding.column for finding in audit_again(spark, None).failed] == ["truncated_share"]


def test_an_audit_finds_what_is_wrong(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    """Each rule of the audit is tripped by a row that breaks it."""
    shutil.copytree(samples, tmp_path / "out")
    (path,) = (tmp_path / "out" / "tokens" / "coit-zh").glob("validation-*")
    table = pq.read_table(path).to_pylist()
    train = rows_of(tmp_path / "out" / "tokens")[0]
    table[0]["length"] += 1
    table[1]["input_ids"][0] = 4000
    table[2]["id"] = train["id"]
    table[3]["task"] = "poetry"
    table[4]["prompt_tokens"] = 0
    table[5]["lang"] = None
    schema = pa.schema([field.with_nullable(True) for field in TOKENS.arrow()])
    pq.write_table(pa.Table.from_pylist(table[:-1], schema=schema), path)
    manifest = json.loads((samples / "manifest.json").read_text())
    config = load(
        TokenizeRun,
        None,
        ["audit.truncated_share.max=0.01"],
        tokenizer=MODEL,
        input="x",
        max_length=200,
    )
    found = audit(spark, DatasetFolder(tmp_path / "out", manifest), config, tmp_path / "docs")
    failed = {(finding.subject, finding.column) for finding in found.findings if not finding.success}
    assert failed >= {
        ("rows", "wrong_tokens"),
        ("rows", "unknown_value"),
        ("rows", "out_of_range"),
        ("rows", "missing"),
        ("dataset", "ids_in_two_splits"),
        ("languages", "truncated_share"),
        ("counts", "in_manifest = in_files"),
    }
    (wrong,) = (finding for finding in found.findings if finding.column == "wrong_tokens")
    assert {one["wrong_tokens"] for one in wrong.offending} == {"length", "vocabulary"}


def test_texts_become_tokens_with_their_share_of_english(tokenized_with: Tokenize, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (SAMPLES / "text" / "guides.jsonl").read_text().splitlines()]
    chinese = [json.dumps({"text": line["zh"], "url": "x"}, ensure_ascii=False) for line in lines]
    with gzip.open(tmp_path / "zh.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.write("\n".join([*chinese, "{broken", '{"text": 7}', '{"text": ""}']))
    (tmp_path / "en.txt").write_text("\n".join(line["en"] for line in lines) + "\n\n")
    pq.write_table(pa.table({"text": [line["tr"] for line in lines]}), tmp_path / "tr.parquet")
    text = {code: [str(tmp_path / name)] for code, name in
            (("zh", "zh.jsonl.gz"), ("en", "en.txt"), ("tr", "tr.parquet"))}  # fmt: skip
    manifest = tokenized_with(
        finished=True,
        text=text,
        english_share=0.2,
        text_validation=0.1,
        max_length=32,
        output=str(tmp_path / "out"),
    )
    assert [source["rows"] for source in manifest["inputs"]] == [len(lines) + 3, len(lines), len(lines)]
    train = [
        one for path in (tmp_path / "out" / "tokens" / "text").glob("train-*") for one in rows_of_file(path)
    ]
    english = sum(one["length"] for one in train if one["lang"] == "en")
    assert 0.1 < english / sum(one["length"] for one in train) < 0.3
    reasons = [one["reason"] for one in rows_of(tmp_path / "out" / "rejected")]
    assert reasons.count("broken_document") == 2
    assert reasons.count("empty_text") == 1
    assert reasons.count("over_english_share") > 10
    assert {one["prompt_tokens"] for one in train} == {1}
    tokens, *_ = open_tokens(DataConfig(tokens=tmp_path / "out", mixture="text"), tmp_path / "cache", True)
    assert set(tokens.groups) == {"zh text", "en text", "tr text"}
    assert sum(tokens.lengths) == sum(one["length"] for one in train)


def test_many_short_or_broken_lines_are_chunks_that_are_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines without a byte of text fill a chunk, too, and a chunk is one row group, however many rows it has."""
    monkeypatch.setattr(documents, "_CHUNK_ROWS", 100)
    (tmp_path / "zh.jsonl").write_text("{broken\n" * 150 + '{"text": "水"}\n' * 100)
    units, inputs = documents.cut_documents({"zh": [tmp_path / "zh.jsonl"]}, 0, 0, tmp_path / "chunks")
    read = [pq.ParquetFile(unit.path).read_row_group(unit.row_group).num_rows for unit in units]
    assert (read, inputs[0]["rows"]) == ([100, 100, 50], 250)
    # more rows than pyarrow puts into a row group unless it is told to
    row = {name: "" for name in documents._SCHEMA.names}
    unit = documents._write(tmp_path / "chunks", 9, "train", [row] * ((1 << 20) + 1))
    assert pq.read_metadata(unit.path).num_row_groups == 1


def test_documents_that_get_lost_stop_the_run(
    tokenized_with: Tokenize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three pieces of a document are one that was read; the unit of the second file is withheld."""
    (tmp_path / "one.txt").write_text("The ferry leaves at noon.\n" + "a ferry at noon " * 10 + "\n")
    (tmp_path / "two.txt").write_text("It comes back at night.\n")
    text = {"en": [str(tmp_path / "one.txt"), str(tmp_path / "two.txt")]}
    given = {"text": text, "text_validation": 0, "max_length": 16, "output": str(tmp_path / "out")}

    def losing(*arguments: Any) -> Any:
        units, inputs = documents.cut_documents(*arguments)
        return units[:-1], inputs

    monkeypatch.setattr(tokenizing, "cut_documents", losing)
    with pytest.raises(InvariantError, match="3 rows read, but 2 kept or rejected"):
        tokenized_with(**given)
    assert not (tmp_path / "out").exists()


def rows_of_file(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"input": "nowhere"}, "input: nowhere: is no folder"),
        ({"hub": "no//name"}, "input: no//name: cannot be fetched from the Hub"),
        ({"input": "x", "template": "chat"}, "has no chat template; expected `alpaca`"),
        ({"text": {"zh": ["nowhere.jsonl"]}}, "text.zh: nowhere.jsonl: no such file"),
        ({}, "expected one of `input` and `hub`"),
        ({"text": {"zh": ["a.txt"]}, "english_share": 0.1}, "there is no English text"),
    ],
)
def test_what_cannot_work_is_refused_before_spark_starts(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Exception, match=sentence.replace("(", r"\(")):
        plan(load(TokenizeRun, None, [], tokenizer=MODEL, **given))


def test_altered_or_foreign_shards_are_refused(tmp_path: Path) -> None:
    write_shards(tmp_path, [row("a", "en", "Say hello.", "", "Hello.")])
    (shard,) = tmp_path.rglob("*.parquet")
    config = load(TokenizeRun, None, [], tokenizer=MODEL, input=str(tmp_path))
    plan(config)
    whole = pq.read_table(shard)
    pq.write_table(whole.drop_columns(["output"]), shard)
    with pytest.raises(UserError, match="was altered"):
        plan(config)


def test_help_and_mistakes(tmp_path: Path) -> None:
    said = errors(
        run("--input", tmp_path, "--tokenizer", tmp_path, "--set", "max_lenght=3", job="tokenize_shards")
    )
    assert any("did you mean max_length?" in line for line in said), said


def test_a_setting_that_only_looks_like_a_source_leaves_the_samples_as_source() -> None:
    with pytest.raises(UserError, match=r"tokenizer: a text\.model: no such file"):
        main(["--set", "tokenizer=a text.model"])


def test_the_reasons_are_all_reached_somewhere() -> None:
    tested = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [reason for reason in REASONS if f'"{reason}"' not in tested] == []
