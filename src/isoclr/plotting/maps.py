"""Maps of the embedding space, colored by numbers or classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import NDArray

from isoclr.plotting.style import NO_VALUE, PALETTE, saved_figure, shorten

QUANTITIES = "cividis"  # A colormap of evenly rising lightness, for every kind of color vision
COLOR_RANGE = (2, 98)  # Percentiles at the ends of a color scale, so that outliers do not take all of it

SHAPES = (0.4, 1.6)
"""Least and largest height of a panel relative to its width; between them, it is that of the map."""


class Panel(NamedTuple):
    """One coloring of a map."""

    name: str
    values: NDArray[Any]  # (n,) numbers, NaN where unknown; or names of classes, empty where there is none
    classes: Sequence[str] | None  # The classes, the most common first; None for numbers
    skewed: bool = False  # Whether a logarithmic scale suits the numbers


def map_figure(
    path: Path | Sequence[Path],
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    panels: Sequence[Panel],
    *,
    title: str | None = None,
) -> None:
    """Draw a map once for every coloring."""
    columns = 2 if len(panels) == 4 else min(len(panels), 3) or 1
    rows = -(-max(len(panels), 1) // columns)
    shape = np.clip(np.ptp(y) / (np.ptp(x) or 1.0), *SHAPES)
    with saved_figure(path, 4.2 * columns, (0.7 + 3.2 * shape) * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            _draw_map(figure, axes, x, y, panel)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        if title is not None:
            figure.suptitle(title, fontsize=11, x=0.01, ha="left")


def _draw_map(figure: Figure, axes: Any, x: NDArray[np.floating], y: NDArray[np.floating], panel: Panel) -> None:
    points = {"s": float(np.clip(16000 / max(1, len(x)), 1.6, 20)), "lw": 0, "rasterized": True}
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
    axes.spines[["bottom", "left"]].set_visible(False)
    has_value = np.isfinite(panel.values) if panel.classes is None else panel.values != ""
    name, known = panel.name.replace("_", " "), np.count_nonzero(has_value)
    of = "" if known == len(x) else f"\n{known:,} of {len(x):,} RNAs; grey: no value"
    axes.set_title(name + of, loc="left", fontsize=9)
    if panel.classes is None:
        _draw_quantity(figure, axes, x, y, panel, points)
    else:
        _draw_classes(axes, x, y, panel.values, panel.classes, points)


def _draw_quantity(figure: Figure, axes: Any, x: NDArray[Any], y: NDArray[Any], panel: Panel, points: Any) -> None:
    known = np.isfinite(panel.values)
    axes.scatter(x[~known], y[~known], c=NO_VALUE, **points)
    if not known.any():
        return
    low, high = np.percentile(panel.values[known], COLOR_RANGE)
    norm = (LogNorm if panel.skewed and low > 0 else Normalize)(low, high)
    values = panel.values[known]
    drawn = axes.scatter(x[known], y[known], c=values, cmap=QUANTITIES, norm=norm, **points)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.6, aspect=25, extend="both")
    bar.outline.set_visible(False)
    if panel.skewed:
        bar.locator = LogLocator(subs=(1, 2, 5))
        bar.formatter = FuncFormatter(lambda value, _: f"{value:,.0f}")
        bar.minorticks_off()


def _draw_classes(
    axes: Any, x: NDArray[Any], y: NDArray[Any], values: NDArray[Any], classes: Sequence[str], points: Any
) -> None:
    """Classes in colors above points without one, named in a legend."""
    shown = list(classes[: len(PALETTE)])
    index = {name: number for number, name in enumerate(shown)}
    numbers = np.array([index.get(value, -1) for value in values])
    colors = np.array([*PALETTE, NO_VALUE])[np.where(numbers < 0, len(PALETTE), numbers)]
    order = np.argsort(numbers >= 0, kind="stable")
    axes.scatter(x[order], y[order], c=colors[order], **points)
    entries = list(zip(shown, PALETTE, strict=False))
    if ((numbers < 0) & (values != "")).any():
        entries.append(("other", NO_VALUE))
    for name, color in entries:
        axes.scatter([], [], s=28, c=color, label=shorten(name, 48), lw=0)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=2 if max(map(len, shown), default=0) > 14 else 4,
        fontsize=8, frameon=False, handletextpad=0.1, columnspacing=1.0,
    )  # fmt: skip
