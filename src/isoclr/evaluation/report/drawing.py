"""The same charts as files: PNG and SVG by matplotlib."""

from collections.abc import Sequence, Set
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isoclr._io import atomic_path
from isoclr.evaluation.report.charts import KINDS, Curves, Dots
from isoclr.plotting import BLUE, COLOURS, GREY, INK, LINES, MARKERS, STYLE, VERMILION

LOOKS = {
    "ours": (BLUE, "o"),
    "other": (GREY, "s"),
    "published": (VERMILION, "D"),
}


def draw_dots(path: Path, charts: Sequence[Dots]) -> None:
    """Values with intervals, a panel a chart.

    Args:
        path: PNG, PDF or SVG.
        charts: side by side.
    """
    rows = max(len({dot.name for dot in chart.dots}) for chart in charts)
    with mpl.rc_context(STYLE), atomic_path(path) as partial:
        size = (4.4 * len(charts) + 0.6, 1.1 + 0.26 * rows)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(charts), squeeze=False)[0]
        for axes, chart in zip(panels, charts, strict=True):
            _panel_of_dots(axes, chart)
        if any(chart.legend for chart in charts):
            _name_kinds(figure, {dot.kind for chart in charts for dot in chart.dots})
        figure.savefig(partial, dpi=160)


def _name_kinds(figure: Figure, kinds: Set[str]) -> None:
    """What the marks mean, below the panels."""
    marks = [
        Line2D([], [], ls="", marker=marker, color=colour, mfc=_face(kind), label=KINDS[kind][2])
        for kind, (colour, marker) in LOOKS.items()
        if kind in kinds
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False)


def _face(kind: str) -> str:
    """Published values are open marks."""
    return "none" if kind == "published" else LOOKS[kind][0]


def draw_curves(path: Path, charts: Sequence[Curves]) -> None:
    """Curves with intervals and their names at the end, a panel a chart.

    Args:
        path: PNG, PDF or SVG.
        charts: side by side.
    """
    with mpl.rc_context(STYLE), atomic_path(path) as partial:
        figure = Figure(figsize=(5.6 * len(charts), 3.8), layout="constrained")
        panels = figure.subplots(1, len(charts), squeeze=False)[0]
        for axes, chart in zip(panels, charts, strict=True):
            _panel_of_curves(axes, chart)
        figure.savefig(partial, dpi=160)


def _panel_of_dots(axes: Any, chart: Dots) -> None:
    names = list(dict.fromkeys(dot.name for dot in chart.dots))
    for dot in chart.dots:
        row = names.index(dot.name)
        colour, marker = LOOKS[dot.kind]
        if dot.low is not None and dot.high is not None:
            axes.plot([dot.low, dot.high], [row, row], color=colour, lw=2, solid_capstyle="butt")
        axes.plot(dot.value, row, marker, color=colour, mfc=_face(dot.kind), ms=6)
        if dot.kind != "published":
            label = f"{dot.value:.3f}".replace("-", "−")
            axes.annotate(
                label, (dot.value, row), (0, 5), textcoords="offset points", ha="center", size=7
            )
    axes.axvline(chart.reference, color=INK, lw=0.8, ls=":")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.7)
    axes.set_xlabel(fill(chart.axis, 36))  # longer lines would leave the picture
    axes.set_title(fill(chart.title, 32), fontsize=9, loc="left")
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.1)


def _panel_of_curves(axes: Any, chart: Curves) -> None:
    ends = []
    for number, curve in enumerate(chart.curves):
        style = number % len(COLOURS)
        colour = COLOURS[style]
        line, marker = LINES[style], MARKERS[style]
        axes.plot(curve.x, curve.y, color=colour, ls=line, marker=marker, ms=5, lw=1.6)
        for x, low, high in zip(curve.x, curve.low, curve.high, strict=True):
            if low is not None and high is not None:
                axes.plot([x, x], [low, high], color=colour, lw=1, alpha=0.6)
        ends.append((curve.y[-1], curve.x[-1], curve.name, colour))
    axes.set_xscale("log")
    ticks = sorted({x for curve in chart.curves for x in curve.x})
    axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
    axes.minorticks_off()
    axes.set_ylim(chart.reach)
    axes.set_xlabel(chart.x_axis)
    axes.set_ylabel(chart.y_axis)
    axes.set_title(chart.title, fontsize=9, loc="left")
    _label_ends(axes, sorted(ends))


def _label_ends(axes: Any, ends: list[tuple[float, float, str, str]]) -> None:
    """Names beside the ends of the curves, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    apart, last = (high - low) * 0.05, float("-inf")
    for y, x, name, colour in ends:
        last = max(y, last + apart)
        axes.annotate(
            name,
            (x, y),
            (x * 1.12, last),
            textcoords="data",
            color=colour,
            size=8,
            va="center",
            annotation_clip=False,
        )
