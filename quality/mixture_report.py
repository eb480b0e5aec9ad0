"""The report on mixtures: one HTML file that opens anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as pads

from pipelines.shards.published import DatasetFolder
from quality.licenses import of_whole
from quality.mixture_figures import AuditOfMixtures, summed
from quality.pages import FIELDS, MAX_BYTES, of_run, shown_text, write_page
from schemas.mixture import REASONS
from schemas.mixture_run import MixtureRun

_SAMPLES = (3, 1, 0)  # of a part or reason, fewer where the page would be too large
_LOOKED_AT = 4_000  # rows at the head of a mixture, in which samples are looked for


def write_report(dataset: DatasetFolder, config: MixtureRun, audited: AuditOfMixtures) -> None:
    """Writes the report of a staged output, with fewer samples where it would exceed `MAX_BYTES`."""
    samples = _samples(dataset.folder, dataset.manifest, config)
    views = (_view(dataset.manifest, config, audited, samples, most) for most in _SAMPLES)
    write_page(dataset.folder / "report.html", "mixture.html.j2", views, MAX_BYTES)


def _view(
    manifest: Mapping[str, Any],
    config: MixtureRun,
    audited: AuditOfMixtures,
    samples: Mapping[str, list[dict[str, Any]]],
    most: int,
) -> dict[str, Any]:
    contents = audited.contents
    totals = {
        (count["direction"] or f"{count['source']}-{count['lang']}"): count for count in manifest["counts"]
    }
    reasons = [reason for reason in REASONS if any(reason in count["rejected"] for count in totals.values())]
    return {
        "mixtures": _mixtures(contents),
        "fertility": _fertility(contents, config),
        "licenses": _records(summed(contents, "license")),
        "max_tokens": config.tokenizer.max_tokens,
        "totals": totals,
        "reasons": {reason: REASONS[reason] for reason in reasons},
        "groups": {name: rows[:most] for name, rows in samples.items()},
        "meanings": REASONS,
        **of_run(manifest, audited),
        "whole": of_whole(set(contents["license"])),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, with None for what is missing and whole numbers for counts."""
    return [
        {
            name: None
            if pd.isna(value)
            else int(value)
            if isinstance(value, float) and value == int(value)
            else value
            for name, value in row.items()
        }
        for row in table.to_dict("records")
    ]


def _mixtures(contents: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The training parts of each mixture, with their share of its rows and of its tokens."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _records(summed(contents, "mixture", "split", "part", "lang", "task")):
        found.setdefault(row["mixture"], []).append(row)
    for rows in found.values():
        for row in rows:
            alike = [other for other in rows if other["split"] == row["split"]]
            for name in ("rows", "tokens"):
                whole = sum(other[name] or 0 for other in alike)
                row[f"{name}_share"] = row[name] / whole if whole and row[name] is not None else None
    return found


def _fertility(contents: pd.DataFrame, config: MixtureRun) -> list[dict[str, Any]]:
    """What the tokenizer spends on answers, by their language; rows that stand in several mixtures count in each."""
    if contents["tokens"].isna().all():
        return []
    rows = _records(summed(contents, "answer"))
    for row in rows:
        spaced = config.language(row["answer"]).spaced
        row["per_word"] = row["output_tokens"] / row["words"] if spaced and row["words"] else None
        row["per_character"] = row["output_tokens"] / row["characters"] if row["characters"] else None
        row["byte_share"] = row["byte_tokens"] / row["tokens"] if row["tokens"] else None
        row["longer_share"] = row["longer"] / row["rows"]
    return rows


def _samples(
    result: Path, manifest: Mapping[str, Any], config: MixtureRun
) -> dict[str, list[dict[str, Any]]]:
    """A few rows of each part, and of each reason, as the page shows them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in manifest["mixtures"]:
        folder = result / "instructions" / name
        if not folder.is_dir():
            continue
        files = sorted(folder.glob("train-*.parquet"))
        if files:
            columns = ["id", "source", "lang", "direction", "license", "tokens", *FIELDS]
            for row in pads.dataset(files[0]).head(_LOOKED_AT, columns=columns).to_pylist():
                _add(found, row["direction"] or f"{row['source']}-{row['lang']}", row, config)
    for file in sorted((result / "rejected").glob("*.parquet")):
        columns = ["reason", "detail", "source", "lang", "direction", "license", "tokens", *FIELDS]
        rejects = pads.dataset(file)
        for reason in REASONS:
            for row in (
                rejects.filter(pads.field("reason") == reason).head(_SAMPLES[0], columns=columns).to_pylist()
            ):
                _add(found, reason, row | {"id": ""}, config)
    return found


def _add(found: dict[str, list[dict[str, Any]]], group: str, row: dict[str, Any], config: MixtureRun) -> None:
    held = found.setdefault(group, [])
    if len(held) >= _SAMPLES[0] or any(row["id"] and row["id"] == other["id"] for other in held):
        return
    langs = dict.fromkeys(FIELDS, row["lang"])
    if row["direction"] is not None:
        langs["input"], langs["output"] = row["direction"].split("-")
    row["fields"] = [
        {"name": name} | shown_text(row[name], langs[name], config.language(langs[name]))
        for name in FIELDS
        if row[name]
    ]
    held.append(row)
