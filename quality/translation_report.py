"""The report on translated instructions: one HTML file that opens anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import yaml

from pipelines.atomic import replacing
from quality.findings import Audit
from quality.licenses import of_whole
from quality.pages import environment, shown_text
from quality.report import MAX_BYTES
from schemas.instructions import REASONS
from schemas.reasons import KEPT
from schemas.translation import ROUTE_REASONS
from schemas.translation_run import TranslationRun

_FIELDS = ("instruction", "input", "output")
_PLACE = ("id", "source_id", "lang", "file", "index", "route", "route_reason", "score", "retry")


class Extent(NamedTuple):
    """How much is shown: samples of a language and reason, and languages."""

    samples: int
    languages: int


_EXTENTS = (Extent(4, 60), Extent(2, 60), Extent(1, 60), Extent(1, 12), Extent(0, 60))


def write_report(
    path: Path, result: Path, manifest: Mapping[str, Any], config: TranslationRun, audited: Audit
) -> None:
    """Writes the report of the output in `result`, with fewer samples where it would exceed `MAX_BYTES`."""
    template = environment().get_template("translation.html.j2")
    html = b""
    for extent in _EXTENTS:
        html = template.render(_view(result, manifest, config, audited, extent)).encode()
        if len(html) <= MAX_BYTES:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(html)


def _view(
    result: Path, manifest: Mapping[str, Any], config: TranslationRun, audited: Audit, extent: Extent
) -> dict[str, Any]:
    languages = config.languages[: extent.languages]
    totals = {lang: _total(manifest, lang) for lang in languages}
    reasons = [reason for reason in REASONS if any(reason in total["rejected"] for total in totals.values())]
    samples = [row for lang in languages for row in _samples(result, lang, [KEPT, *reasons], extent.samples)]
    english = _english(result, {row["source_id"] for row in samples})
    for row in samples:
        row["sides"] = [_side(english.get(row["source_id"]), "en", config), _side(row, row["lang"], config)]
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
                "rows": [row for row in samples if row["reason"] == reason],
            }
            for reason in (KEPT, *reasons)
        ],
        "failed": [finding for finding in audited.findings if not finding.success],
        "findings": audited.findings,
        "whole": of_whole({config.license, manifest["engine"]["license"]}),
        "manifest": manifest,
        "versions": manifest["environment"] | {"great_expectations": audited.summary()["great_expectations"]},
        "config": yaml.safe_dump(manifest["config"], sort_keys=False, allow_unicode=True),
    }


def _total(manifest: Mapping[str, Any], lang: str) -> dict[str, Any]:
    counts = [count for count in manifest["counts"] if count["lang"] == lang]
    read, kept = (sum(count[name] for count in counts) for name in ("read", "kept"))
    found: dict[str, dict[str, int]] = {"routes": {}, "rejected": {}}
    for name, into in found.items():
        for count in counts:
            for key, rows in count[name].items():
                into[key] = into.get(key, 0) + rows
    return {"read": read, "kept": kept, "share": kept / read if read else 0.0, **found}


def _samples(result: Path, lang: str, reasons: Sequence[str], most: int) -> Iterator[dict[str, Any]]:
    """The first rows of each reason by id, which is a hash."""
    for kind, names in (("instructions", ()), ("rejected", ("reason", "detail"))):
        folder = result / kind / lang
        if not folder.is_dir() or not most:
            continue
        table = pads.dataset(folder, exclude_invalid_files=True)
        rows = table.to_table(columns=["id", *(["reason"] if names else ["route"])])
        for reason in reasons:
            if (reason == KEPT) != (kind == "instructions"):
                continue
            # of the kept ones those that were translated: the others are English
            wanted = (
                pc.equal(rows.column("reason"), reason)
                if names
                else pc.not_equal(rows.column("route"), "keep_english")
            )
            ids = pa.array(sorted(rows.filter(wanted).column("id").to_pylist())[:most], pa.string())
            found = table.to_table(columns=[*_PLACE, *_FIELDS, *names], filter=pads.field("id").isin(ids))
            for row in sorted(found.to_pylist(), key=lambda row: row["id"]):
                yield {"reason": KEPT, "detail": None} | row


def _english(result: Path, source_ids: set[str]) -> dict[str, dict[str, Any]]:
    folder = result / "instructions" / "en"
    if not folder.is_dir():
        return {}
    table = pads.dataset(folder, exclude_invalid_files=True)
    wanted = pads.field("source_id").isin(pa.array(sorted(source_ids), pa.string()))
    found = table.to_table(columns=["source_id", *_FIELDS], filter=wanted)
    return {row["source_id"]: row for row in found.to_pylist()}


def _side(row: Mapping[str, Any] | None, code: str, config: TranslationRun) -> list[dict[str, str]]:
    """The fields that are not empty, as a page shows them."""
    language = config.language(code)
    return [{"name": name} | shown_text(row[name], code, language) for name in _FIELDS if row and row[name]]
