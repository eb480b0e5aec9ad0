"""The data-quality report: one HTML file that opens anywhere, made of the manifest, the audit and the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.atomic import replacing
from quality.fertility import Fertility
from quality.pages import environment, shown_row
from quality.statistics import BINS, MEASURES, Measure, Statistics
from schemas.config import RunConfig
from schemas.reasons import KEPT, REASONS
from schemas.thresholds import resolve

MAX_BYTES = 4 << 20
_MOST_PAIRS = 40  # shown in tables and charts
_SAMPLES = 4  # of a reason and pair, or fewer where the file would grow too large


@dataclass(frozen=True)
class Curve:
    """A distribution as an SVG path over a box of `BINS` by 100."""

    path: str
    rows: int


def write_report(
    path: Path,
    manifest: Mapping[str, Any],
    config: RunConfig,
    findings: Sequence[Any],
    found: Statistics,
    fertilities: Sequence[Fertility],
) -> None:
    """Writes the report, with fewer samples where it would be larger than `MAX_BYTES`.

    `findings` are the audit's (`audit.Finding`).
    """
    template = environment().get_template("report.html.j2")
    html = b""
    for samples in (_SAMPLES, 2, 1, 0):
        view = _view(manifest, config, findings, found, fertilities, samples)
        html = template.render(view).encode()
        if len(html) <= MAX_BYTES:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(html)


def _view(
    manifest: Mapping[str, Any],
    config: RunConfig,
    findings: Sequence[Any],
    found: Statistics,
    fertilities: Sequence[Fertility],
    samples: int,
) -> dict[str, Any]:
    counts = manifest["counts"]
    totals = {
        pair: _sum([count for count in counts if count["pair"] == pair])
        for pair in sorted({count["pair"] for count in counts})
    }
    largest = sorted(totals, key=lambda pair: (-totals[pair]["read"], pair))
    pairs = sorted(largest[:_MOST_PAIRS])
    everything = _sum(counts)
    reasons = [reason for reason in REASONS if everything["rejected"].get(reason)]
    return {
        "total": everything,
        "pairs": {pair: totals[pair] for pair in pairs},
        "pairs_left_out": len(totals) - len(pairs),
        "funnels": [
            _funnel(count)
            for count in sorted(counts, key=lambda count: (count["pair"], count["corpus"]))
            if count["pair"] in pairs
        ],
        "reasons": {reason: REASONS[reason] for reason in reasons},
        "charts": [_chart(measure, pairs, manifest, config, found) for measure in MEASURES],
        "clusters": _cluster_table(found.clusters),
        "kept_samples": _samples(pairs, [KEPT], found, config, samples),
        "rejected_samples": _samples(pairs, reasons, found, config, samples),
        "fertilities": fertilities,
        "failed": [finding for finding in findings if not finding.success],
        "findings": findings,
        "manifest": manifest,
        "config": yaml.safe_dump(manifest["config"], sort_keys=False, allow_unicode=True),
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
    """The thresholds in force for a pair, each with its place on the chart (null where outside)."""
    keys = measure.thresholds
    if measure.name == "tgt_length" and not config.language(pair.split("-")[1]).spaced:
        keys = ("length.min_chars", "length.max_chars")
    corpora = [count["corpus"] for count in manifest["counts"] if count["pair"] == pair]
    values = {
        (key, resolve(config.thresholds, config.overrides, config.strict, corpus, pair)[0][key])
        for key in keys
        for corpus in corpora
    }
    span = measure.high - measure.low
    return [
        {
            "key": key,
            "value": f"{value:g}",
            "place": (value - measure.low) / span * BINS if measure.low <= value <= measure.high else None,
        }
        for key, value in sorted(values, key=lambda limit: limit[1])
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
