"""Mixtures, from published datasets to training shards."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import load_dataset
from datasets_of_ours import instruction_row, mi_eval, pair_row, parallel, publish, split_of, text, translated
from job_process import ROOT, digests, errors, run
from pyspark.sql import SparkSession

from pipelines.errors import UserError
from pipelines.mix import mix
from pipelines.mix_plan import plan
from pipelines.shards.published import DatasetFolder, open_dataset
from pipelines.tokenizers import load_tokenizer
from quality.again import auditor
from quality.mixture_audit import audit
from quality.mixture_publishing import completing
from schemas.datasets import PARALLEL, TRANSLATED
from schemas.loading import load
from schemas.mixture import INSTRUCTIONS, REASONS, REJECTED
from schemas.mixture_run import MixtureRun

TOKENIZER = ROOT / "samples" / "tokenizer.model"
MIXTURES = {
    "coit-{x}": ["alpaca-en", "alpaca-{x}", "en-{x}"],
    "muit": ["alpaca-en", "alpaca-{x}", "en-{x}"],
    "{x}-en": ["{x}-en"],
}

Mix = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", name="mixed_with")
def _mixed_with(spark: SparkSession) -> Mix:
    def run(finished: bool = False, **given: Any) -> dict[str, Any]:
        config = MixtureRun.model_validate(given)
        return mix(lambda: spark, plan(config), False, completing(config) if finished else {})

    return run


@pytest.fixture(scope="module", name="sources")
def _sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sources")
    return {
        "languages": ["zh", "el"],
        "general": {"alpaca": {"path": translated(folder / "alpaca")}},
        "translation": {"path": parallel(folder / "parallel")},
        "validation_rows": 10,
    }


@pytest.fixture(scope="module", name="mixed")
def _mixed(mixed_with: Mix, sources: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("mixed") / "out"
    mixed_with(finished=True, mixtures=MIXTURES, output=output, tokenizer={"path": TOKENIZER}, **sources)
    return output


def rows_of(folder: Path, split: str = "*") -> list[dict[str, Any]]:
    return [
        row for path in sorted(folder.rglob(f"{split}-*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def manifest_of(output: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((output / "manifest.json").read_text())
    return loaded


def test_every_mixture_holds_its_parts(mixed: Path) -> None:
    names = {path.name for path in (mixed / "instructions").iterdir() if path.is_dir()}
    assert names == {"coit-zh", "coit-el", "muit", "zh-en", "el-en"}
    train = rows_of(mixed / "instructions" / "coit-zh", "train")
    kept = [n for n in range(60) if split_of(n) == "train"]
    assert sum(row["task"] == "general" and row["lang"] == "en" for row in train) == len(kept)
    pairs = [row for row in train if row["direction"] == "en-zh"]
    assert len(pairs) == sum(split_of(n) == "train" for n in range(200))
    for row in rows_of(mixed / "instructions" / "zh-en", "train"):
        assert row["direction"] == "zh-en"
        assert row["output"][0] in "abcdefghijklmnopqrstuvwxyz"
    muit = {row["id"] for row in rows_of(mixed / "instructions" / "muit")}
    assert {row["id"] for row in rows_of(mixed / "instructions" / "coit-el")} < muit


def test_rows_are_what_is_declared(mixed: Path) -> None:
    for path in (mixed / "instructions").rglob("*.parquet"):
        assert pq.read_schema(path).remove_metadata().equals(INSTRUCTIONS.arrow().remove_metadata())
    for path in (mixed / "rejected").rglob("*.parquet"):
        assert pq.read_schema(path).remove_metadata().equals(REJECTED.arrow().remove_metadata())
    encode = load_tokenizer(str(TOKENIZER)).encode
    for row in rows_of(mixed / "instructions" / "coit-zh"):
        user = "\n\n".join(filter(None, [row["instruction"], row["input"]]))
        assert row["messages"] == [
            {"role": "user", "content": user},
            {"role": "assistant", "content": row["output"]},
        ]
        assert row["tokens"] == sum(map(len, encode([row["instruction"], row["input"], row["output"]])))
        assert row["license"] == ("CC-BY-SA-4.0" if row["task"] == "translation" else "CC-BY-NC-4.0")


def test_no_row_vanishes(mixed: Path) -> None:
    manifest = manifest_of(mixed)
    assert {(c["source"], c["lang"], c["direction"], c["read"]) for c in manifest["counts"]} == {
        *(("alpaca", lang, None, 60) for lang in ("en", "zh", "el")),
        *(("parallel", lang, way, 200) for lang in ("zh", "el") for way in (f"en-{lang}", f"{lang}-en")),
    }
    for count in manifest["counts"]:
        assert count["read"] == count["kept"] + sum(count["rejected"].values())
        assert count["rejected"] == {"held_out": sum(split_of(n) == "test" for n in range(count["read"]))}
    rejected = [
        row for path in (mixed / "rejected").glob("*.parquet") for row in pq.read_table(path).to_pylist()
    ]
    assert len(rejected) == sum(sum(count["rejected"].values()) for count in manifest["counts"])


def test_nothing_stands_in_two_splits(mixed: Path) -> None:
    keys: dict[str, set[str]] = {}
    for row in rows_of(mixed / "instructions"):
        for key in row["keys"]:
            keys.setdefault(key, set()).add(row["split"])
    assert keys
    assert {len(splits) for splits in keys.values()} == {1}


def test_an_english_text_held_out_anywhere_is_held_out_everywhere(mixed_with: Mix, tmp_path: Path) -> None:
    """In validation as a Chinese pair, so neither as a Greek pair nor as an English record or its translation."""
    shared = text("en", 999)
    publish(
        tmp_path / "parallel",
        PARALLEL,
        {
            "en-zh": [pair_row("zh", n) for n in range(20)]
            + [pair_row("zh", 999, src_text=shared, split="validation")],
            "en-el": [pair_row("el", n) for n in range(20)]
            + [pair_row("el", 998, src_text=shared.upper() + ".", split="train")],
        },
    )
    publish(
        tmp_path / "alpaca",
        TRANSLATED,
        {
            lang: [instruction_row(lang, n) for n in range(20)]
            + [instruction_row(lang, 1, index=50, source_id="a" * 32, id=lang * 16)
               | ({"output": shared} if lang == "en" else {}) | {"instruction": text(lang, 77), "split": "train"}]
            for lang in ("en", "el")
        },
    )  # fmt: skip
    mixed_with(
        languages=["zh", "el"],
        general={"alpaca": {"path": tmp_path / "alpaca"}},
        translation={"path": tmp_path / "parallel"},
        mixtures={"all": ["alpaca-en", "alpaca-el", "en-{x}"]},
        output=tmp_path / "out",
    )
    fallen = [
        (row["lang"], row["task"])
        for path in (tmp_path / "out" / "rejected").glob("*.parquet")
        for row in pq.read_table(path).to_pylist()
        if row["reason"] == "straddles"
    ]
    assert sorted(fallen) == [("el", "general"), ("el", "translation"), ("en", "general")]


def test_a_record_that_stayed_english_is_in_the_english_part_alone(mixed_with: Mix, tmp_path: Path) -> None:
    stayed = instruction_row("en", 3) | {"id": "e" * 32, "lang": "el"}
    stayed |= {"route": "keep_english", "route_reason": "language"}
    greek = [stayed if n == 3 else instruction_row("el", n) for n in range(20)]
    english = [instruction_row("en", n) for n in range(20)]
    publish(tmp_path / "alpaca", TRANSLATED, {"en": english, "el": greek})
    mixed_with(
        languages=["el"],
        general={"alpaca": {"path": tmp_path / "alpaca"}},
        mixtures={"both": ["alpaca-en", "alpaca-el"]},
        output=tmp_path / "out",
    )
    (rejected,) = [row for row in rows_of(tmp_path / "out" / "rejected") if row["reason"] == "kept_english"]
    assert (rejected["lang"], rejected["detail"], rejected["source_ids"]) == ("el", "language", ["e" * 32])
    texts = [row["instruction"] for row in rows_of(tmp_path / "out" / "instructions")]
    assert texts.count(stayed["instruction"]) == 1


def test_a_larger_budget_only_adds_rows_and_no_language_moves_another(
    mixed_with: Mix, sources: dict[str, Any], tmp_path: Path
) -> None:
    ids: dict[tuple[str, str], set[str]] = {}
    for name, allocation in (
        ("small", {"zh": 30, "el": 50}),
        ("large", {"zh": 90, "el": 50}),
    ):
        given = sources | {"translation": {**sources["translation"], "allocation": allocation}}
        mixed_with(mixtures={"mix": ["en-{x}"]}, output=tmp_path / name, **given)
        for row in rows_of(tmp_path / name / "instructions", "train"):
            ids.setdefault((name, row["lang"]), set()).add(row["id"])
    assert len(ids["small", "zh"]) == 30
    assert len(ids["large", "zh"]) == 90
    assert ids["small", "zh"] < ids["large", "zh"]
    assert ids["small", "el"] == ids["large", "el"]


def test_weights_repeats_and_english_are_kept_to(
    mixed_with: Mix, sources: dict[str, Any], tmp_path: Path
) -> None:
    mixture = {
        "parts": ["alpaca-en", {"name": "alpaca-zh", "rows": 120}, {"name": "en-zh", "rows": 80}],
        "english_share": 0.2,
        "max_repeats": 3,
    }
    manifest = mixed_with(mixtures={"mix": mixture}, output=tmp_path / "out", finished=True, **sources)
    rows = rows_of(tmp_path / "out" / "instructions", "train")
    general = {
        lang: [r for r in rows if r["task"] == "general" and r["lang"] == lang] for lang in ("en", "zh")
    }
    assert (len(general["en"]), len(general["zh"]), len(rows)) == (50, 120, 250)
    there = sum(split_of(n) == "train" for n in range(60))
    assert len({row["id"] for row in general["zh"]}) == there
    assert max(row["repeat"] for row in general["zh"]) == -(-120 // there) - 1
    assert len({(row["id"], row["repeat"]) for row in rows}) == len(rows)
    assert manifest["mixtures"]["mix"][1]["units"] == 120


def test_lines_of_a_document_may_stand_together(mixed_with: Mix, tmp_path: Path) -> None:
    """Only lines that follow one another, of one split, within the tokens; other rows stay alone."""
    lines = [
        pair_row("zh", n, doc=1 + n // 40, corpus="News-Commentary", split="train")
        for n in range(80)
        if n != 20
    ]
    publish(
        tmp_path / "parallel", PARALLEL, {"en-zh": [*lines, *(pair_row("zh", n) for n in range(200, 220))]}
    )
    manifest = mixed_with(
        languages=["zh"],
        translation={
            "path": tmp_path / "parallel",
            "max_sentences": 4,
            "max_tokens": 200,
            "templates": "paper",
        },
        tokenizer={"path": TOKENIZER},
        mixtures={"mix": ["en-zh"]},
        output=tmp_path / "out",
        finished=True,
    )
    order = {row["id"]: row["line"] for row in lines}
    rows = rows_of(tmp_path / "out" / "instructions", "train")
    assert {row["instruction"] for row in rows} == {
        "Translate the following sentences from English to Chinese."
    }
    assert {row["pairs"] for row in rows} >= {1, 2, 3}
    for row in rows:
        found = [order[id] for id in row["source_ids"] if id in order]
        assert len(row["source_ids"]) == row["pairs"]
        if found:
            assert found == list(range(found[0], found[0] + row["pairs"]))
            assert len({line > 41 for line in found}) == 1
    assert sum(row["pairs"] for row in rows) == manifest["counts"][0]["kept"] - len(
        [n for n in range(200, 220) if split_of(n) == "validation"]
    )


def test_other_instruction_files_pass_the_same_checks(mixed_with: Mix, tmp_path: Path) -> None:
    chinese = [
        {"instruction": "请说明为什么秋天树叶会变颜色。", "input": "", "output": "因为叶绿素减少了，黄色就显出来了。"},
        {"instruction": "请说明为什么秋天树叶会变颜色。", "input": "", "output": "因为叶绿素减少了，黄色就显出来了。"},
        {"instruction": "Why do leaves change their color in autumn?", "output": "Because chlorophyll breaks down."},
        {"instruction": "空的", "output": ""},
        {"messages": [{"role": "user", "content": "早上怎么打招呼？"}, {"role": "assistant", "content": "说早上好。"}]},
        {"instruction": "描述石桥和河流。", "output": "河流从古老的石桥下面缓缓流过，孩子们在岸边观看。"},
        {"instruction": "写一句关于市场的话。", "output": "清晨的市场里摆满了新鲜的蔬菜和刚刚捕到的鱼。"},
    ]  # fmt: skip
    (tmp_path / "zh.jsonl").write_text(
        "\n".join(json.dumps(one, ensure_ascii=False) for one in chinese) + "\n{oops\n"
    )
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "set.txt").write_text("河流从古老的石桥下面缓缓流过，孩子们在岸边观看。\n")
    mi_eval(tmp_path / "eval" / "mi_eval", {"zh": [(chinese[-1]["instruction"], chinese[-1]["output"])]})
    for lang in ("en", "el"):  # the same records at the same places
        records = [{"instruction": text(lang, n), "output": text(lang, 100 + n)} for n in range(30)]
        (tmp_path / f"{lang}.json").write_text(json.dumps(records))
    manifest = mixed_with(
        languages=["zh", "el"],
        general={
            "bactrian": {"files": {"zh": [tmp_path / "zh.jsonl"]}, "license": "CC-BY-NC-4.0"},
            "both": {"files": {lang: [tmp_path / f"{lang}.json"] for lang in ("en", "el")}, "aligned": True},
        },
        mixtures={"bactrian": ["bactrian-zh"], "both": ["both-en", "both-el"]},
        eval={"path": tmp_path / "eval"},
        output=tmp_path / "out",
        splits={"validation": 0.3},
    )
    assert manifest["counts"][0]["read"] == 8
    assert manifest["counts"][0]["rejected"] == {
        "broken_record": 1, "contaminated": 2, "duplicate": 1, "empty_output": 1, "wrong_script": 1,
    }  # fmt: skip
    rows = rows_of(tmp_path / "out" / "instructions" / "bactrian")
    assert {row["license"] for row in rows} == {"CC-BY-NC-4.0"}
    assert [row["output"] for row in rows if row["instruction"] == "早上怎么打招呼？"]
    split = {row["instruction"]: row["split"] for row in rows_of(tmp_path / "out" / "instructions" / "both")}
    assert set(split.values()) == {"train", "validation"}
    both = [n for n in range(30) if {text("en", n), text("el", n)} <= set(split)]
    assert len(both) > 20
    assert [split[text("en", n)] for n in both] == [split[text("el", n)] for n in both]


def test_a_mixture_of_several_shards_is_whole(mixed_with: Mix, tmp_path: Path) -> None:
    """Long rows, so that a MiB of text, which is the smallest shard, holds few."""
    records = [{"instruction": text("zh", n), "output": text("zh", n, 19_900)} for n in range(60)]
    (tmp_path / "zh.json").write_text(json.dumps(records, ensure_ascii=False))
    manifest = mixed_with(
        languages=["zh"],
        general={"essays": {"files": {"zh": [tmp_path / "zh.json"]}}},
        mixtures={"essays": ["essays-zh"]},
        splits={"validation": 0.0},
        shards={"target_mb": 1},
        output=tmp_path / "out",
        finished=True,
    )
    folder = tmp_path / "out" / "instructions"
    names = sorted(path.name for path in (folder / "essays").iterdir())
    assert len(names) > 3
    assert names == [f"train-{n:05d}-of-{len(names):05d}.parquet" for n in range(len(names))]
    kept = manifest["counts"][0]["kept"]
    assert len({row["id"] for row in rows_of(folder)}) == len(rows_of(folder)) == kept
    info = json.loads((folder / "dataset_info.json").read_text())
    assert [one["file_name"] for one in info.values()] == [f"essays/{name}" for name in names]
    data = load_dataset(str(folder), "essays", split="train", cache_dir=str(tmp_path / "cache"))
    assert data.num_rows == kept > 50


def test_the_same_bytes_on_every_run(
    mixed: Path, mixed_with: Mix, sources: dict[str, Any], tmp_path: Path
) -> None:
    mixed_with(mixtures=MIXTURES, output=tmp_path / "out", tokenizer={"path": TOKENIZER}, **sources)
    of_the_finish = {"README.md", "dataset_info.json", "axolotl.yaml"}
    expected = {path: sha for path, sha in digests(mixed).items() if Path(path).name not in of_the_finish}
    assert digests(tmp_path / "out") == expected


def test_datasets_and_llama_factory_find_every_mixture(mixed: Path, tmp_path: Path) -> None:
    folder = mixed / "instructions"
    data = load_dataset(str(folder), "coit-zh", cache_dir=str(tmp_path))
    assert set(data) == {"train", "validation"}
    assert data["train"].num_rows == len(rows_of(folder / "coit-zh", "train"))
    info = json.loads((folder / "dataset_info.json").read_text())
    for one in info.values():
        columns = pq.read_schema(folder / one["file_name"]).names
        assert set(one["columns"].values()) <= set(columns)
    assert {"coit-zh", "coit-zh-validation", "muit"} <= set(info)
    snippet = (folder / "axolotl.yaml").read_text().split("# muit\n")[1].split("# zh-en\n")[0]
    found = yaml.safe_load(snippet.replace("# ", "", 1).replace("\n# ", "\n"))
    assert found["datasets"] == [{"path": ".", "name": "muit", "type": "alpaca", "split": "train"}]
    assert found["test_datasets"][0]["split"] == "validation"


def test_trl_trains_on_the_shards_as_they_are(mixed: Path, tmp_path: Path) -> None:
    """One step of its SFTTrainer on `messages`, with a small model."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    data = load_dataset(
        str(mixed / "instructions"), "coit-zh", split="train[:16]", cache_dir=str(tmp_path / "cache")
    )
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<pad>", "</s>"]
    raw.train_from_iterator(
        data["output"],
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="</s>")
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + eos_token }}{% endfor %}"
    )
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
    settings = SFTConfig(
        output_dir=str(tmp_path / "trained"),
        max_steps=1,
        per_device_train_batch_size=4,
        max_length=128,
        report_to=[],
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(model=model, args=settings, train_dataset=data, processing_class=tokenizer)
    found = trainer.train()
    assert found.global_step == 1
    assert 0 < found.training_loss < 20
    first = tokenizer.decode(trainer.train_dataset[0]["input_ids"])
    assert data[0]["messages"][1]["content"][:20] in first


def test_what_is_published_can_be_audited_alone(mixed: Path, spark: SparkSession) -> None:
    found = auditor(open_dataset(mixed / "instructions"), ("audit.repeated_share.max=0.5",), None)(
        spark, None
    )
    assert not found.failed
    assert {finding.subject for finding in found.findings} == {
        "rows",
        "dataset",
        "parts",
        "languages",
        "mixtures",
    }


def test_the_audit_finds_what_is_wrong(mixed: Path, spark: SparkSession, tmp_path: Path) -> None:
    """A text in two splits, a conversation that says something else, a row that stands twice, rejects that are gone."""
    broken = tmp_path / "broken"
    shutil.copytree(mixed, broken)
    path = broken / "instructions" / "zh-en" / "train-00000-of-00001.parquet"
    held_out = rows_of(mixed / "instructions" / "zh-en", "validation")[0]
    rows = pq.read_table(path).to_pylist()
    rows[0]["keys"] = held_out["keys"]
    rows[1]["messages"][1]["content"] = "something else"
    rows[2] = rows[3]
    pq.write_table(pa.Table.from_pylist(rows, schema=INSTRUCTIONS.arrow()), path)
    for reject in (broken / "rejected").glob("*.parquet"):
        reject.unlink()
    config = MixtureRun.model_validate(
        {"mixtures": {"m": ["alpaca-en"]}, "general": {"alpaca": {"path": "."}}}
    )
    found = audit(spark, DatasetFolder(broken, manifest_of(broken)), config, None)
    assert {finding.column for finding in found.failed} == {
        "altered",
        "keys_in_two_splits",
        "repeated_ids",
        "in_manifest = in_files",
    }
    altered = next(finding for finding in found.failed if finding.column == "altered")
    assert altered.offending[0]["altered"] == "messages"


def test_report_and_card_say_what_is_there(mixed: Path) -> None:
    html = (mixed / "report.html").read_text(encoding="utf-8")
    for said in ("coit-zh", "tokens per word", "held_out", 'lang="zh"', "CC-BY-NC-4.0"):
        assert said in html
    card = (mixed / "instructions" / "README.md").read_text(encoding="utf-8")
    assert "config_name: coit-zh" in card
    assert set(REASONS) >= {reason for count in manifest_of(mixed)["counts"] for reason in count["rejected"]}
    assert json.loads((mixed / "audit" / "results.json").read_text())["passed"] is True


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"mixtures": {"m": ["alpaca-xx"]}}, r"no part 'alpaca-xx'; did you mean alpaca-"),
        ({"mixtures": {"m": ["en-tr"]}, "languages": ["tr"]}, "has no pair en-tr, which en-tr needs; it has en-el"),
        ({"mixtures": {"m": ["alpaca-tr"]}, "languages": ["tr"]}, "has no rows in tr; it has el, en, zh"),
        ({"mixtures": {"m": []}}, "at least 1 item"),
        ({"tokenizer": {"path": "nowhere"}}, "tokenizer.path: nowhere holds no tokenizer"),
        ({"tokenizer": {"path": __file__}}, "is neither a SentencePiece model nor"),
        ({"eval": {"path": "nowhere"}}, "eval.path: nowhere is no folder"),
        ({"translation": {"path": "nowhere"}}, "translation.path: nowhere: is no folder"),
        ({"general": {"alpaca": {"path": "nowhere"}}}, "general.alpaca.path: nowhere: is no folder"),
        ({"languages": ["xx"]}, "no language 'xx' is known"),
        ({"mixtures": {"m": ["alpaca-en"], "m-validation": ["alpaca-zh"]}}, r"mixtures.m-validation: .* part of m;"),
        ({"mixtures": {"m": ["alpaca-en"], "m-00001": ["alpaca-zh"]}}, r"mixtures.m-00001: .* part of m;"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence(sources: dict[str, Any], given: Mapping[str, Any], sentence: str) -> None:
    config = {"mixtures": {"m": ["alpaca-en", "en-zh"]}} | sources | given
    with pytest.raises((UserError, ValueError), match=sentence):
        plan(MixtureRun.model_validate(config))


def test_more_than_there_is_names_the_languages_that_are_short(
    mixed_with: Mix, sources: dict[str, Any], tmp_path: Path
) -> None:
    given = sources | {"translation": {**sources["translation"], "allocation": {"zh": 5_000, "el": 50}}}
    with pytest.raises(
        UserError, match=r"mixtures.muit: en-zh is short: 5,000 rows are asked for, and there are 176"
    ):
        mixed_with(mixtures={"muit": ["en-{x}"]}, output=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_a_file_without_records_and_one_that_breaks_off_are_named(mixed_with: Mix, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("[]")
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b'[{"instruction": "i", "output": "o"}]')[:30])
    for name, sentence in (("empty.json", "no records"), ("cut.json.gz", "on_truncated=keep")):
        given = {
            "general": {"alpaca": {"files": {"en": [tmp_path / name]}}},
            "mixtures": {"m": ["alpaca-en"]},
        }
        with pytest.raises(UserError, match=sentence):
            mixed_with(output=tmp_path / "out", **given)


def test_the_job_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    (tmp_path / "mix.yaml").write_text(
        "general:\n  alpaca: {path: gone}\nmixtures:\n  m: [alpaca-en]\nmixtrues: {}\n"
    )
    found = errors(run("--config", tmp_path / "mix.yaml", job="build_instructions"))
    assert found == [f"{tmp_path / 'mix.yaml'}: mixtrues: unknown key; did you mean mixtures?"]


def test_the_configurations_that_are_shipped_are_sound() -> None:
    paper = load(MixtureRun, ROOT / "configs" / "paper_mixtures.yaml").expanded()
    assert len(paper) == 6 * 11 + 2  # Figure 6 for six languages, Alpaca-En alone, and MuIT
    assert [part.name for part in paper["coit-hi"].parts] == ["alpaca-en", "alpaca-hi", "en-hi"]
    assert len(paper["muit"].parts) == 13
    demo = load(MixtureRun, ROOT / "configs" / "mixture_demo.yaml").expanded()
    assert set(demo) == {"muit", *(f"coit-{code}" for code in ("ar", "el", "hi", "tr", "vi", "zh"))}
