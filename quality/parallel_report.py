"""The data-quality report: one HTML file that opens anywhere, made of the manifest, the audit and the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from quality.fertility import Fertility
from quality.findings import Audit
from quality.licenses import kept_licenses, of_whole
from quality.pages import MAX_BYTES, of_run, shown_row, write_page
from quality.statistics import BINS, MEASURES, Measure, Statistics
from schemas.config import RunConfig
from schemas.reasons import KEPT, REASONS
from schemas.thresholds import resolve


class Extent(NamedTuple):
    """How much is shown: samples of a reason and pair; pairs in tables and charts; funnels; files."""

    samples: int
    pairs: int
    funnels: int
    files: int


_EXTENTS = (
    Extent(4, 40, 400, 400),
    Extent(2, 40, 400, 400),
    Extent(1, 40, 400, 400),
    Extent(0, 40, 400, 400),
    Extent(0, 20, 100, 100),
    Extent(0, 6, 20, 20),
)


@dataclass(frozen=True)
class Curve:
    """A distribution as an SVG path over a box of `BINS` by 100."""

    path: str
    rows: int


def write_report(
    path: Path,
    manifest: Mapping[str, Any],
    config: RunConfig,
    audited: Audit,
    found: Statistics,
    fertilities: Sequence[Fertility],
) -> None:
    """Writes the report, with less of everything that grows with the corpus where it would exceed `MAX_BYTES`."""
    views = (_view(manifest, config, audited, found, fertilities, extent) for extent in _EXTENTS)
    write_page(path, "parallel.html.j2", views, MAX_BYTES)


def _view(
    manifest: Mapping[str, Any],
    config: RunConfig,
    audited: Audit,
    found: Statistics,
    fertilities: Sequence[Fertility],
    extent: Extent,
) -> dict[str, Any]:
    counts = manifest["counts"]
    totals = {
        pair: _sum([count for count in counts if count["pair"] == pair])
        for pair in sorted({count["pair"] for count in counts})
    }
    largest = sorted(totals, key=lambda pair: (-totals[pair]["read"], pair))
    pairs = sorted(largest[: extent.pairs])
    funnels = sorted(
        (count for count in counts if count["pair"] in pairs), key=lambda count: -int(count["read"])
    )[: extent.funnels]
    everything = _sum(counts)
    reasons = [reason for reason in REASONS if everything["rejected"].get(reason)]
    return {
        "total": everything,
        "pairs": {pair: totals[pair] for pair in pairs},
        "pairs_left_out": len(totals) - len(pairs),
        "funnels": [
            _funnel(count) for count in sorted(funnels, key=lambda count: (count["pair"], count["corpus"]))
        ],
        "funnels_left_out": len(counts) - len(funnels),
        "figures": [row for row in audited.pairs if row["pair"] in pairs],
        "reasons": {reason: REASONS[reason] for reason in reasons},
        "charts": [_chart(measure, pairs, manifest, config, found) for measure in MEASURES],
        "clusters": _cluster_table(found.clusters),
        "kept_samples": _samples(pairs, [KEPT], found, config, extent.samples),
        "rejected_samples": _samples(pairs, reasons, found, config, extent.samples),
        "fertilities": fertilities,
        **of_run(manifest, audited),
        "whole": of_whole(kept_licenses(manifest)),
        "files": extent.files,
        "bins": BINS,
    }


def _sum(counts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rejected: dict[str, int] = {}
    for count in counts:
        for reason, rows in count["rejected"].items():
            rejected[reason] = rejected.get(reason, 0) + rows
    read, kept = (sum(count[name] for count in counts) for name in ("read", "kept"))
    return {"read": read, "kept": kept, "share": kept / read if read else 0.0, "rejected": rejected}


def _funnel(count: Mapping[str, Any]) -> dict[str, Any]:
    """Reasons in the order in which they are tried, with what is left after each."""
    left, steps = count["read"], []
    for reason in REASONS:
        if rows := count["rejected"].get(reason):
            left -= rows
            steps.append({"reason": reason, "rows": rows, "left": left, "share": left / count["read"]})
    share = count["kept"] / count["read"] if count["read"] else 0.0
    return {**count, "share": share, "steps": steps}


def _chart(
    measure: Measure, pairs: Sequence[str], manifest: Mapping[str, Any], config: RunConfig, found: Statistics
) -> dict[str, Any]:
    rows = []
    for pair in pairs:
        kept, rejected = (side.get((pair, measure.name)) for side in (found.kept, found.rejected))
        curves = [_curve(counts) for counts in (kept, rejected)]
        if any(curve.rows for curve in curves):
            limits = _thresholds(measure, pair, manifest, config)
            rows.append({"pair": pair, "kept": curves[0], "rejected": curves[1], "thresholds": limits})
    return {"measure": measure, "rows": rows}


def _curve(counts: Any) -> Curve:
    """The shares of the bins as steps, the highest at the top of the box."""
    if counts is None or not counts.sum():
        return Curve("", 0)
    heights = 100 - 96 * counts / counts.max()
    steps = "".join(f"V{height:.0f}h1" for height in heights)
    return Curve(f"M0 100{steps}V100Z", int(counts.sum()))


def _thresholds(
    measure: Measure, pair: str, manifest: Mapping[str, Any], config: RunConfig
) -> list[dict[str, Any]]:
    """The thresholds in force for a pair, in any of its corpora, each with its place on the chart (null if outside)."""
    keys: Sequence[str] = measure.thresholds
    if measure.name == "tgt_length" and not config.language(pair.split("-")[1]).spaced:
        keys = ("length.min_chars", "length.max_chars")
    corpora = [count["corpus"] for count in manifest["counts"] if count["pair"] == pair]
    values = set()
    for corpus in corpora:
        normal, strict = resolve(config.thresholds, config.overrides, config.strict, corpus, pair)
        for key in keys:
            values.add((normal[key], key.split(".")[1]))
            if strict[key] != normal[key]:
                values.add((strict[key], f"{key.split('.')[1]} (high margin)"))
    span = measure.high - measure.low
    return [
        {
            "name": name,
            "value": f"{value:g}",
            "place": (value - measure.low) / span * BINS if measure.low <= value <= measure.high else None,
        }
        for value, name in sorted(values)
    ]


def _cluster_table(clusters: Mapping[int, int]) -> list[dict[str, Any]]:
    """Clusters by size, sizes from 10 up together."""
    table: dict[str, dict[str, Any]] = {}
    for size, number in sorted(clusters.items()):
        entry = table.setdefault(str(size) if size < 10 else "10 or more", {"clusters": 0, "rows": 0})
        entry["clusters"] += number
        entry["rows"] += size * number
    most = max((entry["clusters"] for entry in table.values()), default=1)
    return [{"size": size, **entry, "share": entry["clusters"] / most} for size, entry in table.items()]


def _samples(
    pairs: Sequence[str], reasons: Sequence[str], found: Statistics, config: RunConfig, most: int
) -> list[dict[str, Any]]:
    groups = []
    for reason in reasons:
        rows = [
            shown_row(row, config) for pair in pairs for row in found.samples.get((pair, reason), [])[:most]
        ]
        groups.append({"reason": reason, "meaning": REASONS.get(reason, ""), "rows": rows})
    return groups
