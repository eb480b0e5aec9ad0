"""Which corpora a folder holds: told from published names, or from the configuration."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import UserError
from pipelines.sources.discover import discover
from pipelines.sources.inputs import Input
from schemas.config import RunConfig

PAIRS = ["en-ar", "en-el", "en-vi", "en-zh"]


def config(folder: Path | None, **more: Any) -> RunConfig:
    sources = {"input": folder, **more.pop("sources", {})}
    return RunConfig.model_validate({"pairs": PAIRS, "sources": sources, **more})


def files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def zipped(path: Path, *members: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, "a\n")


def only(folder: Path, **more: Any) -> Input:
    (found,), notices = discover(config(folder, **more))
    assert notices == []
    return found


def problems(folder: Path | None, **more: Any) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        discover(config(folder, **more))
    return caught.value.problems


@pytest.mark.parametrize(
    ("name", "corpus", "pair", "form", "columns"),
    [
        ("WikiMatrix.en-zh.tsv.gz", "WikiMatrix", "en-zh", "wikimatrix", "margin src tgt"),
        ("WikiMatrix.ar-en.tsv.gz", "WikiMatrix", "en-ar", "wikimatrix", "margin tgt src"),
        ("WikiMatrix.en-vi.tsv", "WikiMatrix", "en-vi", "wikimatrix", "margin src tgt"),
        ("WikiMatrix.en-vi.tsv.zst", "WikiMatrix", "en-vi", "wikimatrix", "margin src tgt"),
        ("WikiMatrix.v1.en-zh.langid.tsv.gz", "WikiMatrix", "en-zh", "wikimatrix-langid", "margin src tgt _ _"),
        ("WikiMatrix.v1.ar-en.langid.tsv", "WikiMatrix", "en-ar", "wikimatrix-langid", "margin tgt src _ _"),
        ("news-commentary-v18.en-zh.tsv.gz", "News-Commentary", "en-zh", "news-commentary", "src tgt"),
        ("news-commentary-v18.1.ar-en.tsv.bz2", "News-Commentary", "en-ar", "news-commentary", "tgt src"),
        ("Everyday.en-vi.tmx", "Everyday", "en-vi", "tmx", "src tgt"),
        ("My.Own-Corpus.v2.ar-en.tmx.gz", "My.Own-Corpus.v2", "en-ar", "tmx", "tgt src"),
    ],
)  # fmt: skip
def test_published_names_tell_corpus_pair_and_columns(
    tmp_path: Path, name: str, corpus: str, pair: str, form: str, columns: str
) -> None:
    found = only(files(tmp_path, name))
    assert (found.corpus, found.pair, found.format) == (corpus, pair, form)
    assert found.columns == tuple(columns.split())
    assert (found.file, found.path, found.parts) == (name, str(tmp_path / name), None)


@pytest.mark.parametrize(
    ("name", "corpus"), [("Books.el-en.txt.zip", "Books"), ("el-en.txt.zip", "Inner-1.0")]
)
def test_a_moses_zip_is_named_by_its_file_or_else_by_its_members(
    tmp_path: Path, name: str, corpus: str
) -> None:
    zipped(tmp_path / name, "README", "Inner-1.0.el-en.el", "Inner-1.0.el-en.en", "Inner-1.0.el-en.xml")
    found = only(tmp_path)
    assert (found.corpus, found.pair, found.format) == (corpus, "en-el", "moses-zip")
    assert found.parts == ("Inner-1.0.el-en.en", "Inner-1.0.el-en.el")
    assert found.files == (found.path,)


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_two_halves_of_an_unpacked_moses_corpus_are_one_input_english_first(
    tmp_path: Path, packed: str
) -> None:
    names = [f"Books.el-en.{side}{packed}" for side in ("el", "en")]
    found = only(files(tmp_path, *names))
    assert (found.corpus, found.pair, found.format) == ("Books", "en-el", "moses")
    assert found.parts == (str(tmp_path / names[1]), str(tmp_path / names[0]))
    assert found.files == found.parts


def test_halves_may_be_packed_differently(tmp_path: Path) -> None:
    found = only(files(tmp_path, "Books.en-vi.en.gz", "Books.en-vi.vi"))
    assert found.parts == (str(tmp_path / "Books.en-vi.en.gz"), str(tmp_path / "Books.en-vi.vi"))


@pytest.mark.parametrize(("present", "missing"), [("en", "vi"), ("vi", "en")])
def test_a_half_that_is_missing_is_named(tmp_path: Path, present: str, missing: str) -> None:
    (problem,) = problems(files(tmp_path, f"Books.en-vi.{present}"))
    assert f"Books.en-vi.{present}" in problem
    assert f"Books.en-vi.{missing}, is missing" in problem


@pytest.mark.parametrize("data", [b"", b"this is no archive", b"PK\x03\x04 cut"])
def test_a_zip_that_is_none_is_a_problem(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "Books.en-vi.txt.zip").write_bytes(data)
    (problem,) = problems(tmp_path)
    assert "Books.en-vi.txt.zip" in problem
    assert "no whole zip" in problem
    assert "\n" not in problem


def test_a_zip_without_the_two_languages_says_what_it_holds(tmp_path: Path) -> None:
    zipped(tmp_path / "Books.en-vi.txt.zip", "README", "Books.en-vi.en")
    (problem,) = problems(tmp_path)
    assert ".en-vi.vi" in problem
    assert "README, Books.en-vi.en" in problem


def test_a_corpus_without_name_is_called_after_its_folder(tmp_path: Path) -> None:
    found = only(files(tmp_path, "TED/en-vi.tmx"))
    assert (found.corpus, found.file) == ("TED", "TED/en-vi.tmx")


def test_a_corpus_without_name_in_the_working_directory_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files(tmp_path, "en-vi.tmx"))
    assert only(Path(".")).corpus == tmp_path.name


def test_subfolders_are_searched_and_inputs_come_sorted(tmp_path: Path) -> None:
    files(tmp_path, "z/WikiMatrix.en-zh.tsv.gz", "a/deep/Books.en-vi.tmx", "WikiMatrix.ar-en.tsv.gz")
    inputs, _ = discover(config(tmp_path))
    assert [found.file for found in inputs] == [
        "WikiMatrix.ar-en.tsv.gz",
        "a/deep/Books.en-vi.tmx",
        "z/WikiMatrix.en-zh.tsv.gz",
    ]


def test_hidden_and_unknown_files_are_passed_over(tmp_path: Path) -> None:
    files(
        tmp_path,
        ".cache/Books.en-vi.tmx",
        "_tmp/Books.en-vi.tmx",
        ".Books.en-vi.tmx",
        "README.md",
        "Books.csv",
    )
    files(tmp_path, "WikiMatrix.de-fr.tsv.gz", "WikiMatrix.en-zh.tsv.gz.part", "Good.en-vi.tmx")
    assert only(tmp_path).file == "Good.en-vi.tmx"


def test_pairs_that_are_not_asked_for_are_noticed_and_left_out(tmp_path: Path) -> None:
    files(tmp_path, "WikiMatrix.en-zh.tsv.gz", "WikiMatrix.de-en.tsv.gz")
    inputs, notices = discover(config(tmp_path))
    assert [found.pair for found in inputs] == ["en-zh"]
    (notice,) = notices
    assert "WikiMatrix.de-en.tsv.gz" in notice
    assert "en-de" in notice


def test_licences_come_from_the_configuration_then_the_registry_then_are_unknown(tmp_path: Path) -> None:
    names = ("WikiMatrix.en-zh.tsv.gz", "Tatoeba.en-zh.tmx", "newstest2017.en-zh.tmx", "Attic.en-zh.tmx")
    inputs, _ = discover(config(files(tmp_path, *names), licenses={"known": {"Tatoeba": "CC0-1.0"}}))
    assert {found.corpus: found.license for found in inputs} == {
        "WikiMatrix": "CC-BY-SA-4.0",
        "Tatoeba": "CC0-1.0",
        "newstest2017": "LicenseRef-WMT-research",
        "Attic": "unknown",
    }


def test_no_such_folder_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in problem


def test_nothing_found_tells_what_was_looked_for(tmp_path: Path) -> None:
    (problem,) = problems(files(tmp_path, "notes.txt", "WikiMatrix.de-en.tsv.gz"))
    assert "en-ar, en-el, en-vi, en-zh" in problem
    assert "WikiMatrix.<a>-<b>.tsv.gz" in problem


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    files(tmp_path, "Books.en-vi.en", "Other.en-zh.txt.zip")
    further = [{"name": "X", "path": tmp_path / "none.tsv", "format": "tsv", "src": "en", "tgt": "zh"}]
    found = problems(tmp_path, sources={"corpora": further})
    assert len(found) == 3
    for name in ("Books.en-vi.en", "Other.en-zh.txt.zip", "none.tsv"):
        assert any(name in problem for problem in found)


def further(path: Path, form: str = "tsv", src: str = "en", tgt: str = "zh", **more: Any) -> dict[str, Any]:
    return {"corpora": [{"name": "Mine", "path": path, "format": form, "src": src, "tgt": tgt, **more}]}


def only_further(sources: dict[str, Any]) -> Input:
    (found,), _ = discover(config(None, sources=sources))
    return found


@pytest.mark.parametrize(
    ("form", "src", "given", "columns"),
    [
        ("tsv", "en", ["src", "tgt"], ("src", "tgt")),
        ("tsv", "zh", ["src", "tgt"], ("tgt", "src")),
        ("tsv", "zh", ["_", "src", "margin", "tgt"], ("_", "tgt", "margin", "src")),
        ("parquet", "en", ["english", "chinese"], ("english", "chinese")),
        ("parquet", "zh", ["chinese", "english", "score"], ("english", "chinese", "score")),
    ],
)
def test_columns_of_a_further_corpus_are_turned_english_first(
    tmp_path: Path, form: str, src: str, given: list[str], columns: tuple[str, ...]
) -> None:
    path = files(tmp_path, "data") / "data"
    found = only_further(further(path, form, src, "en" if src == "zh" else "zh", columns=given))
    assert (found.corpus, found.pair, found.format, found.columns) == ("Mine", "en-zh", form, columns)


@pytest.mark.parametrize(("src", "tgt"), [("en", "zh"), ("zh", "en")])
def test_a_further_moses_corpus_is_two_files_english_first(tmp_path: Path, src: str, tgt: str) -> None:
    files(tmp_path, "mine.en", "mine.zh")
    found = only_further(further(tmp_path / "mine", "moses", src, tgt))
    assert found.files == (str(tmp_path / "mine.en"), str(tmp_path / "mine.zh"))
    assert found.pair == "en-zh"


def test_the_licence_of_a_further_corpus_is_its_own_or_unknown(tmp_path: Path) -> None:
    path = files(tmp_path, "data") / "data"
    assert only_further(further(path, license="MIT")).license == "MIT"
    assert only_further(further(path)).license == "unknown"


def test_the_licence_of_a_further_corpus_may_be_known_to_the_configuration(tmp_path: Path) -> None:
    sources = further(files(tmp_path, "data") / "data")
    (found,), _ = discover(config(None, sources=sources, licenses={"known": {"Mine": "MIT"}}))
    assert found.license == "MIT"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"path": "nowhere.tsv"}, "sources.corpora.0.path: nowhere.tsv does not exist"),
        ({"path": "half", "form": "moses"}, "sources.corpora.0.path: half.zh does not exist"),
        ({"src": "de"}, "sources.corpora.0: one of src and tgt must be en"),
        ({"tgt": "en"}, "sources.corpora.0: one of src and tgt must be en"),
        ({"columns": ["src", "_"]}, "sources.corpora.0.columns"),
        pytest.param(
            {"columns": ["src", "src", "tgt"]},
            "sources.corpora.0.columns",
        ),
        pytest.param(
            {"form": "parquet", "src": "zh", "tgt": "en", "columns": ["text"]},
            "sources.corpora.0.columns",
        ),
    ],
)
def test_what_is_wrong_with_a_further_corpus_is_told_by_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(files(tmp_path, "data", "half.en"))
    found = problems(None, sources=further(**{"path": "data", **more}))
    assert any(problem.startswith(said) for problem in found)


def test_a_further_corpus_of_a_pair_that_is_not_asked_for_is_noticed(tmp_path: Path) -> None:
    files(tmp_path, "WikiMatrix.en-zh.tsv.gz", "data")
    _, notices = discover(config(tmp_path, sources=further(tmp_path / "data", tgt="de")))
    assert any("Mine" in notice for notice in notices)
