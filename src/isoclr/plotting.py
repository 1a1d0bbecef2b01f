"""The probe's figure: how well each kind of feature predicts, and what the predictions look like."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.textpath import TextPath
from matplotlib.ticker import FuncFormatter, LogLocator
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from isoclr._io import atomic_path, check_file
from isoclr.errors import InputError
from isoclr.tasks.metrics import Interval

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, INK, GREY = "#56B4E9", "#CC79A7", "#222222", "#8C8C8C"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK, GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star", "hexagon")
MARKERS = ("o", "s", "D", "^", "X", "P", "*", "h")
"""matplotlib's for ``SYMBOLS``."""
LINES = ("-", "--", ":", "-.", (0, (8, 3)), (0, (8, 3, 2, 3)), "-", "--")
"""matplotlib's for ``DASHES``."""

EMBEDDING, OTHER = BLUE, GREY
"""Blue of Okabe and Ito's palette, and greys: told apart by lightness alone."""

FIGURE_FORMATS = (".png", ".pdf", ".svg")
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "svg.fonttype": "none",
}


class Bar(NamedTuple):
    """One kind of feature and how well it does."""

    name: str
    value: Interval


def check_format(path: Path) -> None:
    """Refuse a figure's name before anything is computed for it.

    Raises:
        InputError: a file format that is none of PNG, PDF and SVG, or a folder that cannot be written to.
    """
    if path.suffix.lower() not in FIGURE_FORMATS:
        raise InputError(f"{path}: a figure is written as {', '.join(FIGURE_FORMATS)}")
    check_file(path)


def probe_figure(
    path: Path,
    *,
    bars: Sequence[Bar],
    metric: str,
    label: str,
    true: NDArray[np.float64],
    predicted: NDArray[np.float64],
    note: str,
) -> None:
    """Draw a metric with its interval for every kind of feature, beside predicted and true labels.

    Args:
        path: PNG, PDF or SVG.
        bars: the embedding first, then what it is compared with.
        metric: what is drawn, such as ``Pearson R``.
        label: name of the label.
        true: ``(n,)`` held-out labels, in standard deviations from the training mean.
        predicted: ``(n,)`` the embedding's predictions of them.
        note: how the samples were split and what the intervals are.

    Raises:
        InputError: a file format that is none of the three.
    """
    check_format(path)
    with mpl.rc_context(STYLE), atomic_path(path) as partial:
        figure = Figure(figsize=(8.4, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        _draw_bars(left, bars, metric)
        _draw_predictions(right, label, true, predicted)
        figure.suptitle(f"{label}: {note}", fontsize=9, x=0.01, ha="left")
        figure.savefig(partial, dpi=200)


def _draw_bars(axes: Any, bars: Sequence[Bar], metric: str) -> None:
    """A point and its interval a row, with the number beside it."""
    chance = 0.5 if "AUC" in metric else 0.0
    for row, value in enumerate(bar.value for bar in bars):
        colour = EMBEDDING if row == 0 else OTHER
        if np.isfinite(value.low):
            axes.plot(
                [value.low, value.high], [row, row], color=colour, lw=2, solid_capstyle="butt"
            )
        axes.plot(value.mean, row, "o", color=colour, ms=7)
        axes.annotate(
            f"{value.mean:.2f}", (value.mean, row), (0, 7), textcoords="offset points", ha="center"
        )
    axes.axvline(chance, color=INK, lw=0.8, ls=":")
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
    axes.set_ylim(len(bars) - 0.5, -0.6)
    axes.set_xlabel(f"{metric} on held-out genes (95 % interval)")
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)


def _draw_predictions(
    axes: Any, label: str, true: NDArray[np.float64], predicted: NDArray[np.float64]
) -> None:
    """Predictions over the truth; a two-class label as one row of points a class."""
    classes = np.unique(true)
    x = true
    if len(classes) == 2:
        jitter = np.random.default_rng(0).uniform(-0.3, 0.3, len(true))
        x = (true == classes[1]) + jitter
        axes.set_xticks([0, 1], ["smaller", "larger"])
        axes.set_ylabel("score predicted from the embedding")
    else:
        low, high = np.percentile(np.concatenate([true, predicted]), [0.2, 99.8])
        axes.axline((0, 0), slope=1, color=INK, lw=0.8, ls=":")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_ylabel("predicted from the embedding (SD)")
    size = float(np.clip(4000 / max(1, len(true)), 3, 18))
    axes.scatter(x, predicted, s=size, color=EMBEDDING, alpha=0.35, lw=0, rasterized=True)
    axes.set_xlabel(f"measured {label.replace('_', ' ')}" + (" (SD)" if len(classes) > 2 else ""))
    axes.set_title(f"{len(true):,} held-out RNAs", fontsize=9, loc="left")


CLASS_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
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
    shown = list(classes[: len(CLASS_COLORS)])
    place = {name: number for number, name in enumerate(shown)}
    numbers = np.array([place.get(value, -1) for value in values])
    colours = np.array([*CLASS_COLORS, NOTHING])[np.where(numbers < 0, len(CLASS_COLORS), numbers)]
    order = np.argsort(numbers >= 0, kind="stable")  # the coloured ones above the others
    axes.scatter(x[order], y[order], s=size, c=colours[order], lw=0, rasterized=True)
    entries = [(name, colour) for name, colour in zip(shown, CLASS_COLORS, strict=False)]
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
        metrics: the rows of :class:`isoclr.analysis.neighbors.Retrieval`.

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
    return CLASS_COLORS[number] if number < len(CLASS_COLORS) else OTHER


LETTERS = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "U": "#D55E00", "N": OTHER}
"""Okabe and Ito's green, blue, orange and vermilion; the letter itself tells the base."""
UTR, CODING = "#BDBDBD", "#4D4D4D"
ZOOM = 120
SMOOTH = 25
"""nt over which the overview is averaged."""


