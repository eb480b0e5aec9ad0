"""Translating in Spark: each missing segment once, whatever dies in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from demo_engine import DEMO, TARGETS, directory, known
from job_process import ROOT, environment
from pyspark.sql import DataFrame, SparkSession

from pipelines.errors import UserError
from pipelines.translation.cost import PairPlan, measured_speed, plan, seconds_for
from pipelines.translation.memory import TranslationMemory, Work, open_memory
from pipelines.translation.translate_missing import TranslateBatches, missing, translate_missing
from schemas.translation_config import Decoding, EngineConfig
from schemas.translation_memory import SEGMENTS

DECODING = Decoding(beam_size=1, max_decoding_length=128)
CONFIG = EngineConfig(path=DEMO, device="cpu", commit_every_s=0, token_budget=512)


def table(spark: SparkSession, languages: tuple[str, ...] = TARGETS, count: int = 1000) -> DataFrame:
    rows = [("en", language, text) for language in languages for text in list(known()[language])[:count]]
    return spark.createDataFrame(rows + rows[:7], SEGMENTS.ddl())


def translations(spark: SparkSession, memory: TranslationMemory, segments: DataFrame) -> DataFrame:
    """What the memory has of some segments, each distinct one once."""
    return memory.read(spark).join(memory.keyed(segments).select("key"), "key", "left_semi")


def test_what_is_missing_is_translated_once(spark: SparkSession, tmp_path: Path) -> None:
    with open_memory(tmp_path, directory().manifest, DECODING) as memory:
        first = translate_missing(spark, memory, table(spark, ("el", "zh"), 60), CONFIG, DECODING)
        assert first.segments == 120
        found = translations(spark, memory, table(spark, ("el", "zh"), 60)).collect()
        assert {(row.tgt, row.text): row.translation for row in found} == {
            (language, text): known()[language][text]
            for language in ("el", "zh")
            for text in list(known()[language])[:60]
        }
        assert {row.made_by.split()[0] for row in found} == {"ctranslate2"}
        again = translate_missing(spark, memory, table(spark, ("el", "zh"), 60), CONFIG, DECODING)
        assert again == Work()
        # one more language and a few more segments cost only those
        more = translate_missing(spark, memory, table(spark, ("el", "zh", "tr"), 70), CONFIG, DECODING)
        assert more.segments == 10 + 10 + 70
        assert translations(spark, memory, table(spark, ("tr",), 5)).count() == 5


def test_two_workers_translate_what_one_does(spark: SparkSession, tmp_path: Path) -> None:
    segments = table(spark, ("ar", "vi"), 50)
    found = []
    for workers in (1, 2):
        with open_memory(tmp_path / str(workers), directory().manifest, DECODING) as memory:
            config = CONFIG.model_copy(update={"workers": workers, "threads": 1})
            assert translate_missing(spark, memory, segments, config, DECODING).segments == 100
            found.append(sorted(translations(spark, memory, segments).collect()))
    assert found[0] == found[1]


def test_a_task_that_is_started_again_leaves_out_what_is_stored(tmp_path: Path) -> None:
    """As Spark starts it: with the same rows, and the names of the files that were there before the first time."""
    texts = list(known()["el"])[:40]
    with open_memory(tmp_path, directory().manifest, DECODING) as memory:
        keyed = sorted((memory.key("en", "el", text), "en", "el", text) for text in texts)
        batches = [
            pa.RecordBatch.from_arrays(
                list(map(pa.array, zip(*rows, strict=True))), ["key", "src", "tgt", "text"]
            )
            for rows in (keyed[:25], keyed[25:])
        ]
        task = TranslateBatches(memory, frozenset(), CONFIG, DECODING)
        work = [pa.Table.from_batches([row]).to_pylist()[0] for row in task(iter(batches[:1]))]
        assert sum(row["segments"] for row in work) == 25
        work = [pa.Table.from_batches([row]).to_pylist()[0] for row in task(iter(batches))]
        assert sum(row["segments"] for row in work) == 15
        assert list(task(iter(batches))) == []
        stored = [key for path in memory.files() for key in pq.read_table(path)["key"].to_pylist()]
        assert sorted(stored) == [row[0] for row in keyed]


def test_what_a_worker_cannot_do_comes_as_a_sentence(spark: SparkSession, tmp_path: Path) -> None:
    with open_memory(tmp_path / "memory", directory().manifest, DECODING) as memory:
        config = CONFIG.model_copy(update={"device": "cuda"})
        with pytest.raises(UserError, match="is cuda, but CTranslate2 finds no GPU here"):
            translate_missing(spark, memory, table(spark, ("el",), 5), config, DECODING)
        shutil.rmtree(memory.folder)
        with pytest.raises(UserError, match=r"translation memory .* \(No such file or directory\)"):
            translate_missing(spark, memory, table(spark, ("el",), 5), CONFIG, DECODING)


def test_a_worker_that_is_killed_comes_as_a_sentence_and_what_it_stored_is_kept(
    spark: SparkSession, tmp_path: Path
) -> None:
    segments = table(spark, ("el", "zh", "tr"))
    config = CONFIG.model_copy(update={"token_budget": 64, "threads": 1})
    with open_memory(tmp_path, directory().manifest, DECODING) as memory:
        killer = threading.Thread(target=_kill_the_worker_when, args=(lambda: len(memory.files()) > 3,))
        killer.start()
        with pytest.raises(UserError, match="the process that ran it was killed"):
            translate_missing(spark, memory, segments, config, DECODING)
        killer.join()
        stored = memory.read(spark).count()
        assert stored > 0
        rest = translate_missing(spark, memory, segments, CONFIG, DECODING)
        assert rest.segments == segments.distinct().count() - stored


def _kill_the_worker_when(ready: Callable[[], bool]) -> None:
    """Kills the process below this one that has the engine loaded, as the system does when memory runs out."""
    deadline = time.monotonic() + 180
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.005)
    for process in _family(os.getpid())[:-1]:
        if "ctranslate2" in Path(f"/proc/{process}/maps").read_text():
            os.kill(process, signal.SIGKILL)


def test_a_plan_says_what_there_is_to_do(spark: SparkSession, tmp_path: Path) -> None:
    with open_memory(tmp_path, directory().manifest, DECODING) as memory:
        segments = table(spark, ("el", "zh"), 40)
        before = plan(spark, memory, segments, directory())
        assert [(p.src, p.tgt, p.segments, p.known) for p in before] == [
            ("en", "el", 40, 0),
            ("en", "zh", 40, 0),
        ]
        done = translate_missing(spark, memory, table(spark, ("zh",), 30), CONFIG, DECODING)
        el, zh = plan(spark, memory, segments, directory())
        assert (zh.segments, zh.known) == (40, 30)
        assert zh.source_tokens == before[1].source_tokens - done.source_tokens
        assert el == before[0]
        speed = measured_speed(spark, memory, segments, CONFIG, DECODING)
        assert (speed.segments, speed.source_tokens) == (done.segments, done.source_tokens)
        assert missing(spark, memory, segments).count() == 50
        with_none = plan(spark, memory, spark.createDataFrame([], SEGMENTS.ddl()), directory())
        assert with_none == []


def test_an_unknown_speed_is_measured_on_a_few_segments_that_count(
    spark: SparkSession, tmp_path: Path
) -> None:
    with open_memory(tmp_path, directory().manifest, DECODING) as memory:
        segments = table(spark, ("hi",), 200)
        speed = measured_speed(spark, memory, segments, CONFIG, DECODING)
        assert 0 < speed.segments < 200
        assert plan(spark, memory, segments, directory())[0].known == speed.segments


def test_hours_follow_from_tokens_speed_and_workers() -> None:
    pairs = [PairPlan("en", "el", 10, 2, 600), PairPlan("en", "zh", 10, 2, 400)]
    assert seconds_for(pairs, Work(5, 100, 200, 2.0), 1) == pytest.approx(20)
    assert seconds_for(pairs, Work(5, 100, 200, 2.0), 4) == pytest.approx(5)


# A run in a process of its own, which goes on until it is killed.
RUN = """
import json, sys
from pathlib import Path
from pipelines.session import get_session
from pipelines.translation.engine_files import open_directory
from pipelines.translation.memory import open_memory
from pipelines.translation.translate_missing import translate_missing
from schemas.translation_config import Decoding, EngineConfig

