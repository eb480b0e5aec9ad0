"""Plots of scaling laws: points, curve, confidence band, and the allocation on it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pipelines.atomic import replacing
from pipelines.mixture.planning import Plan
from pipelines.mixture.scaling_law import Fit, Law

_COLUMNS = 3
_MOST = 30  # languages; more are in the table
_PARALLEL, _MONOLINGUAL, _ALLOCATED = "#14746f", "#8a6d1d", "#b4431f"


def write_plot(path: Path, made: Plan) -> None:
    """Draws a panel for each language, and writes it as SVG (the same bytes for the same plan)."""
    names = list(made.laws.languages)[:_MOST]
    columns = min(_COLUMNS, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.0 * lines + 0.7), layout="constrained")
    panels = np.atleast_1d(figure.subplots(lines, columns, squeeze=False)).ravel()
    for panel, name in zip(panels, names, strict=False):
        _panel(panel, name, made)
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False, fontsize=9
    )
    image = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "polyinstruct", "svg.fonttype": "none"}):
        figure.savefig(image, format="svg", metadata={"Date": None})
    with replacing(path) as temporary:
        temporary.write_bytes(image.getvalue())


def _panel(panel: Axes, name: str, made: Plan) -> None:
    language, allocated = made.laws.languages[name], made.allocation.rows[name]
    fit, monolingual = made.laws.fits.get(name), made.laws.monolingual.get(name)
    seen = [row for found in (fit, monolingual) if found for row in found.rows]
    ends = [*seen, max(allocated, 1)] if seen else [max(allocated, 1) / 10, max(allocated, 1) * 3]
    if language.maximum and not seen:
        ends.append(language.maximum)
    rows = np.geomspace(max(min(ends) / 1.5, 1), max(ends) * 1.5, 120)
    _law(panel, rows, language.law, fit, _PARALLEL, "parallel data")
    if monolingual:
        _law(panel, rows, monolingual.law, monolingual, _MONOLINGUAL, "monolingual data")
    panel.plot(
        [max(allocated, 1)],
        [float(language.law.score(max(allocated, 1)))],
        "D",
        color=_ALLOCATED,
        markersize=6,
        label="allocated",
        zorder=4,
    )
    if language.maximum and rows[0] <= language.maximum <= rows[-1]:
        panel.axvline(language.maximum, color="#5d636e", linestyle=":", linewidth=1)
        panel.annotate(
            "all there is",
            (language.maximum, 0.02),
            xycoords=("data", "axes fraction"),
            fontsize=7,
            rotation=90,
            ha="right",
            color="#5d636e",
        )
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    panel.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    panel.set_title(f"{name}: {allocated:,} rows", fontsize=10)
    panel.set_xlabel("rows", fontsize=8)
    panel.set_ylabel("score", fontsize=8)
    panel.tick_params(labelsize=8)
    panel.grid(alpha=0.25, linewidth=0.5)


def _law(panel: Axes, rows: np.ndarray, law: Law, fit: Fit | None, color: str, label: str) -> None:
    panel.plot(rows, law.score(rows), color=color, linewidth=1.6, label=f"law, {label}")
    if fit is None:
        return
    band = fit.band(rows)
    if band is not None:
        panel.fill_between(rows, *band, color=color, alpha=0.18, linewidth=0, label=f"90 % band, {label}")
    panel.plot(fit.rows, fit.scores, "o", color=color, markersize=4, label=f"observed, {label}")


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
