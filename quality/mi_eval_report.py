"""The report on MI-EVAL: one HTML file that opens anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from pipelines.shards.published import DatasetFolder
from quality.findings import Audit
from quality.licenses import of_whole
from quality.mi_eval_statistics import balance, diversity
from quality.pages import MAX_BYTES, of_run, shown_fields, write_page
from schemas.mi_eval import OF_INSTANCES, OF_INSTRUCTIONS, OF_LANGUAGES, REASONS, STAGES
from schemas.mi_eval_run import MiEvalRun

_VOCABULARIES = dict(zip(STAGES, (OF_INSTRUCTIONS, OF_INSTANCES, OF_LANGUAGES), strict=True))


class Extent(NamedTuple):
    """How much is shown: items, and samples of a reason."""

    items: int
    samples: int


_EXTENTS = (Extent(12, 6), Extent(6, 3), Extent(2, 1), Extent(0, 0))


def write_report(dataset: DatasetFolder, config: MiEvalRun, audited: Audit) -> None:
    """Writes the report of a staged output, with fewer samples where it would exceed `MAX_BYTES`."""
    result = dataset.folder
    tables = {lang: _rows(result / "mi_eval" / lang) for lang in config.all_languages}
    fallen = _rows(result / "rejected")
    view = _view(dataset.manifest, config, audited, tables["en"])
    views = (view | _samples(tables, fallen, config, extent) for extent in _EXTENTS)
    write_page(result / "report.html", "mi_eval.html.j2", views, MAX_BYTES)


def _view(
    manifest: Mapping[str, Any], config: MiEvalRun, audited: Audit, english: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    stages = [
        count
        | {
            "reasons": [
                (reason, count["rejected"][reason], meaning)
                for reason, meaning in _VOCABULARIES[count["stage"]].items()
                if reason in count["rejected"]
            ]
        }
        for count in manifest["counts"]
    ]
    failed = manifest["failed_languages"]
    read = manifest["counts"][-1]["read"]
    totals = {
        lang: {"read": read, "rejected": failed[lang]} for lang in config.all_languages if lang in failed
    }
    reasons = {
        reason: meaning
        for reason, meaning in OF_LANGUAGES.items()
        if any(reason in total["rejected"] for total in totals.values())
    }
    return {
        "stages": stages,
        "totals": totals,
        "reasons": reasons,
        "items": len(english),
        "languages": config.all_languages,
        "balance": balance(english),
        "diversity": diversity(english),
        "classifications": sum(row["is_classification"] for row in english),
        "with_input": sum(bool(row["input"]) for row in english),
        **of_run(manifest, audited),
        "whole": of_whole({config.license, manifest["engine"]["license"]}),
    }


def _samples(
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    fallen: Sequence[Mapping[str, Any]],
    config: MiEvalRun,
    extent: Extent,
) -> dict[str, Any]:
    shown = []
    for place, english in enumerate(tables["en"][: extent.items]):
        rows = ((lang, tables[lang][place]) for lang in config.all_languages)
        shown.append(
            {**english, "sides": [shown_fields(row, lang, config.language(lang)) for lang, row in rows]}
        )
    return {
        "shown": shown,
        "fallen": [
            {
                "reason": reason,
                "meaning": meaning,
                "rows": [
                    row | {"sides": [shown_fields(row, "en", config.language("en"))]}
                    for row in _of(fallen, reason, extent.samples)
                ],
            }
            for reason, meaning in REASONS.items()
            if any(row["reason"] == reason for row in fallen)
        ],
    }


def _of(rows: Sequence[Mapping[str, Any]], reason: str, most: int) -> Iterator[dict[str, Any]]:
    """The first rows of a reason by id, which is a hash."""
    found = sorted((row for row in rows if row["reason"] == reason), key=lambda row: str(row["id"]))
    yield from (dict(row) for row in found[:most])


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
