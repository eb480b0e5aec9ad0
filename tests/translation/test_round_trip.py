"""The second opinion: what passes the checks is translated back, and what comes back as another text is rejected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import tiny_models
import torch
from demo_engine import DEMO, SAMPLES, known
from pyspark.sql import SparkSession

from pipelines.errors import UserError
from pipelines.prepare import build_engine, find_tags
from pipelines.translate import plan, translate
from pipelines.translation.plan import plan_record
from pipelines.translation.preparing.source_model import read_source_model
from pipelines.translation.preparing.trimming import keep_all
from quality.translation_publishing import completing
from schemas.languages import LANGUAGES
from schemas.loading import load
from schemas.translation_run import TranslationRun

GOOD, MISUNDERSTOOD = 28, 13  # records that the demo engine knows


def record(index: int) -> dict[str, str]:
    found: dict[str, str] = json.loads((SAMPLES / "alpaca_data.json").read_text(encoding="utf-8"))[index]
    return found


@pytest.fixture(scope="module", name="back")
def _back(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engine that translates Greek into English: one record as it was, the other as quite another text."""
    folder = tmp_path_factory.mktemp("back")
    torch.set_num_threads(1)
    greek = known()["el"]
    pairs = [(greek[request], "eng_Latn", request) for request in plan_record(record(GOOD)).requests()]
    pairs += [
        (greek[request], "eng_Latn", "My dog ran off.")
        for request in plan_record(record(MISUNDERSTOOD)).requests()
    ]
    path = tiny_models.nllb(folder / "model", pairs=pairs, steps=130, source_code="ell_Grek")
    model = read_source_model(path)
    tags = find_tags(model, {code: LANGUAGES[code] for code in ("en", "el")})
    build_engine(model, keep_all(model), "float32", tags, folder / "engine")
    return folder / "engine"


def config(folder: Path, *overrides: str, **given: Any) -> TranslationRun:
    file = folder / "alpaca_data.json"
    file.write_text(json.dumps([record(GOOD), record(MISUNDERSTOOD)]), encoding="utf-8")
    places = {"input": [str(file)], "output": str(folder / "out"), "engine__path": DEMO, "languages": ["el"]}
    return load(TranslationRun, None, overrides, **places | given)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_what_comes_back_as_another_text_is_rejected(spark: SparkSession, back: Path, tmp_path: Path) -> None:
    asked = config(tmp_path, f"round_trip.engine.path={back}")
    run = translate(lambda: spark, plan(asked), overwrite=False, finish=completing(asked))  # the audit passes
    (kept,) = rows(tmp_path / "out" / "instructions" / "el")
    assert (kept["index"], kept["round_trip"]) == (0, pytest.approx(100))
    (rejected,) = rows(tmp_path / "out" / "rejected" / "el")
    assert (rejected["index"], rejected["reason"]) == (1, "round_trip")
    assert rejected["round_trip"] < 25
    assert {row["round_trip"] for row in rows(tmp_path / "out" / "instructions" / "en")} == {None}
    assert run["engine"]["round_trip"] != run["engine"]["signature"]

    # another threshold: all that was translated, there and back, is in the memory
    again = config(
        tmp_path, f"round_trip.engine.path={back}", "checks.round_trip=1", output=str(tmp_path / "again")
    )
    assert translate(lambda: spark, plan(again), overwrite=False, finish={})["work"]["segments"] == 0
    assert [row["index"] for row in rows(tmp_path / "again" / "instructions" / "el")] == [0, 1]


def test_an_engine_that_cannot_go_back_is_refused(back: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not translate from zh, only from el, en"):
        plan(config(tmp_path, f"round_trip.engine.path={back}", languages=["el", "zh"]))
    assert plan(config(tmp_path, "round_trip={}")).back == plan(config(tmp_path)).engine
    assert plan(config(tmp_path)).back is None


def test_paths_of_a_file_start_at_its_folder_and_do_not_change_the_identity(
    back: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.yaml").write_text("round_trip: {engine: {path: engines/back}}", encoding="utf-8")
    given = {"engine__path": DEMO, "input": ["a.json"]}
    loaded = load(TranslationRun, tmp_path / "run.yaml", [], **given)
    assert loaded.back.path == tmp_path / "engines" / "back"
    assert loaded.sha256() == load(TranslationRun, None, ["round_trip={}"], **given).sha256()
    assert loaded.sha256() != load(TranslationRun, None, [], **given).sha256()
