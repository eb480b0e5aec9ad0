"""A round's instances in all languages: only those that pass in every one go on.

A round's translation is a run of the translation job's own code (`pipelines/translate.py`), published into the
workspace: the same protection, routing, checks and retries, the same memory, and nothing is done twice after a kill.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
from pyspark.sql import SparkSession

from pipelines.atomic import replacing, write_json
from pipelines.dedup.training_overlap import Overlap, TrainingData
from pipelines.progress import Stages
from pipelines.self_instruct.filters import Fault
from pipelines.self_instruct.rounds import Candidate
from pipelines.translate import plan, translate
from pipelines.translation.routing import route
from schemas.mi_eval_run import MiEvalRun

Texts = dict[str, dict[str, str]]  # language -> field -> text


@dataclass(frozen=True)
class Item:
    """A candidate that passed in every language."""

    candidate: Candidate
    texts: Texts
    overlap: float


def in_all_languages(
    make_session: Callable[[], SparkSession],
    candidates: Sequence[Candidate],
    folder: Path,
    config: MiEvalRun,
    training: TrainingData,
    stages: Stages,
) -> tuple[list[Item], list[Candidate]]:
    """Translates the candidates of a round, and holds them against the training data; `folder` is the round's own.

    Returns what passed, and the others with their faults; both in the order of the candidates.
    """
    routed = [_routed(one, config) for one in candidates]
    whole = [one for one in routed if one.fault is None]
    started = time.monotonic()
    # the translation shows stages of its own
    texts, faults = _translated(make_session, whole, folder, config) if whole else ({}, {})
    stages.seconds["translate"] = stages.seconds.get("translate", 0.0) + time.monotonic() - started
    with stages.stage("decontaminate"):
        overlaps = _overlaps(make_session, texts, folder, config, training)
    items, fallen = [], []
    places = iter(range(len(whole)))
    for one in routed:
        if one.fault is not None:
            fallen.append(one)
            continue
        place = next(places)
        if place in faults:
            lang, fault = faults[place]
            fallen.append(replace(one, stage="languages", lang=lang, fault=fault))
            continue
        lang, worst = max(overlaps[place].items(), key=lambda found: found[1].share)
        if worst.share > config.training.max_overlap:
            fault = Fault("training_overlap", f"{worst.share:.2f} {worst.file}")
            fallen.append(replace(one, stage="languages", lang=lang, fault=fault))
        else:
            items.append(Item(one, texts[place], worst.share))
    return items, fallen


def _routed(one: Candidate, config: MiEvalRun) -> Candidate:
    """The candidate, with a fault if its task would not be translated whole."""
    found = route(one.fields, config.routing)
    if found.route == "translate":
        return one
    return replace(one, stage="languages", fault=Fault("not_translatable", found.reason))


def _translated(
    make_session: Callable[[], SparkSession], candidates: Sequence[Candidate], folder: Path, config: MiEvalRun
) -> tuple[dict[int, Texts], dict[int, tuple[str, Fault]]]:
    """By place: the texts of the candidates that passed, and the first language (with its fault) of the others."""
    records, output = folder / "candidates.jsonl", folder / "translated"
    text = "".join(json.dumps(one.fields, ensure_ascii=False) + "\n" for one in candidates)
    if records.exists() and records.read_text(encoding="utf-8") != text:
        shutil.rmtree(folder)  # made from other answers: the store was lost, and the generator asked again
    if not records.exists():
        with replacing(records) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if not (output / "manifest.json").exists():
        translate(make_session, plan(config.translation(records, output)), False, {})
    texts: dict[int, Texts] = {place: {} for place in range(len(candidates))}
    fell: dict[int, dict[str, tuple[str, str | None]]] = {}
    for lang in config.all_languages:
        for row in _rows(output / "instructions" / lang, ("index", "instruction", "input", "output")):
            texts[row["index"]][lang] = {name: row[name] for name in ("instruction", "input", "output")}
        for row in _rows(output / "rejected" / lang, ("index", "reason", "detail")):
            fell.setdefault(row["index"], {})[lang] = (row["reason"], row["detail"])
    return (
        {place: found for place, found in texts.items() if place not in fell},
        {place: _first(reasons) for place, reasons in sorted(fell.items())},
    )


def _first(reasons: Mapping[str, tuple[str, str | None]]) -> tuple[str, Fault]:
    """The first language that failed and why; the others are named in the detail."""
    (lang, (reason, detail)), *others = reasons.items()
    told = [] if lang == "en" else [f"{code}: {why}" for code, (why, _) in others]
    return lang, Fault(reason, "; ".join(([detail] if detail else []) + told) or None)


def _rows(folder: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    if not folder.is_dir():
        return []
    rows: list[dict[str, Any]] = (
        pads.dataset(folder, format="parquet").to_table(columns=list(columns)).to_pylist()
    )
    return rows


def _overlaps(
    make_session: Callable[[], SparkSession],
    texts: Mapping[int, Texts],
    folder: Path,
    config: MiEvalRun,
    training: TrainingData,
) -> dict[int, dict[str, Overlap]]:
    """By place and language: how much of the instruction or the input stands in the training data."""
    if not texts:
        return {}
    path = folder / "overlaps.json"
    if not path.exists():
        keys = [(place, lang) for place in texts for lang in config.all_languages]
        groups = [[texts[place][lang][name] for name in ("instruction", "input")] for place, lang in keys]
        found = training.overlaps(make_session(), groups)
        write_json(path, [[*key, one.share, one.file] for key, one in zip(keys, found, strict=True)])
    overlaps: dict[int, dict[str, Overlap]] = {}
    for place, lang, share, file in json.loads(path.read_text(encoding="utf-8")):
        overlaps.setdefault(place, {})[lang] = Overlap(share, file)
    return overlaps
