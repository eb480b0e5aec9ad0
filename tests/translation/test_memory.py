"""The translation memory: nothing half-written, nothing twice, and as good after tidying up."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from demo_engine import directory
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from pipelines.errors import UserError
from pipelines.translation import memory as module
from pipelines.translation.memory import TranslationMemory, Work, open_memory
from schemas.translation_config import Decoding
from schemas.translation_memory import SEGMENTS, TRANSLATIONS

DECODING = Decoding()
MANIFEST = directory().manifest


def add(memory: TranslationMemory, *texts: str, translation: str = "") -> None:
    """Adds segments as if they had been translated."""
    rows = [
        (
            *(memory.key("en", "el", text), "en", "el", text, translation or text.upper(), -0.5),
            *(3, 4, 0, 0, False, False, "test"),
        )
        for text in texts
    ]
    columns = zip(*rows, strict=True)
    memory.append(
        dict(zip(TRANSLATIONS.columns, columns, strict=True)),
        Work(len(texts), 3 * len(texts), 4 * len(texts), 1),
    )


def held(spark: SparkSession, memory: TranslationMemory) -> dict[str, str]:
    rows = memory.read(spark).collect()
    assert len({row.key for row in rows}) == len(rows)
    return {row.text: row.translation for row in rows}


def test_what_was_added_is_found(spark: SparkSession, tmp_path: Path) -> None:
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        assert held(spark, memory) == {}
        add(memory, "one", "two")
        add(memory, "three")
        assert held(spark, memory) == {"one": "ONE", "two": "TWO", "three": "THREE"}
        assert memory.work() == Work(3, 9, 12, 2)
        assert memory.read(spark).columns == TRANSLATIONS.columns
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        assert len(held(spark, memory)) == 3


def test_other_engines_and_decodings_are_kept_apart(spark: SparkSession, tmp_path: Path) -> None:
    other = MANIFEST.model_copy(update={"source_tags": {"en": "ell_Grek"}})
    contexts = [(MANIFEST, DECODING), (MANIFEST, Decoding(beam_size=1)), (other, DECODING)]
    for number, context in enumerate(contexts):
        with open_memory(tmp_path, *context) as memory:
            add(memory, "text", translation=str(number))
    for number, context in enumerate(contexts):
        with open_memory(tmp_path, *context) as memory:
            assert held(spark, memory) == {"text": str(number)}


@settings(max_examples=4)  # each is a Spark job
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.text(st.characters(exclude_categories=["Cs"]))), min_size=30)
)
def test_the_keys_of_spark_are_those_of_python(spark: SparkSession, texts: list[tuple[str, str]]) -> None:
    memory = TranslationMemory(Path("nowhere"), "identity")
    rows = [("en", target, text) for target, text in texts]
    keyed = memory.keyed(spark.createDataFrame(rows, SEGMENTS.ddl())).collect()
    assert {row.key: (row.src, row.tgt, row.text) for row in keyed} == {memory.key(*row): row for row in rows}
    assert len(keyed) == len(set(rows))


def test_the_same_rows_are_the_same_file(tmp_path: Path) -> None:
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        add(memory, "one", "two")
        add(memory, "one", "two")
        assert len(memory.files()) == 1


def test_a_segment_that_two_runs_translated_is_found_once_and_always_the_same(
    spark: SparkSession, tmp_path: Path
) -> None:
    for number, order in enumerate((("x", "y"), ("y", "x"))):
        with open_memory(tmp_path / str(number), MANIFEST, DECODING) as memory:
            for translation in order:
                add(memory, "text", translation=translation)
            assert held(spark, memory) == {"text": "x"}


def test_leftovers_of_killed_runs_are_not_seen_and_removed(spark: SparkSession, tmp_path: Path) -> None:
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        add(memory, "one")
        leftover = memory.folder / ".segments-0123"
        leftover.write_bytes(b"half")
        assert held(spark, memory) == {"one": "ONE"}
        with open_memory(tmp_path, MANIFEST, DECODING):  # another run is there, it may be its own
            assert leftover.exists()
    with open_memory(tmp_path, MANIFEST, DECODING):
        assert not leftover.exists()


def test_many_files_become_one_and_hold_the_same(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MANY", 5)
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        for text in "abcdef":
            add(memory, text)
        before, work = held(spark, memory), memory.work()
        with open_memory(tmp_path, MANIFEST, DECODING):  # not while another run reads them
            assert len(memory.files()) == 6
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        assert len(memory.files()) == 1
        assert held(spark, memory) == before
        assert memory.work() == work


@pytest.mark.parametrize("before", ["os.rename", "os.remove"])
def test_tidying_up_may_be_killed(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    monkeypatch.setattr(module, "_MANY", 5)
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        for text in "abcdef":
            add(memory, text)
    killed = multiprocessing.get_context("fork").Process(target=_open_and_die, args=(tmp_path, before))
    killed.start()
    killed.join(60)
    assert killed.exitcode == -9
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        assert held(spark, memory) == {text: text.upper() for text in "abcdef"}
        assert not list(memory.folder.glob(".*"))


def _open_and_die(root: Path, before: str) -> None:
    import sys

    def watch(event: str, _: object) -> None:
        if event == before:
            os.kill(os.getpid(), 9)

    sys.addaudithook(watch)
    with open_memory(root, MANIFEST, DECODING):
        pass


def test_two_runs_at_once_do_not_disturb_each_other(spark: SparkSession, tmp_path: Path) -> None:
    writers = [
        multiprocessing.get_context("fork").Process(target=_add_many, args=(tmp_path, name)) for name in "ab"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        assert set(held(spark, memory)) == {f"{name}{i}" for name in "ab" for i in range(20)} | {
            f"both{i}" for i in range(20)
        }


def _add_many(root: Path, name: str) -> None:
    with open_memory(root, MANIFEST, DECODING) as memory:
        for i in range(20):
            add(memory, f"{name}{i}", f"both{i}")


def test_a_watch_sees_what_is_added(tmp_path: Path) -> None:
    with open_memory(tmp_path, MANIFEST, DECODING) as memory:
        add(memory, "before")
        added: Callable[[], Work] = memory.watch()
        assert added() == Work()
        add(memory, "one", "two")
        assert added() == Work(2, 6, 8, 1)
        assert added() == Work(2, 6, 8, 1)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"translation memory .*file: cannot be used"),
        open_memory(tmp_path / "file", MANIFEST, DECODING),
    ):
        pass