def mutation_figure(
    path: Path,
    *,
    title: str,
    bases: NDArray[np.uint8],
    effects: NDArray[np.float32],
    importance: NDArray[np.float32],
    coding: tuple[int, int],
    exon_ends: NDArray[np.int64],
    zoom: tuple[int, int] | None = None,
) -> None:
    """Draw the whole RNA with its exons and coding sequence, and a stretch of it base by base.

    Args:
        path: PNG, PDF or SVG.
        title: the RNA and what is predicted.
        bases: ``(L,)`` nucleotide codes.
        effects: ``(L, 4)`` change of the prediction by a mutation to A, C, G, U.
        importance: ``(L,)`` minus the mean effect of a base's mutations.
        coding: first base and end of the coding sequence (0-based, half-open); (0, 0): none.
        exon_ends: 0-based positions of the exons' last bases.
        zoom: first and last base (from 1) of the stretch; None: the :data:`ZOOM` nt of the largest importance.

    Raises:
        InputError: a file format that is none of the three.
    """
    check_format(path)
    first, end = (zoom[0] - 1, zoom[1]) if zoom is not None else most_important(importance)
    with mpl.rc_context(STYLE), atomic_path(path) as partial:
        figure = Figure(figsize=(10, 5.6), layout="constrained")
        track, whole, logo, grid = figure.subplots(4, 1, height_ratios=(0.35, 1.3, 1.3, 0.7))
        _draw_structure(track, len(bases), coding, exon_ends)
        _draw_overview(whole, importance, (first, end))
        _draw_logo(logo, bases, importance, first, end)
        image = _draw_grid(grid, bases, effects, first, end)
        bar = figure.colorbar(
            image, ax=[track, whole, logo, grid], shrink=0.2, anchor=(0, 0), aspect=8
        )
        bar.set_label("effect", fontsize=7)
        bar.outline.set_visible(False)
        track.set_title(title, loc="left", fontsize=9)
        figure.savefig(partial, dpi=200)


def most_important(importance: NDArray[np.floating], width: int = ZOOM) -> tuple[int, int]:
    """First base and end of the stretch with the largest sum of absolute importance.

    >>> most_important(np.array([0.0, 1.0, -3.0, 2.0, 0.0]), width=2)
    (2, 4)
    """
    if len(importance) <= width:
        return 0, len(importance)
    sums = np.cumsum(np.append(0.0, abs(importance)))
    first = int(np.argmax(sums[width:] - sums[:-width]))
    return first, first + width


def _draw_structure(
    axes: Any, length: int, coding: tuple[int, int], exon_ends: NDArray[np.int64]
) -> None:
    """The RNA as a bar: thin untranslated regions, a thick coding sequence, ticks where exons meet."""
    axes.add_patch(Rectangle((0.5, 0.35), length, 0.3, color=UTR, lw=0))
    start, end = coding
    if end:
        axes.add_patch(Rectangle((start + 0.5, 0.1), end - start, 0.8, color=CODING, lw=0))
        axes.text(
            (start + end) / 2, 0.5, "CDS", color="white", ha="center", va="center", fontsize=8
        )
        regions = (("5' UTR", 0, start), ("3' UTR", end, length))
        for name, low, high in regions:
            if high - low > 0.06 * length:
                axes.text(
                    (low + high) / 2, 0.5, name, color=INK, ha="center", va="center", fontsize=7
                )
    for junction in exon_ends[exon_ends < length - 1].tolist():
        axes.plot([junction + 1.5] * 2, [0.92, 1.15], color=INK, lw=0.8, clip_on=False)
    axes.set(xlim=(0.5, length + 0.5), ylim=(0, 1.2))
    axes.set_axis_off()


