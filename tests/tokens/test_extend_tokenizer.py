"""A larger tokenizer of a base model's: what the old pieces do stays, and the new ones make other text shorter."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sentencepiece
from instruction_shards import SAMPLES
from job_process import errors, run
from pyspark.sql import SparkSession
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
from transformers import AutoTokenizer

from pipelines.errors import UserError
from pipelines.extending import extend_tokenizer, plan
from pipelines.tokenizing import plan as plan_tokens
from pipelines.tokenizing import tokenize
from pipelines.tokens.extension import extend, learn_pieces, read_bpe
from pipelines.tokens.line_sample import LineSample
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.extend_run import ExtendRun
from schemas.loading import load
from schemas.tokens_run import TokenizeRun

SENTENCES = [
    json.loads(line)
    for path in sorted((SAMPLES / "text").glob("*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
ENGLISH, CHINESE, TURKISH = ([one[lang] for one in SENTENCES if lang in one] for lang in ("en", "zh", "tr"))


def texts(lang: str) -> list[str]:
    return {"en": ENGLISH, "zh": CHINESE, "tr": TURKISH}[lang]


def trained(path: Path, **options: Any) -> Path:
    """A model of the samples' English, with the settings of LLaMA's."""
    with path.open("wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(ENGLISH),
            model_writer=model,
            **{"model_type": "bpe", "vocab_size": 900} | options,
            character_coverage=1.0,
            byte_fallback=True,
            split_digits=True,
            allow_whitespace_only_pieces=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            num_threads=1,
            minloglevel=2,
        )
    return path


@pytest.fixture(scope="module", name="base")
def _base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory as LLaMA's is, with both forms of its tokenizer."""
    folder = tmp_path_factory.mktemp("base")
    model = read_bpe(trained(folder / "tokenizer.model"))
    # as LLaMA's runs of spaces have it
    model.pieces.add(piece="▁▁", score=-1e9)
    (folder / "tokenizer.model").write_bytes(model.SerializeToString())
    scores = {piece.piece: piece.score for piece in model.pieces}
    merges = [
        (piece[:place], piece[place:])
        for piece in sorted(scores, key=lambda piece: -scores[piece])
        for place in range(1, len(piece))
        if piece[:place] in scores and piece[place:] in scores
    ]
    vocabulary = {piece.piece: id for id, piece in enumerate(model.pieces)}
    fast = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    fast.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    fast.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    fast.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    special = ("<unk>", "<s>", "</s>")
    fast.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    fast.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "special_tokens_map.json").write_text(json.dumps(names | {"unk_token": {"content": "<unk>"}}))
    decoder = {id: {"content": token, "special": True} for id, token in enumerate(special)}
    config = names | {"tokenizer_class": "LlamaTokenizer", "pad_token": None, "added_tokens_decoder": decoder}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"add_bos_token": True}))
    return folder


