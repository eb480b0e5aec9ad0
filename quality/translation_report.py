"""The report on translated instructions: one HTML file that opens anywhere."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.dataset as pads

from pipelines.shards.published import DatasetFolder
from quality.findings import Audit
from quality.licenses import of_whole
from quality.pages import FIELDS, MAX_BYTES, of_run, shown_fields, write_page
from schemas.instructions import REASONS
from schemas.reasons import KEPT
from schemas.translation import ROUTE_REASONS
from schemas.translation_run import TranslationRun

_PLACE = ("id", "source_id", "lang", "file", "index", "route", "route_reason", "score", "retry")


class Extent(NamedTuple):
    """How much is shown: samples of a language and reason, and languages."""

    samples: int
    languages: int


_EXTENTS = (Extent(4, 60), Extent(2, 60), Extent(1, 60), Extent(1, 12), Extent(0, 60))


def write_report(dataset: DatasetFolder, config: TranslationRun, audited: Audit) -> None:
    """Writes the report of a staged output, with fewer samples where it would exceed `MAX_BYTES`."""
    samples = _side_by_side(dataset.folder, config, _EXTENTS[0])
    views = (_view(dataset.manifest, config, audited, samples, extent) for extent in _EXTENTS)
    write_page(dataset.folder / "report.html", "translation.html.j2", views, MAX_BYTES)


def _view(
    manifest: Mapping[str, Any],
    config: TranslationRun,
    audited: Audit,
    samples: Mapping[tuple[str, str], Sequence[dict[str, Any]]],
    extent: Extent,
) -> dict[str, Any]:
    languages = config.languages[: extent.languages]
    totals = {lang: _total(manifest, lang) for lang in languages}
    reasons = [reason for reason in REASONS if any(reason in total["rejected"] for total in totals.values())]
    return {
        "totals": totals,
        "languages_left_out": len(config.languages) - len(languages),
        "records": sum(source["records"] for source in manifest["inputs"]),
        "reasons": {reason: REASONS[reason] for reason in reasons},
        "route_reasons": {reason: meaning for reason, (meaning, _) in ROUTE_REASONS.items()},
        "figures": audited.pairs,
        "groups": [
            {
                "reason": reason,
                "meaning": REASONS.get(reason, ""),
                "rows": [
                    row for lang in languages for row in samples.get((lang, reason), [])[: extent.samples]
                ],
            }
            for reason in (KEPT, *reasons)
        ],
        **of_run(manifest, audited),
        "whole": of_whole({config.license, manifest["engine"]["license"]}),
    }


def _side_by_side(
    result: Path, config: TranslationRun, extent: Extent
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Samples by language and reason (`kept`), each with the fields of its source and its own (`sides`)."""
    samples: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for lang in config.languages[: extent.languages]:
        for row in _samples(result, lang, extent.samples):
            samples.setdefault((lang, row["reason"]), []).append(row)
    rows = [row for group in samples.values() for row in group]
    english = _english(result, {row["source_id"] for row in rows})
    for row in rows:
        source = english.get(row["source_id"])
        row["sides"] = [
            shown_fields(source, "en", config.language("en")) if source else [],
            shown_fields(row, row["lang"], config.language(row["lang"])),
        ]
    return samples


def _total(manifest: Mapping[str, Any], lang: str) -> dict[str, Any]:
    counts = [count for count in manifest["counts"] if count["lang"] == lang]
    read, kept = (sum(count[name] for count in counts) for name in ("read", "kept"))
    found: dict[str, dict[str, int]] = {"routes": {}, "rejected": {}}
    for name, into in found.items():
        for count in counts:
            for key, rows in count[name].items():
                into[key] = into.get(key, 0) + rows
    return {"read": read, "kept": kept, "share": kept / read if read else 0.0, **found}


def _samples(result: Path, lang: str, most: int) -> Iterator[dict[str, Any]]:
    """The first rows of each reason by id, which is a hash; of the kept ones those that were translated."""
    for kind, column, more in (("instructions", "route", ()), ("rejected", "reason", ("reason", "detail"))):
        folder = result / kind / lang
        if not folder.is_dir():
            continue
        table = pads.dataset(folder, exclude_invalid_files=True)
        ids: dict[str, list[str]] = {}
        for row in table.to_table(columns=["id", column]).to_pylist():
            if row[column] != "keep_english":
                ids.setdefault(KEPT if column == "route" else row[column], []).append(row["id"])
        wanted = pa.array(
            [one for group in ids.values() for one in heapq.nsmallest(most, group)], pa.string()
        )
        found = table.to_table(columns=[*_PLACE, *FIELDS, *more], filter=pads.field("id").isin(wanted))
        for row in sorted(found.to_pylist(), key=lambda row: str(row["id"])):
            yield {"reason": KEPT, "detail": None} | row


def _english(result: Path, source_ids: set[str]) -> dict[str, dict[str, Any]]:
    folder = result / "instructions" / "en"
    if not folder.is_dir():
        return {}
    table = pads.dataset(folder, exclude_invalid_files=True)
    wanted = pads.field("source_id").isin(pa.array(sorted(source_ids), pa.string()))
    found = table.to_table(columns=["source_id", *FIELDS], filter=wanted)
    return {row["source_id"]: row for row in found.to_pylist()}