def _draw_overview(axes: Any, importance: NDArray[np.floating], stretch: tuple[int, int]) -> None:
    """Every base as a thin line, and their running mean."""
    length = len(importance)
    x = np.arange(1, length + 1)
    axes.axvspan(stretch[0] + 0.5, stretch[1] + 0.5, color="#F2E6C9", lw=0)
    axes.vlines(x, 0, importance, color=OTHER, lw=min(1.0, 600 / length), rasterized=True)
    if length > SMOOTH:
        window = np.ones(SMOOTH)
        mean = np.convolve(importance, window, "same") / np.convolve(
            np.ones(length), window, "same"
        )
        axes.plot(x, mean, color=EMBEDDING, lw=1.2)
        axes.annotate(
            f"mean of {SMOOTH} nt",
            (1, 1),
            xycoords="axes fraction",
            ha="right",
            va="bottom",
            color=EMBEDDING,
            fontsize=7,
        )
    axes.axhline(0, color=INK, lw=0.6)
    axes.set_xlim(0.5, length + 0.5)
    axes.set_ylabel("importance")
    axes.set_xlabel("position (nt from the 5' end)", fontsize=8)


def _draw_logo(
    axes: Any, bases: NDArray[np.uint8], importance: NDArray[np.floating], first: int, end: int
) -> None:
    """Letters as high as the base is important, below the line where it lowers the prediction."""
    for position in range(first, end):
        _draw_letter(axes, "ACGUN"[bases[position]], position + 0.5, float(importance[position]))
    shown = importance[first:end]
    low, high = min(0.0, float(shown.min())), max(0.0, float(shown.max()))
    room = 0.08 * (high - low) or 1.0
    axes.axhline(0, color=INK, lw=0.6)
    axes.set(xlim=(first + 0.5, end + 0.5), ylim=(low - room, high + room), xticks=[])
    axes.set_ylabel("importance")


def _draw_letter(axes: Any, letter: str, left: float, height: float) -> None:
    if height:
        outline = _OUTLINES.setdefault(letter, _outline(letter))
        fitted = Affine2D().scale(0.92, height).translate(left + 0.04, 0.0) + axes.transData
        axes.add_patch(PathPatch(outline, color=LETTERS[letter], lw=0, transform=fitted))


def _outline(letter: str) -> Any:
    """A letter's outline in a box of width and height 1."""
    path = TextPath(
        (0, 0), letter, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold")
    )
    box = path.get_extents()
    fit = Affine2D().translate(-box.x0, -box.y0).scale(1 / box.width, 1 / box.height)
    return path.transformed(fit)


_OUTLINES: dict[str, Any] = {}


def _draw_grid(
    axes: Any, bases: NDArray[np.uint8], effects: NDArray[np.floating], first: int, end: int
) -> Any:
    """The effect of every mutation of the stretch; a dot marks the base that is there."""
    shown = effects[first:end].T
    limit = float(np.percentile(abs(shown[shown != 0]), 99)) if (shown != 0).any() else 1.0
    image = axes.imshow(
        shown, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest",
        extent=(first + 0.5, end + 0.5, 3.5, -0.5),
    )  # fmt: skip
    known = bases[first:end] < 4
    axes.plot(np.arange(first + 1, end + 1)[known], bases[first:end][known], ".", color=INK, ms=2)
    axes.set_yticks(range(4), list("ACGU"))
    axes.set_xlabel("position (nt from the 5' end)")
    return image


class Effect(NamedTuple):
    """What a planted motif does."""

    motif: str
    region: str
    value: float
    low: float
    high: float
    n: int


