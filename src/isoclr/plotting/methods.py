"""Figures that compare methods: values with intervals, curves, predictions, retrieval."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from isoclr.plotting.style import (
    BLUE,
    GREY,
    INK,
    LINES,
    MARKERS,
    PALETTE,
    VERMILION,
    color_of,
    draw_interval,
    list_rows,
    reference_line,
    saved_figure,
    shorten,
)
from isoclr.tasks.metrics import Interval


class Dot(NamedTuple):
    """A value with its interval."""

    name: str
    value: float
    low: float | None
    high: float | None
    kind: Literal["ours", "other", "published"]


class DotPanel(NamedTuple):
    """Values of several methods, one per row."""

    title: str
    axis: str
    dots: Sequence[Dot]
    reference: float = 0.0  # Position of a dotted line, such as chance
    legend: bool = True  # Whether to explain the markers


_DOT_STYLE: Mapping[str, tuple[str, str, str | None, str]] = {
    "ours": (BLUE, "o", None, "this model"),
    "other": (GREY, "s", None, "compared with"),
    "published": (VERMILION, "D", "none", "published, other RNAs and splits"),
}
"""Color, marker, its face and meaning by kind."""


def dots_figure(out: Path | Sequence[Path], panels: Sequence[DotPanel]) -> None:
    """Draw values with intervals, panels side by side."""
    rows = max(len({dot.name for dot in panel.dots}) for panel in panels)
    longest = min(48, max(len(dot.name) for panel in panels for dot in panel.dots))
    width = 4.4 + 0.06 * max(0, longest - 30)
    with saved_figure(out, width * len(panels) + 0.6, 1.3 + 0.28 * rows) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_dots(axes, panel)
        kinds = {dot.kind for panel in panels for dot in panel.dots}
        handles = [
            Line2D([], [], ls="", marker=marker, color=color, mfc=face, label=meaning)
            for kind, (color, marker, face, meaning) in _DOT_STYLE.items()
            if kind in kinds
        ]
        if any(panel.legend for panel in panels):
            figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)


def _draw_dots(axes: Any, panel: DotPanel) -> None:
    names = list(dict.fromkeys(dot.name for dot in panel.dots))
    for dot in panel.dots:
        color, marker, face, _ = _DOT_STYLE[dot.kind]
        label = "" if dot.kind == "published" else f"{dot.value:.3f}"
        row = names.index(dot.name)
        draw_interval(axes, row, dot.value, dot.low, dot.high, color, marker=marker, face=face, label=label)
    reference_line(axes, panel.reference)
    list_rows(axes, names)
    axes.set_xlabel(fill(panel.axis, 36))
    axes.set_title(fill(panel.title, 36), fontsize=9, loc="left")
    axes.margins(x=0.1)


class Curve(NamedTuple):
    """Values of one method over a growing quantity."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]


class CurvePanel(NamedTuple):
    """Curves of several methods over one logarithmic axis."""

    title: str
    x_axis: str
    y_axis: str
    curves: Sequence[Curve]


def curves_figure(out: Path | Sequence[Path], panels: Sequence[CurvePanel]) -> None:
    """Draw curves with intervals, panels side by side."""
    with saved_figure(out, 5.6 * len(panels), 3.8) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_curves(axes, panel)


def _draw_curves(axes: Any, panel: CurvePanel) -> None:
    ends = []
    for number, curve in enumerate(panel.curves):
        color, style = color_of(number), number % len(PALETTE)
        axes.plot(curve.x, curve.y, color=color, ls=LINES[style], marker=MARKERS[style], ms=5, lw=1.6)
        for x, low, high in zip(curve.x, curve.low, curve.high, strict=True):
            if low is not None and high is not None:
                axes.plot([x, x], [low, high], color=color, lw=1, alpha=0.6)
        ends.append((curve.y[-1], curve.x[-1], curve.name, color))
    ticks = sorted({x for curve in panel.curves for x in curve.x})
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
    axes.minorticks_off()
    means = [y for curve in panel.curves for y in curve.y]
    margin = 0.25 * (max(means) - min(means)) + 0.05
    axes.set_ylim(min(0.0, *means) - margin / 2, max(means) + margin)  # not wide enough for the widest intervals
    axes.set(xlabel=panel.x_axis, ylabel=panel.y_axis)
    axes.set_title(panel.title, fontsize=9, loc="left")
    _label_ends(axes, sorted(ends))


