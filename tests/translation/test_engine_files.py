"""Every way in which an engine directory can be wrong is one clear sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from demo_engine import DEMO

from pipelines.errors import UserError
from pipelines.translation.engine_files import open_directory


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "engine"))


def fault(path: Path) -> str:
    with pytest.raises(UserError) as error:
        open_directory(path)
    (problem,) = error.value.problems
    return problem


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    description = json.loads((path / "engine.json").read_text(encoding="utf-8"))
    edit(description)
    (path / "engine.json").write_text(json.dumps(description), encoding="utf-8")


def test_a_whole_one_opens(copy: Path) -> None:
    opened = open_directory(copy)
    opened.require([("en", "zh"), ("en", "ar")])
    assert opened.manifest.identity() == open_directory(DEMO).manifest.identity()


def test_no_such_directory(tmp_path: Path) -> None:
    assert "there is no such directory; make one with jobs/prepare_engine.py" in fault(tmp_path / "no")
    (tmp_path / "file").touch()
    assert "is no directory" in fault(tmp_path / "file")


def test_not_an_engine_directory(copy: Path) -> None:
    (copy / "engine.json").unlink()
    assert "is no engine directory, it has no engine.json" in fault(copy)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "null", "\ufffd"])
def test_a_description_that_is_none(copy: Path, text: str) -> None:
    (copy / "engine.json").write_text(text)
    assert "cannot be read as an engine's description" in fault(copy)


def test_of_an_unknown_version(copy: Path) -> None:
    change(copy, lambda description: description.update(version=99))
    assert "is of version 99, but this program reads version 1" in fault(copy)


def test_of_an_unknown_family(copy: Path) -> None:
    change(copy, lambda description: description.update(family="babel"))
    assert "'babel' is none of nllb, m2m100, madlad400, marian" in fault(copy)


def test_with_a_key_that_is_not_known(copy: Path) -> None:
    change(copy, lambda description: description.update(colour="red"))
    assert "colour" in fault(copy)


@pytest.mark.parametrize("name", ["model.bin", "source.spm", "shared_vocabulary.json", "config.json"])
def test_half_converted(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert f"{name} is missing; make it again" in fault(copy)


def test_truncated(copy: Path) -> None:
    model = copy / "model.bin"
    size = model.stat().st_size
    with model.open("r+b") as file:
        file.truncate(1000)
    assert f"model.bin has 1,000 bytes where engine.json says {size:,}" in fault(copy)


def test_altered_since_it_was_prepared(copy: Path) -> None:
    model = copy / "model.bin"
    data = bytearray(model.read_bytes())
    data[-100] ^= 1
    model.write_bytes(data)
    assert "model.bin was altered since the engine was prepared" in fault(copy)


def test_a_tag_that_would_be_unknown(copy: Path) -> None:
    change(copy, lambda description: description["target_tags"].update(zh="zho_Latn"))
    assert "the tag 'zho_Latn' of language zh is not in the model's vocabulary" in fault(copy)


def test_for_other_languages(copy: Path) -> None:
    with pytest.raises(
        UserError, match="does not translate into de, ja, only into ar, el, en, hi, tr, vi, zh"
    ):
        open_directory(copy).require([("en", "de"), ("en", "ja"), ("en", "zh")])


def test_identity_is_of_what_translations_depend_on(copy: Path) -> None:
    before = open_directory(copy).manifest.identity()
    change(copy, lambda description: description.update(license="MIT", model="another name"))
    assert open_directory(copy).manifest.identity() == before
    change(copy, lambda description: description["source_tags"].update(en="ell_Grek"))
    assert open_directory(copy).manifest.identity() != before
