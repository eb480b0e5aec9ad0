"""`jobs/build_parallel.py` as a person meets it: help, mistakes, damaged files."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from job_process import Builder, cut, errors, run

from pipelines.errors import UserError
from schemas.loading import load_config

TR = "WikiMatrix.en-tr.tsv.gz"
ROWS = [
    ("The harbour freezes over in most winters.", "Liman çoğu kış donar."),
    ("A narrow path leads up to the monastery.", "Dar bir patika manastıra çıkar."),
    ("The potter sells her bowls on the square.", "Çömlekçi kâselerini meydanda satar."),
    ("Nobody knows who carved the wooden door.", "Ahşap kapıyı kimin oyduğu bilinmiyor."),
    (
        "Our teacher collects stamps from all over the world.",
        "Öğretmenimiz dünyanın her yerinden pul toplar.",
    ),
    ("The soup tastes better on the second day.", "Çorba ikinci gün daha lezzetli olur."),
]


def text(rows: list[tuple[str, str]]) -> str:
    return "".join(f"1.09\t{src}\t{tgt}\n" for src, tgt in rows)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    found = [row for path in folder.rglob("*.parquet") for row in pq.ParquetFile(path).read().to_pylist()]
    return sorted(found, key=lambda row: (row["file"], row["line"]))


# --- before Spark starts -------------------------------------------------------------------------------------------


def test_help_names_every_option() -> None:
    done = run("--help")
    assert done.returncode == 0
    for option in "config input output pairs eval limit set overwrite".split():  # noqa: SIM905
        assert re.search(rf"^ *--{option}\b.* .{{10}}", done.stdout, re.MULTILINE), option
    assert "spark-submit jobs/build_parallel.py" in done.stdout


def test_all_problems_of_a_configuration_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "dedup: {neer: {threshold: 0.7}}\nseed: soon\npairz: [en-tr]\noverrides: [{thresholds: {margin: {mim: 1}}}]\n"
    )
    done = run(
        "--config",
        file,
        "--set",
        "thresholds.margin.mn=1.06",
        "--set",
        "nonsense",
        "--set",
        "sources.limit=0",
    )
    said = errors(done)
    for key, more in (
        ("dedup.neer", "did you mean dedup.near?"),
        ("seed", "soon"),
        ("pairz", "did you mean pairs?"),
        ("thresholds.margin.mn", "did you mean thresholds.margin.min?"),
        ("nonsense", "key=value"),
        ("sources.limit", "greater than or equal to 1"),
    ):
        assert [line for line in said if key in line and more in line], f"{key}: {said}"
    assert sum(str(file) in line for line in said) >= 3


def test_an_unknown_threshold_in_an_override_names_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("overrides: [{thresholds: {margin: {mim: 1}}}]\n")
    (problem,) = errors(run("--config", file))
    assert "margin.mim" in problem
    assert "did you mean margin.min?" in problem


def test_a_configuration_that_is_missing_or_no_yaml_is_named(tmp_path: Path) -> None:
    (problem,) = errors(run("--config", tmp_path / "nowhere.yaml"))
    assert "nowhere.yaml" in problem
    broken = tmp_path / "broken.yaml"
    broken.write_text("pairs: [en-tr\n")
    (problem,) = errors(run("--config", broken))
    assert "broken.yaml" in problem
    assert "YAML" in problem


def test_an_input_folder_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    (problem,) = errors(run("--input", tmp_path / "nowhere", "--output", tmp_path / "out"))
    assert str(tmp_path / "nowhere") in problem
    (tmp_path / "empty").mkdir()
    (problem,) = errors(run("--input", tmp_path / "empty", "--output", tmp_path / "out"))
    assert str(tmp_path / "empty") in problem
    assert "WikiMatrix.<a>-<b>.tsv.gz" in problem
    assert {path.name for path in tmp_path.iterdir()} == {"empty"}


def test_unreadable_files_and_folders_are_told_at_once(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "Letters.en-tr.txt.zip").write_bytes(b"PK\x03\x04 cut off")
    (source / "Diary.en-vi.en").write_text("The sea was calm.\n")
    done = run(
        *("--input", source, "--output", tmp_path / "out", "--eval", tmp_path / "no-eval"),
        *("--set", f"lid.model={source / 'Diary.en-vi.en'}"),
    )
    said = errors(done)
    for words in (
        ("Letters.en-tr.txt.zip", "zip"),
        ("Diary.en-vi.en", "Diary.en-vi.vi", "missing"),
        ("no-eval",),
        ("Diary.en-vi.en", "fastText"),
    ):
        assert [line for line in said if all(word in line for word in words)], f"{words}: {said}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ("en-xx", ("xx", "languages.xx")),
        ("zh-en", ("zh-en", "English first")),
        ("en-zh,,en-ar", ("no pair",)),
    ],
)
def test_unknown_pairs_are_refused(pairs: str, words: tuple[str, ...]) -> None:
    said = errors(run("--pairs", pairs))
    assert [line for line in said if all(word in line for word in words)], said


def test_an_output_that_is_no_path_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = run("--output", "s3://bucket/out", cwd=tmp_path)
    (problem,) = errors(done)
    assert "s3://bucket/out" in problem
    assert "local or mounted" in problem
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (problem,) = errors(run("--output", tmp_path / "file" / "out"))
    assert str(tmp_path / "file") in problem


# --- damaged data --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A truncated gz, a file of malformed lines, a pair not asked for, and an evaluation set."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "in").mkdir()
    whole = gzip.compress(text(ROWS).encode(), compresslevel=0)
    (folder / "in" / TR).write_bytes(whole[: -8 - len(text(ROWS[5:]).encode()) - 20])
    lines = (
        "1.09\tThe caf\udce9 is closed on Mondays.\tQuán cà phê nghỉ thứ hai.\n"  # the byte E9, in UTF-8 no character
        "1.09\tThe fields are flooded every summer.\n"
        "1.09\tThe boat\tis blue.\tChiếc thuyền màu xanh.\n"
        "high\tThe road is new.\tCon đường mới.\n"
        "1.09\tThe fishermen mend their nets in the shade.\tNgư dân vá lưới trong bóng râm.\n"
        "1.09\tMy aunt grows pepper behind the house.\tDì tôi trồng tiêu sau nhà.\n"
        "1.09\tThis line stands beyond the limit.\tDòng này nằm ngoài giới hạn.\n"
    )
    (folder / "in" / "WikiMatrix.en-vi.tsv").write_bytes(lines.encode("utf-8", "surrogateescape"))
    cut("WikiMatrix.en-zh.tsv.gz", folder / "in", 5)
    (folder / "eval").mkdir()
    (folder / "eval" / "nets.txt").write_text("The fishermen mend their nets in the shade.\n")
    return folder


def test_a_truncated_file_fails_the_run_and_says_what_to_do(
    build_with: Builder, damaged: Path, tmp_path: Path
) -> None:
    config = load_config(
        None,
        sources__input=damaged / "in",
        output=str(tmp_path / "out"),
        pairs=["en-tr", "en-vi"],
        sources__limit=6,
    )
    with pytest.raises(UserError) as caught:
        build_with(config)
    (problem,) = caught.value.problems
    assert str(damaged / "in" / TR) in problem
    assert "sources.on_truncated=keep" in problem
    assert "breaks off" in problem
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def salvaged(damaged: Path) -> Path:
    done = run(
        *("--input", damaged / "in", "--output", damaged / "out", "--pairs", "en-tr,en-vi"),
        *("--limit", 6, "--eval", damaged / "eval", "--set", "sources.on_truncated=keep"),
    )
    assert done.returncode == 0, done.stderr
    (damaged / "stdout").write_text(done.stdout)
    (damaged / "stderr").write_text(done.stderr)
    return damaged / "out"


def test_with_keep_what_is_readable_is_kept(salvaged: Path) -> None:
    kept = [row for row in rows_of(salvaged / "parallel") if row["file"] == TR]
    assert [(row["line"], row["src_text"], row["tgt_text"]) for row in kept] == [
        (line, *row) for line, row in enumerate(ROWS[:4], start=1)
    ]
    (cut_off,) = (row for row in rows_of(salvaged / "rejected") if row["file"] == TR)
    assert (cut_off["line"], cut_off["reason"]) == (5, "malformed_line")
    assert "breaks off" in cut_off["detail"]
    manifest = json.loads((salvaged / "manifest.json").read_text(encoding="utf-8"))
    broken = {source["path"]: source.get("broken", "") for source in manifest["inputs"]}
    assert "breaks off" in broken[TR]
    assert broken["WikiMatrix.en-vi.tsv"] == ""


def test_malformed_lines_are_rejects_with_file_line_and_detail(salvaged: Path) -> None:
    rejected = {
        row["line"]: row for row in rows_of(salvaged / "rejected") if row["file"].endswith("en-vi.tsv")
    }
    details = {line: row["detail"] for line, row in rejected.items() if row["reason"] == "malformed_line"}
    assert details.keys() == {1, 2, 3, 4}
    assert "invalid UTF-8" in details[1]
    assert "expected 3 tab-separated fields, found 2" in details[2]
    assert "expected 3 tab-separated fields, found 4" in details[3]
    assert "'high'" in details[4]
    assert r"The caf\xe9 is closed" in rejected[1]["src_text"]


def test_pairs_limit_and_eval_are_obeyed(salvaged: Path, damaged: Path) -> None:
    assert {path.name for path in (salvaged / "parallel").iterdir() if path.is_dir()} == {"en-tr", "en-vi"}
    notices = (damaged / "stderr").read_text()
    assert re.search(r"WikiMatrix\.en-zh\.tsv.*en-zh is not among the pairs", notices)
    vi = [row for row in rows_of(salvaged) if row["file"].endswith("en-vi.tsv")]
    assert max(row["line"] for row in vi) == 6
    contaminated = [row for row in rows_of(salvaged / "rejected") if row["reason"] == "contaminated"]
    assert [(row["line"], row["contaminated_by"]) for row in contaminated] == [(5, "nets.txt")]
    assert contaminated[0]["file"] == "WikiMatrix.en-vi.tsv"


def test_the_run_shows_its_stages_and_ends_with_one_table(salvaged: Path, damaged: Path) -> None:
    stages = (damaged / "stderr").read_text()
    for stage in ("read", "score", "decide", "write"):
        assert re.search(rf"^{stage}: [\d.]+ s", stages, re.MULTILINE), stage
    assert re.search(r"^score: [\d.]+ s, 11 rows, [\d,]+ rows/s", stages, re.MULTILINE)
    table = (damaged / "stdout").read_text()
    assert re.search(r"en-tr\W+5\W+4\W+80\.0 %\W+malformed_line 1\W+[\d.]+", table)
    assert re.search(r"en-vi\W+6\W+1\W+16\.7 %\W+malformed_line 4, contaminated 1\W+[\d.]+", table)
    assert str(salvaged / "manifest.json") in table
