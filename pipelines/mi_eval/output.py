"""MI-EVAL as files: one shard for each language, and the rejects; and what the manifest counts of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.errors import InvariantError
from pipelines.mi_eval.languages import Item
from pipelines.self_instruct.balance import verb_and_noun
from pipelines.self_instruct.rounds import Candidate
from pipelines.shards.write import ShardWriter, Written, describe
from schemas import datasets
from schemas.fields import Dataset
from schemas.mi_eval import MI_EVAL, REJECTED_MI_EVAL, STAGES
from schemas.mi_eval_run import MiEvalRun

FOLDER, REJECTED = datasets.MI_EVAL.published, "rejected"


def write_output(
    result: Path, items: Sequence[Item], rejected: Sequence[Candidate], config: MiEvalRun, engine: str
) -> tuple[list[Written], str]:
    """Writes `mi_eval/<lang>` and `rejected` below `result`; returns the files, and the digest of the items."""
    written, digest = [], hashlib.sha256()
    for lang in config.all_languages:
        rows = [_row(item, lang, config, engine) for item in items]
        for row in rows:
            # every published column; `float`: NumPy's are no JSON
            digest.update(json.dumps([row[name] for name in MI_EVAL.columns], default=float).encode() + b"\n")
        written += _write(result, f"{FOLDER}/{lang}/test-00000-of-00001.parquet", MI_EVAL, rows)
    fallen = [_rejected(one) for one in rejected]
    written += _write(result, f"{REJECTED}/part-00000-of-00001.parquet", REJECTED_MI_EVAL, fallen)
    return written, digest.hexdigest()


def _write(result: Path, name: str, dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> list[Written]:
    if not rows:
        return []
    path = result / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=dataset.arrow())
        ShardWriter(path, dataset, stack).write(table)
    return [describe(path, result)]


def _row(item: Item, lang: str, config: MiEvalRun, engine: str) -> dict[str, Any]:
    one, fields = item.candidate, item.texts[lang]
    verb, noun = verb_and_noun(one.instruction)
    return {
        **fields,
        "id": one.id,
        "lang": lang,
        "output": fields["output"] if config.references else None,
        "is_classification": one.is_classification,
        "verb": verb,
        "noun": noun,
        "seed_similarity": np.float32(one.seed_similarity),
        "training_overlap": np.float32(item.overlap),
        "round": one.round,
        "generator": config.generator.model,
        "request": one.request,
        "engine": "" if lang == "en" else engine,
        "license": config.license,
        "split": "test",
    }


def _rejected(one: Candidate) -> dict[str, Any]:
    assert one.fault is not None
    detail = one.fault.detail
    # answers are text from outside: a lone surrogate in one is shown, and no Parquet
    shown = {name: _shown(text) for name, text in one.fields.items()}
    return {
        **shown,
        "id": one.rejected_id,
        "stage": one.stage,
        "lang": one.lang,
        "reason": one.fault.reason,
        "detail": None if detail is None else _shown(detail),
        "round": one.round,
        "request": one.request,
    }


def _shown(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def counts_of(
    read: Counter[str], passed: Counter[str], rejected: Sequence[Candidate]
) -> list[dict[str, Any]]:
    """The manifest's `counts[]`, stage by stage. Raises `InvariantError` unless read = kept + rejected in each."""
    counts = []
    for stage in STAGES:
        reasons: dict[str, int] = {}
        for one in rejected:
            if one.stage == stage and one.fault is not None:
                reasons[one.fault.reason] = reasons.get(one.fault.reason, 0) + 1
        if read[stage] != passed[stage] + sum(reasons.values()):
            raise InvariantError(f"{stage}: {read[stage]} read, but {passed[stage]} kept, {reasons} rejected")
        counts.append({"stage": stage, "read": read[stage], "kept": passed[stage], "rejected": reasons})
    return counts


def failed_languages(rejected: Sequence[Candidate]) -> dict[str, dict[str, int]]:
    """Language -> reason -> candidates that fell there first; what passed and came too late is not among them."""
    found: dict[str, dict[str, int]] = {}
    for one in rejected:
        if one.stage == "languages" and one.fault is not None and one.fault.reason != "beyond_size":
            reasons = found.setdefault(one.lang, {})
            reasons[one.fault.reason] = reasons.get(one.fault.reason, 0) + 1
    return found