def motif_figure(path: Path, effects: Sequence[Effect], *, target: str) -> None:
    """Draw the mean effect of every motif beyond its control, with its interval.

    Args:
        path: PNG, PDF or SVG.
        effects: one a motif.
        target: what is predicted.

    Raises:
        InputError: a file format that is none of the three.
    """
    check_format(path)
    with mpl.rc_context(STYLE), atomic_path(path) as partial:
        figure = Figure(figsize=(7.2, 1.0 + 0.3 * len(effects)), layout="constrained")
        axes = figure.subplots()
        edge = _edge(effects)
        for row, effect in enumerate(effects):
            _draw_effect(axes, row, effect, edge)
        axes.axvline(0, color=INK, lw=0.8, ls=":")
        names = [f"{effect.motif} ({effect.region})" for effect in effects]
        axes.set_yticks(range(len(effects)), names)
        axes.set(ylim=(len(effects) - 0.5, -0.6), xlim=(-1.05 * edge, 1.05 * edge))
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel(f"{target}: motif minus scrambled control (95 % interval)")
        figure.savefig(partial, dpi=200)


FAR = 4.0
"""An effect this many times as large as the median one is drawn at the edge, so that the others can be seen."""


def _edge(effects: Sequence[Effect]) -> float:
    """Where the axis ends."""
    ends = sorted(max(abs(effect.low), abs(effect.high)) for effect in effects)
    near = [end for end in ends if end <= FAR * ends[len(ends) // 2]]
    return float(max(near, default=0.0)) or 1.0


def _draw_effect(axes: Any, row: int, effect: Effect, edge: float) -> None:
    """A point with its interval and its number; a triangle at the edge for what lies beyond it."""
    colour = EMBEDDING if effect.low > 0 or effect.high < 0 else OTHER
    if abs(effect.value) > edge:
        sign = np.sign(effect.value)
        axes.plot(sign * edge, row, ">" if sign > 0 else "<", color=colour, ms=7)
    else:
        ends = np.clip([effect.low, effect.high], -edge, edge)
        axes.plot(ends, [row, row], color=colour, lw=2, solid_capstyle="butt")
        axes.plot(effect.value, row, "o", color=colour, ms=6)
    axes.annotate(
        f"{effect.value:+.2g}", (1.01, row), xycoords=("axes fraction", "data"),
        va="center", fontsize=8, annotation_clip=False,
    )  # fmt: skip


METHOD_COLORS = ("#0072B2", "#8C8C8C", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, the embedding's blue first, and a grey for the untrained encoder."""
METHOD_MARKERS = "osD^vPX"


def ontology_figure(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw the mean ROC AUC of every hierarchy and kind of feature with its interval, and that of every class.

    Args:
        path: PNG, PDF or SVG.
        rows: what :meth:`isoclr.probing.report.OntologyReport.rows` gives.

    Raises:
        InputError: a file format that is none of the three.
    """
    check_format(path)
    shown = [row for row in rows if row["metric"] == "roc_auc"]
    spaces = list(dict.fromkeys(row["hierarchy"] for row in shown))
    with mpl.rc_context(STYLE), atomic_path(path) as partial:
        figure = Figure(figsize=(4.2 * len(spaces), 4.4), layout="constrained")
        axes = figure.subplots(1, len(spaces), sharex=True, squeeze=False)[0]
        for one, space in zip(axes, spaces, strict=True):
            _draw_hierarchy(one, space, [row for row in shown if row["hierarchy"] == space])
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        axes[len(axes) // 2].set_xlabel("ROC AUC on held-out genes (95 % interval)")
        figure.savefig(partial, dpi=200)


def _draw_hierarchy(axes: Any, space: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """A line a class, the mean of all on top; a marker a kind of feature."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    terms = list(dict.fromkeys(row["term"] for row in rows))
    step = 0.6 / max(1, len(methods) - 1)
    for i, method in enumerate(methods):
        own = [row for row in rows if row["method"] == method]
        at = [terms.index(row["term"]) - 0.3 + i * step for row in own]
        colour, marker = (
            METHOD_COLORS[i % len(METHOD_COLORS)],
            METHOD_MARKERS[i % len(METHOD_MARKERS)],
        )
        axes.hlines(at, [r["low"] for r in own], [r["high"] for r in own], color=colour, lw=1.2)
        axes.plot([r["value"] for r in own], at, marker, color=colour, ms=4, label=method)
    sizes = {row["term"]: row["n"] for row in rows}
    axes.set_yticks(range(len(terms)), [f"{_short(t)} ({sizes[t]:,})" for t in terms], fontsize=7)
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.set_ylim(len(terms) - 0.4, -0.6)
    axes.axhline(0.5, color=INK, lw=0.6)
    axes.axvline(0.5, color=INK, lw=0.8, ls=":")
    axes.tick_params(axis="y", length=0)
    axes.set_title(space.replace("_", " "), fontsize=9, loc="left")


def _short(term: str, longest: int = 34) -> str:
    return term if len(term) <= longest else term[: longest - 1] + "…"