@pytest.fixture(scope="module", name="files")
def _files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Documents in three formats, with two lines that are none."""
    folder = tmp_path_factory.mktemp("text")
    with gzip.open(folder / "zh.jsonl.gz", "wt", encoding="utf-8") as stream:
        documents = [json.dumps({"text": text}, ensure_ascii=False) for text in CHINESE]
        stream.write("\n".join([*documents, "{broken", '{"text": 7}']))
    pq.write_table(pa.table({"text": TURKISH}), folder / "tr.parquet")
    (folder / "en.txt").write_text("\n".join(ENGLISH) + "\n")
    return {lang: [str(folder / name)] for lang, name in
            (("zh", "zh.jsonl.gz"), ("tr", "tr.parquet"), ("en", "en.txt"))}  # fmt: skip


def made(output: Path, tokenizer: Path, text: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    given = {"pieces": 600, "text_validation": 0.1} | given
    config = load(ExtendRun, None, [], tokenizer=tokenizer, text=text, output=str(output), **given)
    return extend_tokenizer(plan(config), overwrite=False)


@pytest.fixture(scope="module", name="chinese")
def _chinese(base: Path, files: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("extended") / "zh"
    made(output, base, {lang: files[lang] for lang in ("zh", "en")})
    return output


def pieces_of(path: Path) -> list[Any]:
    return list(read_bpe(path / "tokenizer.model").pieces)


def test_old_pieces_stay_and_new_ones_come_after_all_of_them(base: Path, chinese: Path) -> None:
    old, new = pieces_of(base), pieces_of(chinese)
    assert new[: len(old)] == old
    added = new[len(old) :]
    assert len(added) == 600
    assert len({piece.piece for piece in new}) == len(new)
    scores = [min(piece.score for piece in old), *(piece.score for piece in added)]
    assert all(above > below for above, below in itertools.pairwise(scores))
    assert {piece.type for piece in added} == {sentencepiece_model_pb2.ModelProto.SentencePiece.NORMAL}


def test_english_stays_and_chinese_gets_shorter(base: Path, chinese: Path) -> None:
    before, after = load_tokenizer(base), load_tokenizer(chinese)
    assert after.encode(ENGLISH) == before.encode(ENGLISH)
    old, new = before.encode(CHINESE), after.encode(CHINESE)
    assert sum(map(len, new)) < 0.5 * sum(map(len, old))
    assert [after.decode(ids) for ids in new] == CHINESE


def test_every_new_piece_occurs_in_a_text(base: Path, chinese: Path) -> None:
    """Each is what its own text becomes: none has an embedding that no text would train."""
    model = read_bpe(chinese / "tokenizer.model")
    model.normalizer_spec.add_dummy_prefix = False
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    for id in range(len(pieces_of(base)), len(model.pieces)):
        assert processor.encode(model.pieces[id].piece.replace("▁", " ")) == [id]


@pytest.mark.parametrize("languages", [("zh", "en"), ("tr", "zh", "en")])
def test_all_readers_read_the_same(
    base: Path, files: dict[str, list[str]], tmp_path: Path, languages: tuple[str, ...]
) -> None:
    made(tmp_path / "out", base, {lang: files[lang] for lang in languages})
    spm = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "out" / "tokenizer.model"))
    auto, ours = AutoTokenizer.from_pretrained(tmp_path / "out"), load_tokenizer(tmp_path / "out")
    assert len(auto) == ours.vocab_size == len(spm) == len(pieces_of(base)) + 600
    lines = [*ENGLISH, *CHINESE, *TURKISH, "两  个空格", "a  b", "🙂 ↀ"]
    expected = spm.encode(lines)
    assert ours.encode(lines) == expected
    assert auto(lines).input_ids == [[spm.bos_id(), *ids] for ids in expected]
    assert [auto.decode(ids, skip_special_tokens=True) for ids in auto(lines).input_ids] == lines


def test_a_bare_model_becomes_a_directory_that_transformers_reads(
    base: Path, files: dict[str, list[str]], tmp_path: Path
) -> None:
    shutil.copy(base / "tokenizer.model", tmp_path / "llama.model")
    made(tmp_path / "out", tmp_path / "llama.model", {"zh": files["zh"]})
    ours, auto = load_tokenizer(tmp_path / "out"), AutoTokenizer.from_pretrained(tmp_path / "out")
    assert (auto.bos_token_id, auto.eos_token_id) == (ours.bos_id, ours.eos_id)
    assert auto(CHINESE).input_ids == [[ours.bos_id, *ids] for ids in ours.encode(CHINESE)]


def test_the_same_text_gives_the_same_bytes_in_whatever_order(
    base: Path, files: dict[str, list[str]], tmp_path: Path
) -> None:
    lines = [json.dumps({"text": text}) for text in CHINESE]
    for name, order in (("one", lines), ("two", lines[::-1])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(order))
        text = {"zh": [str(tmp_path / f"{name}.jsonl")], "tr": files["tr"]}
        made(tmp_path / f"by-{name}", base, text)
        made(tmp_path / f"by-{name}-again", base, text)
    outputs = [tmp_path / name for name in ("by-one", "by-one-again", "by-two", "by-two-again")]
    bytes_of = [{path.name: path.read_bytes() for path in sorted(output.iterdir())} for output in outputs]
    assert bytes_of[0] == bytes_of[1]
    assert bytes_of[2] == bytes_of[3]
    for of in bytes_of:
        del of["manifest.json"]  # it names the file
    assert bytes_of[0] == bytes_of[2]


def test_what_is_measured_was_not_learned_from(
    base: Path, files: dict[str, list[str]], tmp_path: Path
) -> None:
    manifest = made(tmp_path / "out", base, files)
    for lang in ("zh", "tr"):
        distinct = len(set(texts(lang)))
        sampled, measured = manifest["sampled"][lang]["lines"], manifest["measured"][lang]
        assert sampled + measured["lines"] == distinct
        assert 0 < measured["lines"] < 0.25 * distinct
        assert measured["tokens_after"] < measured["tokens_before"]
    english = manifest["measured"]["en"]
    assert "en" not in manifest["sampled"]
    assert english["lines"] == len(set(ENGLISH))
    # Turkish is written in the same letters: some of its pieces occur in English
    assert 0.3 < english["unchanged_lines"] / english["lines"] <= 1
    (broken,) = (source for source in manifest["inputs"] if source["lang"] == "zh")
    assert (broken["rows"], broken["broken"]) == (len(CHINESE) + 2, 2)
    assert manifest["pieces"] == {"asked": 600, "added": 600}
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == manifest


def test_tokenising_takes_the_output(
    spark: SparkSession, chinese: Path, base: Path, files: dict[str, list[str]], tmp_path: Path
) -> None:
    found = {}
    for tokenizer in (base, chinese):
        output = str(tmp_path / tokenizer.name)
        config = load(
            TokenizeRun, None, [], tokenizer=tokenizer, text={"zh": files["zh"]}, output=output, max_length=64
        )
        manifest = tokenize(lambda: spark, plan_tokens(config), False, {})
        found[tokenizer] = sum(count["tokens"] for count in manifest["counts"])
        assert manifest["tokenizer"]["vocab_size"] == len(pieces_of(tokenizer))
    assert found[chinese] < 0.6 * found[base]


def test_fewer_pieces_than_asked_for_are_said(base: Path, tmp_path: Path) -> None:
    (tmp_path / "zh.txt").write_text("\n".join(f"水果{number}水果" for number in range(40)))
    done = run(
        *("--tokenizer", base, "--text", f"zh={tmp_path / 'zh.txt'}", "--pieces", 100, "--output", "out"),
        job="extend_tokenizer",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "100 pieces were asked for; the text has no more than 5 new ones" in done.stdout
    assert "multiple of 64" not in done.stdout, "there is no use in asking for more"
    assert "English was not measured" in done.stdout
    assert "+ 5 =" in done.stdout
    again = run(
        *("--tokenizer", base, "--text", f"zh={tmp_path / 'zh.txt'}", "--output", "out"),
        job="extend_tokenizer",
        cwd=tmp_path,
    )
    assert "exists already" in errors(again)[0]


def test_rare_characters_come_before_merges_and_ascii_not_at_all(base: Path) -> None:
    lines = ["水果 fruit fruit fruit", "果水 fruit fruit fruit"] * 20
    model = read_bpe(base / "tokenizer.model")
    assert learn_pieces(model, lines, 100, latin=False)[:2] == ["果", "水"]
    assert all(set("水果") & set(piece) for piece in learn_pieces(model, lines, 100, latin=False))
    assert "▁fruit" in {*learn_pieces(model, lines, 100, latin=True), *(one.piece for one in model.pieces)}


def test_a_piece_that_older_merges_forestall_is_left_out(base: Path) -> None:
    """北烤鸭肉 is learned as 北烤 + 鸭肉, but a base that merges 烤鸭 first never comes to it."""
    lines = ["一北烤二", "三鸭肉四", "五北烤鸭肉六", "七北烤鸭肉八"] * 30
    model = read_bpe(base / "tokenizer.model")
    assert "北烤鸭肉" in learn_pieces(model, lines, 20, latin=False)
    found = learn_pieces(extend(model, ["烤", "鸭", "烤鸭"]), lines, 15, latin=False)
    assert "北烤" in found
    assert "北烤鸭肉" not in found


def test_a_sample_is_bounded_and_does_not_depend_on_the_order() -> None:
    lines = [f"line {number} " + "x" * (number % 90) for number in range(2_000)]
    one, two = LineSample(0, 10_000), LineSample(0, 10_000)
    for line in [*lines, *lines]:
        one.offer(line)
    for line in reversed(lines):
        two.offer(line)
    assert one.lines() == two.lines()
    assert 9_000 < sum(len(line) for line in one.lines()) == one.bytes <= 10_000
    assert len(set(one.lines())) == len(one.lines())
    other = LineSample(1, 10_000)
    for line in lines:
        other.offer(line)
    assert other.lines() != one.lines()


# --- what is refused ---


def refused(tokenizer: Path, text: Mapping[str, Any]) -> str:
    with pytest.raises(UserError) as found:
        plan(load(ExtendRun, None, [], tokenizer=tokenizer, text=text))
    return str(found.value)


def test_other_kinds_of_tokenizers_are_refused(
    base: Path, files: dict[str, list[str]], tmp_path: Path
) -> None:
    assert "is a SentencePiece model of the Unigram kind; expected BPE" in refused(
        trained(tmp_path / "unigram.model", model_type="unigram", vocab_size=500), files
    )
    shutil.copytree(base, tmp_path / "fast")
    (tmp_path / "fast" / "tokenizer.model").unlink()
    assert "has no tokenizer.model; expected a SentencePiece BPE model" in refused(tmp_path / "fast", files)
    assert "has no tokenizer.model" in refused(tmp_path / "fast" / "tokenizer.json", files)
    (tmp_path / "other.model").write_text("no model")
    assert "is neither a SentencePiece model nor" in refused(tmp_path / "other.model", files)
    said = refused(tmp_path / "nowhere", {"zh": ["nowhere.jsonl"]})
    assert "nowhere.jsonl: no such file" in said
    assert "nowhere: no such file or directory" in said


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("added_tokens.json", {"<pad>": 901}),
        ("special_tokens_map.json", {"pad_token": "[PAD]"}),
        ("tokenizer_config.json", {"added_tokens_decoder": {"901": {"content": "<pad>"}}}),
        ("tokenizer.json", {"added_tokens": [{"content": "<pad>", "id": 901}]}),
    ],
)
def test_tokens_that_would_lose_their_ids_are_refused(
    base: Path, files: dict[str, list[str]], tmp_path: Path, name: str, change: dict[str, Any]
) -> None:
    shutil.copytree(base, tmp_path / "base")
    path = tmp_path / "base" / name
    held = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(held | change))
    assert f"{name} adds" in refused(tmp_path / "base", files)


def test_a_tokenizer_json_of_another_tokenizer_is_refused(
    base: Path, files: dict[str, list[str]], tmp_path: Path
) -> None:
    shutil.copytree(base, tmp_path / "base")
    held = json.loads((base / "tokenizer.json").read_text())
    del held["model"]["vocab"]["▁▁"]
    (tmp_path / "base" / "tokenizer.json").write_text(json.dumps(held))
    assert "is another tokenizer than tokenizer.model" in refused(tmp_path / "base", files)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (("--text", "en=a.txt"), "text: expected a language besides English"),
        (("--text", "zh"), "--text zh: expected a language and a file"),
        (("--text", "xx=a.txt"), "no language 'xx' is known"),
        (("--text", "zh=a.txt", "--pieces", "0"), "pieces: Input should be greater than or equal to 1"),
    ],
)
def test_mistakes_are_named(base: Path, text: tuple[str, ...], sentence: str) -> None:
    (said,) = errors(run("--tokenizer", base, *text, job="extend_tokenizer"))
    assert sentence in said


def test_text_without_anything_new_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "zh.txt").write_text("all of this is English\n" * 50)
    with pytest.raises(UserError, match="hold no piece that the tokenizer lacks"):
        made(tmp_path / "out", base, {"zh": [str(tmp_path / "zh.txt")]})
    assert not (tmp_path / "out").exists()