engine, decoding, root, segments = sys.argv[1:]
config, decoding = EngineConfig.model_validate_json(engine), Decoding.model_validate_json(decoding)
spark = get_session("run", {"spark.master": "local[2]"})
with open_memory(Path(root), open_directory(config.path).manifest, decoding) as memory:
    translate_missing(spark, memory, spark.read.parquet(segments), config, decoding)
"""


def test_killed_and_resumed_it_translates_no_stored_segment_again(
    spark: SparkSession, tmp_path: Path
) -> None:
    segments = tmp_path / "segments"
    table(spark, ("el", "zh")).write.parquet(str(segments))
    rows = spark.read.parquet(str(segments))
    # batches of a few sentences, one at a time, each written at once: there is a middle to be killed in
    config = CONFIG.model_copy(update={"token_budget": 64, "threads": 1})
    root = tmp_path / "memory"
    with open_memory(tmp_path / "undisturbed", directory().manifest, DECODING) as memory:
        total = translate_missing(spark, memory, rows, config, DECODING).segments
        expected = sorted(translations(spark, memory, rows).collect())
    assert total == rows.distinct().count()

    stored = _killed_after(segments, root, config, total // 4)
    assert stored < total
    with open_memory(root, directory().manifest, DECODING) as memory:
        assert memory.read(spark).count() == stored  # and none of them twice

    with open_memory(root, directory().manifest, DECODING) as memory:
        resumed = translate_missing(spark, memory, rows, config, DECODING)
        assert resumed.segments == total - stored
        assert memory.work(latest=100_000).segments == total
        assert sorted(translations(spark, memory, rows).collect()) == expected


def _killed_after(segments: Path, root: Path, config: EngineConfig, enough: int) -> int:
    """Runs until so many segments are stored, kills everything at once, and says how many were stored in the end."""
    command = [
        sys.executable,
        "-c",
        RUN,
        config.model_dump_json(),
        DECODING.model_dump_json(),
        root,
        segments,
    ]
    run = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while _stored(root) < enough:
            assert run.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        # Spark's Python workers have a process group of their own
        for process in _family(run.pid):
            os.kill(process, signal.SIGKILL)
        run.wait()
    return _stored(root)


def _stored(root: Path) -> int:
    return sum(pq.read_metadata(path).num_rows for path in root.glob("*/segments-*.parquet"))


def _family(root: int) -> list[int]:
    """A process and its descendants, the youngest first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found[::-1]
