"""Figures of the embedding space: coloured maps, and what the nearest neighbours are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import NDArray

from isoclr.files import atomic_path
from isoclr.reports.figures import INK, OTHER, STYLE, check_format

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
"""Okabe and Ito's, the most different first."""
NOTHING = "#D9D9D9"
QUANTITIES = "cividis"
"""Its lightness rises evenly, and it looks the same to the colour-blind."""
SHOWN = (2, 98)
"""Percentiles that the ends of a colour scale stand for, so that an outlier does not take all of it."""


class Panel(NamedTuple):
    """One colouring of a map."""

    name: str
    values: NDArray[Any]
    """``(n,)`` numbers, NaN where unknown; or names of classes, empty where there is none."""
    classes: Sequence[str] | None
    """The classes, the most common first; None for numbers."""
    skewed: bool = False


def map_figure(
    path: Path,
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    panels: Sequence[Panel],
    *,
    title: str | None = None,
) -> None:
    """Draw a map once for every colouring.

    Args:
        path: PNG, PDF or SVG.
        x: ``(n,)`` first coordinate.
        y: ``(n,)`` second coordinate.
        panels: the colourings.
        title: of the whole, such as what was embedded by which model.

    Raises:
        InputError: a file format that is none of the three.
    """
    check_format(path)
    across = min(len(panels), 3) or 1
    down = -(-max(len(panels), 1) // across)
    with mpl.rc_context(STYLE), atomic_path(path) as partial:
        figure = Figure(figsize=(4.2 * across, 4.0 * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            _draw_map(figure, axes, x, y, panel)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        if title is not None:
            figure.suptitle(title, fontsize=11, x=0.01, ha="left")
        figure.savefig(partial, dpi=200)


def _draw_map(
    figure: Figure, axes: Any, x: NDArray[np.floating], y: NDArray[np.floating], panel: Panel
) -> None:
    size = float(np.clip(9000 / max(1, len(x)), 0.8, 14))
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.set_title(panel.name.replace("_", " "), loc="left", fontsize=9)
    if panel.classes is None:
        _draw_quantity(figure, axes, x, y, panel, size)
    else:
        _draw_classes(axes, x, y, panel.values, panel.classes, size)


def _draw_quantity(
    figure: Figure,
    axes: Any,
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    panel: Panel,
    size: float,
) -> None:
    known = np.isfinite(panel.values)
    axes.scatter(x[~known], y[~known], s=size, c=NOTHING, lw=0, rasterized=True)
    if not known.any():
        return
    low, high = np.percentile(panel.values[known], SHOWN)
    scale = LogNorm if panel.skewed and low > 0 else Normalize
    points = axes.scatter(
        x[known], y[known], s=size, c=panel.values[known], lw=0, rasterized=True,
        cmap=QUANTITIES, norm=scale(low, high),
    )  # fmt: skip
    bar = figure.colorbar(points, ax=axes, shrink=0.6, aspect=25, extend="both")
    bar.outline.set_visible(False)
    if panel.skewed:  # few whole numbers instead of powers of ten
        bar.locator = LogLocator(subs=(1, 2, 5))
        bar.formatter = FuncFormatter(lambda value, _: f"{value:,.0f}")
        bar.minorticks_off()


def _draw_classes(
    axes: Any,
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    values: NDArray[Any],
    classes: Sequence[str],
    size: float,
) -> None:
    """Classes in colours; a legend names them, since their points lie among each other."""
    shown = list(classes[: len(PALETTE)])
    place = {name: number for number, name in enumerate(shown)}
    numbers = np.array([place.get(value, -1) for value in values])
    colours = np.array([*PALETTE, NOTHING])[np.where(numbers < 0, len(PALETTE), numbers)]
    order = np.argsort(numbers >= 0, kind="stable")  # the coloured ones above the others
    axes.scatter(x[order], y[order], s=size, c=colours[order], lw=0, rasterized=True)
    entries = [(name, colour) for name, colour in zip(shown, PALETTE, strict=False)]
    if (numbers < 0).any():
        entries.append(("other", NOTHING))
    for name, colour in entries:
        axes.scatter([], [], s=28, c=colour, label=name, lw=0)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=2 if max(map(len, shown), default=0) > 14 else 4,
        fontsize=8, frameon=False, handletextpad=0.1, columnspacing=1.0,
    )  # fmt: skip


SHOWN_RELATIONS = (
    ("all RNAs", "isoform", "an isoform, among all RNAs"),
    ("RNAs of other genes", "paralog", "a paralog, among RNAs of other genes"),
    ("RNAs of other species", "ortholog", "an ortholog, among RNAs of other species"),
)


def neighbours_figure(path: Path, metrics: pl.DataFrame) -> None:
    """Draw how often the nearest neighbour is a relative: by method, and by length of the RNA.

    Args:
        path: PNG, PDF or SVG.
        metrics: the rows of :class:`isoclr.latent.Retrieval`.

    Raises:
        InputError: a file format that is none of the three.
    """
    check_format(path)
    first = metrics.filter(pl.col("k") == 1)
    shown = [
        (title, first.filter(scope=scope, relation=relation))
        for scope, relation, title in SHOWN_RELATIONS
        if first.filter(scope=scope, relation=relation, metric="found").height
    ]
    methods = metrics["method"].unique(maintain_order=True).to_list()
    with mpl.rc_context(STYLE), atomic_path(path) as partial:
        width = max(1, len(shown))
        figure = Figure(
            figsize=(3.7 * width, 2.6 + 0.32 * len(methods) + 0.8), layout="constrained"
        )
        heights = (0.32 * len(methods) + 0.5, 2.4)
        grid = figure.subplots(2, width, squeeze=False, height_ratios=heights)
        for column, (title, rows) in enumerate(shown):
            _draw_found(grid[0, column], rows.filter(length="all"), methods, named=column == 0)
            _draw_by_length(grid[1, column], rows.filter(pl.col("length") != "all"), methods)
            grid[0, column].set_title(title, loc="left", fontsize=9)
        grid[1, 0].set_ylabel("share of RNAs that have one (%)")
        figure.savefig(partial, dpi=200)


def _draw_found(axes: Any, rows: pl.DataFrame, methods: Sequence[str], *, named: bool) -> None:
    """A point a method with its interval, and a line where candidates of like length would be."""
    for y, method in enumerate(methods):
        own = rows.filter(method=method, metric="found")
        for value, low, high in own.select("value", "low", "high").rows():
            colour = _colour(y)
            axes.plot([100 * low, 100 * high], [y, y], color=colour, lw=2, solid_capstyle="butt")
            axes.plot(100 * value, y, "o", color=colour, ms=6)
            axes.annotate(
                f"{100 * value:.1f}",
                (100 * value, y),
                (0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
    chance = rows.filter(metric="chance of like length")["value"]
    if len(chance):
        axes.axvline(100 * float(chance[0]), color=INK, lw=0.8, ls=":")
    axes.set_yticks(range(len(methods)), methods if named else [""] * len(methods))
    axes.set_ylim(len(methods) - 0.5, -0.8)
    axes.set_xlim(left=0)
    axes.margins(x=0.15)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of RNAs that have one (%); dotted: chance, of like length", fontsize=7)


def _draw_by_length(axes: Any, rows: pl.DataFrame, methods: Sequence[str]) -> None:
    bins = rows["length"].unique(maintain_order=True).to_list()
    bins.sort(key=lambda name: int(name.split()[0].replace(",", "")))
    for number, method in enumerate(methods):
        own = dict(rows.filter(method=method, metric="found").select("length", "value").rows())
        found = [100 * own.get(name, np.nan) for name in bins]
        axes.plot(range(len(bins)), found, "o-", color=_colour(number), ms=4, lw=1.5)
    alike = rows.filter(metric="chance of like length", method=methods[0])
    chance = dict(alike.select("length", "value").rows())
    axes.plot(
        range(len(bins)),
        [100 * (chance.get(name) or np.nan) for name in bins],
        ":",
        color=INK,
        lw=0.8,
    )
    axes.set_xticks(range(len(bins)), [name.split()[0] for name in bins])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length of the RNA (nt, from)")


def _colour(number: int) -> str:
    return PALETTE[number] if number < len(PALETTE) else OTHER
