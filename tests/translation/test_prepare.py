"""The job that makes engines: what it makes, what it says, and what it refuses."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_models
from job_process import errors, run

from jobs.prepare_engine import main
from pipelines.errors import UserError
from pipelines.translation.engine import Engine
from pipelines.translation.engine_files import open_directory
from schemas.translation_config import Decoding, EngineConfig

TAUGHT = 8


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sentences that the taught model knows."""
    folder = tmp_path_factory.mktemp("text")
    lines = (tiny_models.ROOT / "samples" / "text" / "everyday.jsonl").read_text(encoding="utf-8").split("\n")
    (folder / "some.jsonl").write_text("\n".join(lines[:TAUGHT]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def prepared(taught_nllb: Path, text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("engines") / "engine"
    assert main(arguments(taught_nllb, text, output)) == 0
    return output


def arguments(model: Path, text: Path, output: Path, *more: str, languages: str = "el,zh") -> list[str]:
    return [
        *("--model", str(model), "--languages", languages, "--output", str(output)),
        *("--sample-text", str(text), *more),
    ]


def refused(*given: str) -> tuple[str, ...]:
    with pytest.raises(UserError) as error:
        main(list(given))
    return error.value.problems


def left(folder: Path) -> Iterator[str]:
    return (path.name for path in folder.iterdir())


def test_it_translates_what_the_model_knows(prepared: Path) -> None:
    engine = Engine(open_directory(prepared), EngineConfig(path=prepared, device="cpu"))
    rows = tiny_models.sentences()[:TAUGHT]
    for code in ("el", "zh"):
        found = engine.translate([row["en"] for row in rows], "en", code, Decoding())
        # sentencepiece's own rule normalises to NFKC, as it does in the real model
        assert [t.text for t in found] == [unicodedata.normalize("NFKC", row[code]) for row in rows]


def test_its_description_names_what_a_translation_depends_on(prepared: Path, taught_nllb: Path) -> None:
    described = json.loads((prepared / "engine.json").read_text(encoding="utf-8"))
    assert (described["version"], described["family"], described["quantization"]) == (1, "nllb", "int8")
    assert (described["model"], described["revision"]) == (taught_nllb.name, "local")
    assert described["target_tags"] == {"en": "eng_Latn", "el": "ell_Grek", "zh": "zho_Hans"}
    assert described["trim"]["equal_share"] == 1
    assert described["trim"]["certified_outputs"] == 2 * TAUGHT
    assert described["trim"]["tokens_after"] < described["trim"]["tokens_before"]
    assert described["trim"]["whole_scripts"] == ["Greek", "Han", "Latin"]
    assert described["self_test"]["el"]["identified"] >= 6
    on_disk = {path.name for path in prepared.iterdir()} - {"engine.json"}
    assert set(described["files"]) == on_disk
    assert set(left(prepared.parent)) == {prepared.name}


def test_the_same_model_makes_the_same_engine(
    prepared: Path, taught_nllb: Path, text: Path, tmp_path: Path
) -> None:
    assert main(arguments(taught_nllb, text, tmp_path / "again")) == 0
    assert open_directory(tmp_path / "again").manifest == open_directory(prepared).manifest


def test_the_licence_is_the_cards_unless_it_is_given(taught_nllb: Path, text: Path, tmp_path: Path) -> None:
    card = taught_nllb / "README.md"
    card.write_text("---\nlicense: cc-by-nc-4.0\n---\n# A model\n", encoding="utf-8")
    try:
        main(arguments(taught_nllb, text, tmp_path / "engine"))
        assert open_directory(tmp_path / "engine").manifest.license == "cc-by-nc-4.0"
    finally:
        card.unlink()
    main(arguments(taught_nllb, text, tmp_path / "engine", "--overwrite", "--license", "MIT", "--no-trim"))
    manifest = open_directory(tmp_path / "engine").manifest
    assert (manifest.license, manifest.trim) == ("MIT", None)


def test_a_finished_engine_is_not_replaced_unasked(prepared: Path, taught_nllb: Path, text: Path) -> None:
    before = (prepared / "engine.json").read_bytes()
    assert "exists already" in refused(*arguments(taught_nllb, text, prepared))[0]
    assert (prepared / "engine.json").read_bytes() == before


def test_a_model_that_speaks_the_wrong_language_is_refused(text: Path, tmp_path: Path) -> None:
    model = tiny_models.nllb(tmp_path / "random")
    problems = refused(*arguments(model, text, tmp_path / "engine", "--least-equal", "0"))
    assert "self-test: of 8 translations into el, " in problems[0]
    assert "are in that language" in problems[0]
    assert not (tmp_path / "engine").exists()


def test_a_trim_that_changes_outputs_is_refused(text: Path, tmp_path: Path) -> None:
    model = tiny_models.nllb(tmp_path / "random")  # its output is of all scripts, most of them cut
    (problem,) = refused(*arguments(model, text, tmp_path / "engine"))
    assert "of 16 sample outputs are those of the untrimmed model, which is less than 95.0%" in problem
    assert not (tmp_path / "engine").exists()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"--model": "nowhere/at/all"}, "is no directory, and no name on the Hub"),
        ({"--model": "./nowhere"}, "is no directory, and no name on the Hub"),
        ({"--languages": "el,xx"}, "--languages: xx is no language to translate into; known are ar, de, el"),
        ({"--languages": "en"}, "--languages: en is no language to translate into"),
        ({"--languages": ""}, "--languages: nothing is no language"),
        ({"--sample-text": "/nowhere"}, "sample text /nowhere: there is no such directory"),
    ],
)
def test_bad_arguments(
    change: dict[str, str], problem: str, taught_nllb: Path, text: Path, tmp_path: Path
) -> None:
    given = arguments(taught_nllb, text, tmp_path / "engine")
    for name, value in change.items():
        given[given.index(name) + 1] = value
    assert problem in refused(*given)[0]


def test_sample_text_without_english_and_broken_one(taught_nllb: Path, tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "el.txt").write_text("Καλημέρα.\n", encoding="utf-8")
    given = arguments(taught_nllb, tmp_path / "text", tmp_path / "engine")
    assert "has no English; expected en.txt" in refused(*given)[0]
    (tmp_path / "text" / "some.jsonl").write_text("[1]\n")
    assert "some.jsonl:1: expected an object" in refused(*given)[0]


def test_the_job_as_a_process_ends_with_a_sentence(tmp_path: Path) -> None:
    done = run("--model", tmp_path / "none", "--output", tmp_path / "engine", job="prepare_engine")
    assert "is no directory, and no name on the Hub" in errors(done)[0]