def _label_ends(axes: Any, ends: list[tuple[float, float, str, str]]) -> None:
    """Names at the ends of curves, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    distance, last = (high - low) * 0.05, float("-inf")
    for y, x, name, color in ends:
        last = max(y, last + distance)
        axes.annotate(
            shorten(name, 48), (x, y), (x * 1.18, last), textcoords="data", color=color, size=8, va="center",
            annotation_clip=False,
        )  # fmt: skip


class ScatterPanel(NamedTuple):
    """Predictions of a label against its measured values."""

    label: str
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]


def predictions_figure(out: Path | Sequence[Path], panels: Sequence[ScatterPanel]) -> None:
    """Draw predicted over measured labels, panels side by side."""
    with saved_figure(out, 3.6 * len(panels), 3.6) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_predictions(axes, *panel)


def probe_figure(
    path: Path,
    *,
    bars: Sequence[tuple[str, Interval]],
    metric: str,
    label: str,
    true: NDArray[np.float64],
    predicted: NDArray[np.float64],
    note: str,
) -> None:
    """Draw the accuracy of every feature set with its interval, and predicted over measured labels.

    Args:
        bars: Name and accuracy of each feature set: the embedding first, then the baselines.
        true: ``(n,)`` held-out labels, in standard deviations from the training mean.
    """
    with saved_figure(path, 8.4, 3.6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        _draw_bars(left, bars, metric)
        _draw_predictions(right, label, true, predicted)
        figure.suptitle(f"{label}: {note}", fontsize=9, x=0.01, ha="left")


def _draw_bars(axes: Any, bars: Sequence[tuple[str, Interval]], metric: str) -> None:
    for row, (_, value) in enumerate(bars):
        color = BLUE if row == 0 else GREY
        draw_interval(axes, row, value.mean, value.low, value.high, color, label=f"{value.mean:.2f}")
    reference_line(axes, 0.5 if "AUC" in metric else 0.0)
    list_rows(axes, [name for name, _ in bars])
    axes.set_xlabel(f"{metric} on held-out genes (95 % interval)")
    axes.margins(x=0.08)


def _draw_predictions(axes: Any, label: str, true: NDArray[np.float64], predicted: NDArray[np.float64]) -> None:
    """Predicted over measured values; the two classes of a binary label as two columns."""
    classes = np.unique(true)
    x = true
    if len(classes) == 2:
        x = (true == classes[1]) + np.random.default_rng(0).uniform(-0.3, 0.3, len(true))
        axes.set_xticks([0, 1], ["smaller", "larger"])
        axes.set_ylabel("score predicted from the embedding")
    else:
        low, high = np.percentile(np.concatenate([true, predicted]), [0.2, 99.8])
        axes.axline((0, 0), slope=1, color=INK, lw=0.8, ls=":")
        axes.set(xlim=(low, high), ylim=(low, high), ylabel="predicted from the embedding (SD)")
    size = float(np.clip(4000 / max(1, len(true)), 3, 18))
    axes.scatter(x, predicted, s=size, color=BLUE, alpha=0.35, lw=0, rasterized=True)
    unit = " (SD)" if len(classes) > 2 else ""
    axes.set_xlabel(fill(f"measured {label.replace('_', ' ')}{unit}", 44))
    axes.set_title(f"{len(true):,} held-out RNAs", fontsize=9, loc="left")


def ontology_figure(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw the ROC AUC of every term and feature set with its interval, a panel per hierarchy.

    Args:
        rows: The rows of an ontology report; the mean over terms comes first.
    """
    rows = [row for row in rows if row["metric"] == "roc_auc"]
    hierarchies = list(dict.fromkeys(row["hierarchy"] for row in rows))
    with saved_figure(path, 4.2 * len(hierarchies), 4.4) as figure:
        grid = figure.subplots(1, len(hierarchies), sharex=True, squeeze=False)[0]
        for axes, hierarchy in zip(grid, hierarchies, strict=True):
            _draw_hierarchy(axes, hierarchy, [row for row in rows if row["hierarchy"] == hierarchy])
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        grid[len(grid) // 2].set_xlabel("ROC AUC on held-out genes (95 % interval)")


def _draw_hierarchy(axes: Any, hierarchy: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """One line per term, the mean of all on top; one marker per feature set."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    sizes = {row["term"]: row["n"] for row in rows}
    terms = list(sizes)
    step = 0.6 / max(1, len(methods) - 1)
    for i, method in enumerate(methods):
        own = [row for row in rows if row["method"] == method]
        y = [terms.index(row["term"]) - 0.3 + i * step for row in own]
        color, marker = color_of(i), MARKERS[i % len(MARKERS)]
        axes.hlines(y, [r["low"] for r in own], [r["high"] for r in own], color=color, lw=1.2)
        axes.plot([r["value"] for r in own], y, marker, color=color, ms=4, label=method)
    list_rows(axes, [f"{shorten(term, 34)} ({sizes[term]:,})" for term in terms], fontsize=7)
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.axhline(0.5, color=INK, lw=0.6)
    reference_line(axes, 0.5)
    axes.set_title(hierarchy.replace("_", " "), fontsize=9, loc="left")


_RELATIONS = (
    ("all RNAs", "isoform", "nearest RNA is an isoform"),
    ("RNAs of other genes", "paralog", "nearest RNA of other genes is a paralog"),
    ("RNAs of other species", "ortholog", "nearest RNA of other species is an ortholog"),
)


def neighbours_figure(path: Path, metrics: pl.DataFrame) -> None:
    """Draw how often the nearest neighbor is a relative: by method, and by length of the RNA."""
    first = metrics.filter(pl.col("k") == 1)
    shown = [
        (title, rows)
        for scope, relation, title in _RELATIONS
        if (rows := first.filter(scope=scope, relation=relation)).filter(metric="hit rate").height
    ]
    methods = metrics["method"].unique(maintain_order=True).to_list()
    columns = max(1, len(shown))
    heights = (0.34 * len(methods) + 0.6, 2.4)
    with saved_figure(path, 3.7 * columns, sum(heights) + 1.3) as figure:
        grid = figure.subplots(2, columns, squeeze=False, height_ratios=heights)
        for column, (title, rows) in enumerate(shown):
            _draw_hits(grid[0, column], rows.filter(length="all"), methods, named=column == 0)
            _draw_by_length(grid[1, column], rows.filter(pl.col("length") != "all"), methods)
            grid[0, column].set_title(title, loc="left", fontsize=9)
        grid[1, 0].set_ylabel("hit rate (%)")
        handles, labels = grid[1, 0].get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=4, frameon=False)


def _draw_hits(axes: Any, rows: pl.DataFrame, methods: Sequence[str], *, named: bool) -> None:
    """The share of every method with its interval, and that of a random RNA of similar length."""
    for row, method in enumerate(methods):
        own = rows.filter(method=method, metric="hit rate")
        for one in own.iter_rows(named=True):
            value, low, high = (100 * one[name] for name in ("value", "low", "high"))
            draw_interval(axes, row, value, low, high, color_of(row), label=f"{value:.1f}")
    chance = rows.filter(metric="length-matched chance")["value"].drop_nulls()
    if len(chance):
        reference_line(axes, 100 * float(chance[0]))
    list_rows(axes, methods if named else [""] * len(methods))
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    n = sum(rows.filter(metric="hit rate", method=methods[0])["n"].to_list()[:1])
    axes.set_xlabel(f"hit rate of {n:,} RNAs that have one (%)", fontsize=8)


def _draw_by_length(axes: Any, rows: pl.DataFrame, methods: Sequence[str]) -> None:
    """The share by length of the RNA; the first method is drawn last, above the others."""
    bins = rows["length"].unique(maintain_order=True).to_list()
    bins.sort(key=lambda name: int(name.split()[0].replace(",", "")))

    def line(method: str, metric: str) -> list[float]:
        values = dict(rows.filter(method=method, metric=metric).select("length", "value").rows())
        return [np.nan if values.get(name) is None else 100 * values[name] for name in bins]

    x = range(len(bins))
    chance = line(methods[0], "length-matched chance")
    axes.plot(x, chance, ":", color=INK, lw=0.8, label="chance (random RNA of similar length)")
    for number, method in reversed(list(enumerate(methods))):
        marker = MARKERS[number % len(MARKERS)]
        y = line(method, "hit rate")
        axes.plot(x, y, "-", marker=marker, color=color_of(number), ms=4, lw=1.5, label=shorten(method, 48))
    axes.set_xticks(x, [name.split()[0] for name in bins])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length of the RNA (nt, from)")
