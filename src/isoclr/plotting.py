"""All figures: one palette, one style, and files whose bytes depend on the data alone."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.textpath import TextPath
from matplotlib.ticker import FuncFormatter, LogLocator
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from isoclr._io import as_paths, atomic_path, check_file
from isoclr.errors import InputError
from isoclr.tasks.metrics import Interval

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, INK, GREY = "#56B4E9", "#CC79A7", "#222222", "#8C8C8C"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, INK)
"""Okabe and Ito's colors without yellow, and a black; the model of interest is blue."""
NO_VALUE = "#D9D9D9"
"""Points without a value or class."""
MARKERS = ("o", "s", "D", "^", "P", "X", "v")
LINES: Sequence[Any] = ("-", "--", ":", "-.", (0, (8, 3)), (0, (8, 3, 2, 3)), "-")
QUANTITIES = "cividis"
"""A colormap of evenly rising lightness, for every kind of color vision."""

FIGURE_FORMATS = (".png", ".pdf", ".svg")
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "isoclr",
    "text.parse_math": False,  # names from data may contain dollar signs
}
_METADATA = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    ".svg": {"Date": None, "Creator": None},
}
"""Nothing that depends on the day or on matplotlib's version."""


def check_format(path: Path) -> None:
    """Refuse the name of a figure before anything is computed for it.

    Raises:
        InputError: a file format other than PNG, PDF and SVG, or a folder that cannot be written to.
    """
    if path.suffix.lower() not in FIGURE_FORMATS:
        raise InputError(f"{path}: a figure is written as {', '.join(FIGURE_FORMATS)}")
    check_file(path)


@contextmanager
def _saved(out: Path | Sequence[Path], width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches, written to one or more files at the end."""
    paths = as_paths(out)
    for path in paths:
        check_format(path)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        for path in paths:
            with atomic_path(path) as partial:
                figure.savefig(partial, dpi=200, metadata=_METADATA[path.suffix.lower()])


def _color(number: int) -> str:
    return PALETTE[number] if number < len(PALETTE) else GREY


def _list_rows(axes: Any, names: Sequence[str], **style: Any) -> None:
    """One row per name, from top to bottom."""
    axes.set_yticks(range(len(names)), [_shorten(name, 48) for name in names], **style)
    axes.set_ylim(len(names) - 0.5, -0.7)
    axes.tick_params(axis="y", length=0)


def _draw_interval(
    axes: Any,
    row: float,
    value: float,
    low: float | None,
    high: float | None,
    color: str,
    *,
    marker: str = "o",
    face: str | None = None,
    label: str = "",
) -> None:
    """A value with its interval in a row, and its number above."""
    if low is not None and high is not None and np.isfinite(low):
        axes.plot([low, high], [row, row], color=color, lw=2, solid_capstyle="butt")
    axes.plot(value, row, marker, color=color, mfc=face or color, ms=6)
    if label:
        text = label.replace("-", "−")
        axes.annotate(
            text, (value, row), (0, 6), textcoords="offset points", ha="center", fontsize=8
        )


def _shorten(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _reference_line(axes: Any, x: float) -> None:
    axes.axvline(x, color=INK, lw=0.8, ls=":", zorder=0)


# --- Values of several methods ---


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
    reference: float = 0.0
    """Position of a dotted line, such as chance."""
    legend: bool = True
    """Whether to explain the markers."""


_DOT_STYLE: Mapping[str, tuple[str, str, str]] = {
    "ours": (BLUE, "o", "this model"),
    "other": (GREY, "s", "compared with"),
    "published": (VERMILION, "D", "published, other RNAs and splits"),
}
"""Color, marker and meaning by kind."""


def dots_figure(out: Path | Sequence[Path], panels: Sequence[DotPanel]) -> None:
    """Draw values with intervals, panels side by side.

    Args:
        out: One or more files: PNG, PDF or SVG.
        panels: The panels.
    """
    rows = max(len({dot.name for dot in panel.dots}) for panel in panels)
    with _saved(out, 4.4 * len(panels) + 0.6, 1.3 + 0.28 * rows) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_dots(axes, panel)
        kinds = {dot.kind for panel in panels for dot in panel.dots}
        handles = [
            Line2D([], [], ls="", marker=marker, color=color, mfc=_face(kind), label=meaning)
            for kind, (color, marker, meaning) in _DOT_STYLE.items()
            if kind in kinds
        ]
        if any(panel.legend for panel in panels):
            figure.legend(
                handles=handles, loc="outside lower center", ncols=len(handles), frameon=False
            )


def _face(kind: str) -> str | None:
    return "none" if kind == "published" else None


def _draw_dots(axes: Any, panel: DotPanel) -> None:
    names = list(dict.fromkeys(dot.name for dot in panel.dots))
    for dot in panel.dots:
        color, marker, _ = _DOT_STYLE[dot.kind]
        label = "" if dot.kind == "published" else f"{dot.value:.3f}"
        row = names.index(dot.name)
        _draw_interval(
            axes, row, dot.value, dot.low, dot.high, color,
            marker=marker, face=_face(dot.kind), label=label,
        )  # fmt: skip
    _reference_line(axes, panel.reference)
    _list_rows(axes, names)
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

    @property
    def y_limits(self) -> tuple[float, float]:
        """Ends of the vertical axis: room for all means, not for the widest intervals."""
        means = [y for curve in self.curves for y in curve.y]
        margin = 0.25 * (max(means) - min(means)) + 0.05
        return min(0.0, *means) - margin / 2, max(means) + margin


def curves_figure(out: Path | Sequence[Path], panels: Sequence[CurvePanel]) -> None:
    """Draw curves with intervals, panels side by side.

    Args:
        out: One or more files: PNG, PDF or SVG.
        panels: The panels.
    """
    with _saved(out, 5.6 * len(panels), 3.8) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_curves(axes, panel)


def _draw_curves(axes: Any, panel: CurvePanel) -> None:
    ends = []
    for number, curve in enumerate(panel.curves):
        color, style = _color(number), number % len(PALETTE)
        axes.plot(
            curve.x, curve.y, color=color, ls=LINES[style], marker=MARKERS[style], ms=5, lw=1.6
        )
        for x, low, high in zip(curve.x, curve.low, curve.high, strict=True):
            if low is not None and high is not None:
                axes.plot([x, x], [low, high], color=color, lw=1, alpha=0.6)
        ends.append((curve.y[-1], curve.x[-1], curve.name, color))
    ticks = sorted({x for curve in panel.curves for x in curve.x})
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
    axes.minorticks_off()
    axes.set(ylim=panel.y_limits, xlabel=panel.x_axis, ylabel=panel.y_axis)
    axes.set_title(panel.title, fontsize=9, loc="left")
    _label_ends(axes, sorted(ends))


def _label_ends(axes: Any, ends: list[tuple[float, float, str, str]]) -> None:
    """Names at the ends of curves, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    distance, last = (high - low) * 0.05, float("-inf")
    for y, x, name, color in ends:
        last = max(y, last + distance)
        axes.annotate(
            _shorten(name, 48), (x, y), (x * 1.18, last), textcoords="data", color=color, size=8, va="center",
            annotation_clip=False,
        )  # fmt: skip


class ScatterPanel(NamedTuple):
    """Predictions of a label against its measured values."""

    label: str
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]


def predictions_figure(out: Path | Sequence[Path], panels: Sequence[ScatterPanel]) -> None:
    """Draw predicted over measured labels, panels side by side.

    Args:
        out: One or more files: PNG, PDF or SVG.
        panels: The panels.
    """
    with _saved(out, 3.6 * len(panels), 3.6) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_predictions(axes, *panel)


# --- Probes ---


class Bar(NamedTuple):
    """A feature set and the accuracy of a probe on it."""

    name: str
    value: Interval


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
    """Draw the accuracy of every feature set with its interval, and predicted over measured labels.

    Args:
        path: PNG, PDF or SVG.
        bars: The embedding first, then the baselines.
        metric: Name of the metric, such as ``Pearson R``.
        label: Name of the label.
        true: ``(n,)`` held-out labels, in standard deviations from the training mean.
        predicted: ``(n,)`` predictions from the embedding.
        note: How the samples were split, and what the intervals are.

    Raises:
        InputError: another file format.
    """
    with _saved(path, 8.4, 3.6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        _draw_bars(left, bars, metric)
        _draw_predictions(right, label, true, predicted)
        figure.suptitle(f"{label}: {note}", fontsize=9, x=0.01, ha="left")


def _draw_bars(axes: Any, bars: Sequence[Bar], metric: str) -> None:
    for row, (_, value) in enumerate(bars):
        color = BLUE if row == 0 else GREY
        _draw_interval(
            axes, row, value.mean, value.low, value.high, color, label=f"{value.mean:.2f}"
        )
    _reference_line(axes, 0.5 if "AUC" in metric else 0.0)
    _list_rows(axes, [bar.name for bar in bars])
    axes.set_xlabel(f"{metric} on held-out genes (95 % interval)")
    axes.margins(x=0.08)


def _draw_predictions(
    axes: Any, label: str, true: NDArray[np.float64], predicted: NDArray[np.float64]
) -> None:
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
        path: PNG, PDF or SVG.
        rows: The rows of an ontology report; the mean over terms comes first.

    Raises:
        InputError: another file format.
    """
    rows = [row for row in rows if row["metric"] == "roc_auc"]
    hierarchies = list(dict.fromkeys(row["hierarchy"] for row in rows))
    with _saved(path, 4.2 * len(hierarchies), 4.4) as figure:
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
        color, marker = _color(i), MARKERS[i % len(MARKERS)]
        axes.hlines(y, [r["low"] for r in own], [r["high"] for r in own], color=color, lw=1.2)
        axes.plot([r["value"] for r in own], y, marker, color=color, ms=4, label=method)
    _list_rows(axes, [f"{_shorten(term, 34)} ({sizes[term]:,})" for term in terms], fontsize=7)
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.axhline(0.5, color=INK, lw=0.6)
    _reference_line(axes, 0.5)
    axes.set_title(hierarchy.replace("_", " "), fontsize=9, loc="left")


# --- Maps of the embedding space ---

COLOR_RANGE = (2, 98)
"""Percentiles at the ends of a color scale, so that outliers do not take all of it."""


class Panel(NamedTuple):
    """One coloring of a map."""

    name: str
    values: NDArray[Any]
    """``(n,)`` numbers, NaN where unknown; or names of classes, empty where there is none."""
    classes: Sequence[str] | None
    """The classes, the most common first; None for numbers."""
    skewed: bool = False
    """Whether a logarithmic scale suits the numbers."""


def map_figure(
    path: Path | Sequence[Path],
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    panels: Sequence[Panel],
    *,
    title: str | None = None,
) -> None:
    """Draw a map once for every coloring.

    Args:
        path: One or more files: PNG, PDF or SVG.
        x: ``(n,)`` first coordinate.
        y: ``(n,)`` second coordinate.
        panels: The colorings.
        title: Title of the figure, such as the model's name.

    Raises:
        InputError: another file format.
    """
    columns = min(len(panels), 3) or 1
    rows = -(-max(len(panels), 1) // columns)
    with _saved(path, 4.2 * columns, 3.9 * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            _draw_map(figure, axes, x, y, panel)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        if title is not None:
            figure.suptitle(title, fontsize=11, x=0.01, ha="left")


def _draw_map(
    figure: Figure, axes: Any, x: NDArray[np.floating], y: NDArray[np.floating], panel: Panel
) -> None:
    points = {"s": float(np.clip(16000 / max(1, len(x)), 1.6, 20)), "lw": 0, "rasterized": True}
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.set_title(panel.name.replace("_", " "), loc="left", fontsize=9)
    if panel.classes is None:
        _draw_quantity(figure, axes, x, y, panel, points)
    else:
        _draw_classes(axes, x, y, panel.values, panel.classes, points)


def _draw_quantity(
    figure: Figure, axes: Any, x: NDArray[Any], y: NDArray[Any], panel: Panel, points: Any
) -> None:
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
    axes: Any,
    x: NDArray[Any],
    y: NDArray[Any],
    values: NDArray[Any],
    classes: Sequence[str],
    points: Any,
) -> None:
    """Classes in colors above points without one, named in a legend."""
    shown = list(classes[: len(PALETTE)])
    index = {name: number for number, name in enumerate(shown)}
    numbers = np.array([index.get(value, -1) for value in values])
    colors = np.array([*PALETTE, NO_VALUE])[np.where(numbers < 0, len(PALETTE), numbers)]
    order = np.argsort(numbers >= 0, kind="stable")
    axes.scatter(x[order], y[order], c=colors[order], **points)
    entries = list(zip(shown, PALETTE, strict=False))
    if (numbers < 0).any():
        entries.append(("other", NO_VALUE))
    for name, color in entries:
        axes.scatter([], [], s=28, c=color, label=_shorten(name, 48), lw=0)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=2 if max(map(len, shown), default=0) > 14 else 4,
        fontsize=8, frameon=False, handletextpad=0.1, columnspacing=1.0,
    )  # fmt: skip


# --- Retrieval ---

_RELATIONS = (
    ("all RNAs", "isoform", "nearest RNA is an isoform"),
    ("RNAs of other genes", "paralog", "nearest RNA of other genes is a paralog"),
    ("RNAs of other species", "ortholog", "nearest RNA of other species is an ortholog"),
)


def neighbours_figure(path: Path, metrics: pl.DataFrame) -> None:
    """Draw how often the nearest neighbor is a relative: by method, and by length of the RNA.

    Args:
        path: PNG, PDF or SVG.
        metrics: The rows of a retrieval report.

    Raises:
        InputError: another file format.
    """
    first = metrics.filter(pl.col("k") == 1)
    shown = [
        (title, rows)
        for scope, relation, title in _RELATIONS
        if (rows := first.filter(scope=scope, relation=relation)).filter(metric="hit rate").height
    ]
    methods = metrics["method"].unique(maintain_order=True).to_list()
    columns = max(1, len(shown))
    heights = (0.34 * len(methods) + 0.6, 2.4)
    with _saved(path, 3.7 * columns, sum(heights) + 1.3) as figure:
        grid = figure.subplots(2, columns, squeeze=False, height_ratios=heights)
        for column, (title, rows) in enumerate(shown):
            _draw_hits(grid[0, column], rows.filter(length="all"), methods, named=column == 0)
            _draw_by_length(grid[1, column], rows.filter(pl.col("length") != "all"), methods)
            grid[0, column].set_title(title, loc="left", fontsize=9)
        grid[1, 0].set_ylabel("hit rate (%)")
        handles, labels = grid[1, 0].get_legend_handles_labels()
        figure.legend(
            handles[::-1], labels[::-1], loc="outside lower center", ncols=4, frameon=False
        )


def _draw_hits(axes: Any, rows: pl.DataFrame, methods: Sequence[str], *, named: bool) -> None:
    """The share of every method with its interval, and that of a random RNA of similar length."""
    for row, method in enumerate(methods):
        own = rows.filter(method=method, metric="hit rate")
        for columns in (own.select("value", "low", "high") * 100).rows():
            value, low, high = map(float, columns)
            _draw_interval(axes, row, value, low, high, _color(row), label=f"{value:.1f}")
    chance = rows.filter(metric="length-matched chance")["value"].drop_nulls()
    if len(chance):
        _reference_line(axes, 100 * float(chance[0]))
    _list_rows(axes, methods if named else [""] * len(methods))
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    n = rows.filter(metric="hit rate", method=methods[0])["n"].first()
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
        axes.plot(
            x, y, "-", marker=marker, color=_color(number), ms=4, lw=1.5, label=_shorten(method, 48)
        )
    axes.set_xticks(x, [name.split()[0] for name in bins])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length of the RNA (nt, from)")


# --- In-silico mutagenesis ---

LETTERS = {"A": GREEN, "C": BLUE, "G": ORANGE, "U": VERMILION, "N": GREY}
UTR, CODING = "#BDBDBD", "#4D4D4D"
ZOOM = 120
"""nt of the stretch that is drawn base by base."""
SMOOTH = 25
"""nt of the running mean in the overview."""


def mutation_figure(
    path: Path | Sequence[Path],
    *,
    title: str,
    bases: NDArray[np.uint8],
    effects: NDArray[np.float32],
    importance: NDArray[np.float32],
    coding: tuple[int, int],
    exon_ends: NDArray[np.int64],
    zoom: tuple[int, int] | None = None,
) -> None:
    """Draw a whole RNA with its exons and coding sequence, and a stretch of it base by base.

    Args:
        path: One or more files: PNG, PDF or SVG.
        title: Name of the RNA and of the prediction.
        bases: ``(L,)`` nucleotide codes.
        effects: ``(L, 4)`` change of the prediction by a mutation to A, C, G, U.
        importance: ``(L,)`` minus the mean effect of a base's mutations.
        coding: First base and end of the coding sequence (0-based, half-open); (0, 0): none.
        exon_ends: 0-based positions of the exons' last bases.
        zoom: First and last base (1-based) of the stretch; None: the :data:`ZOOM` nt of largest importance.

    Raises:
        InputError: another file format.
    """
    first, end = (zoom[0] - 1, zoom[1]) if zoom is not None else most_important(importance)
    with _saved(path, 10, 5.6) as figure:
        axes = figure.subplots(4, 1, height_ratios=(0.35, 1.3, 1.3, 0.7))
        _draw_structure(axes[0], len(bases), coding, exon_ends)
        _draw_overview(axes[1], importance, (first, end))
        _draw_logo(axes[2], bases, importance, first, end)
        image = _draw_effects(axes[3], bases, effects, first, end)
        bar = figure.colorbar(image, ax=list(axes), shrink=0.2, anchor=(0, 0), aspect=8)
        bar.set_label("effect of the mutation\n(above 0: raises\nthe prediction)", fontsize=7)
        bar.outline.set_visible(False)
        axes[0].set_title(title, loc="left", fontsize=9)


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
    """The RNA as a bar: thin untranslated regions, a thick coding sequence, ticks at exon junctions."""
    axes.add_patch(Rectangle((0.5, 0.35), length, 0.3, color=UTR, lw=0))
    start, end = coding
    centered: Any = {"ha": "center", "va": "center"}
    if end:
        axes.add_patch(Rectangle((start + 0.5, 0.1), end - start, 0.8, color=CODING, lw=0))
        axes.text((start + end) / 2, 0.5, "CDS", color="white", fontsize=8, **centered)
        for name, low, high in (("5' UTR", 0, start), ("3' UTR", end, length)):
            if high - low > 0.06 * length:
                axes.text((low + high) / 2, 0.5, name, color=INK, fontsize=7, **centered)
    for junction in exon_ends[exon_ends < length - 1].tolist():
        axes.plot([junction + 1.5] * 2, [0.92, 1.15], color=INK, lw=0.8, clip_on=False)
    axes.set(xlim=(0.5, length + 0.5), ylim=(0, 1.2))
    axes.set_axis_off()


def _draw_overview(axes: Any, importance: NDArray[np.floating], stretch: tuple[int, int]) -> None:
    """Every base as a thin line, and their running mean."""
    length = len(importance)
    x = np.arange(1, length + 1)
    axes.axvspan(stretch[0] + 0.5, stretch[1] + 0.5, color="#F2E6C9", lw=0)
    axes.vlines(x, 0, importance, color=GREY, lw=min(1.0, 600 / length), rasterized=True)
    if length > SMOOTH:
        window = np.ones(SMOOTH)
        counts = np.convolve(np.ones(length), window, "same")
        axes.plot(x, np.convolve(importance, window, "same") / counts, color=BLUE, lw=1.2)
        axes.annotate(
            f"mean of {SMOOTH} nt", (1, 1), xycoords="axes fraction", ha="right", va="bottom",
            color=BLUE, fontsize=7,
        )  # fmt: skip
    axes.annotate(
        "importance: minus the mean effect of a base's mutations; above 0 the base raises the prediction",
        (0, 1), xycoords="axes fraction", va="bottom", color=INK, fontsize=7,
    )  # fmt: skip
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
    margin = 0.08 * (high - low) or 1.0
    axes.axhline(0, color=INK, lw=0.6)
    axes.set(xlim=(first + 0.5, end + 0.5), ylim=(low - margin, high + margin), xticks=[])
    axes.set_ylabel("importance")


def _draw_letter(axes: Any, letter: str, left: float, height: float) -> None:
    if height:
        outline = _OUTLINES.setdefault(letter, _outline(letter))
        fitted = Affine2D().scale(0.92, height).translate(left + 0.04, 0.0) + axes.transData
        axes.add_patch(PathPatch(outline, color=LETTERS[letter], lw=0, transform=fitted))


def _outline(letter: str) -> Any:
    """A letter's outline in a box of width and height 1."""
    font = FontProperties(family="DejaVu Sans", weight="bold")
    path = TextPath((0, 0), letter, size=1, prop=font)
    box = path.get_extents()
    fit = Affine2D().translate(-box.x0, -box.y0).scale(1 / box.width, 1 / box.height)
    return path.transformed(fit)


_OUTLINES: dict[str, Any] = {}


def _draw_effects(
    axes: Any, bases: NDArray[np.uint8], effects: NDArray[np.floating], first: int, end: int
) -> Any:
    """The effect of every mutation of the stretch; a dot marks the RNA's own base."""
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
    """Mean effect of an inserted motif beyond its control."""

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
        effects: One per motif.
        target: Name of the prediction.

    Raises:
        InputError: another file format.
    """
    with _saved(path, 7.2, 1.0 + 0.3 * len(effects)) as figure:
        axes: Any = figure.subplots()
        limit = _axis_limit(effects)
        for row, effect in enumerate(effects):
            _draw_effect(axes, row, effect, limit)
        _reference_line(axes, 0)
        _list_rows(axes, [f"{effect.motif} ({effect.region})" for effect in effects])
        axes.set_xlim(-1.05 * limit, 1.05 * limit)
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel(f"{target}: motif minus scrambled control (95 % interval)")


FAR = 4.0
"""An effect this many times the median is drawn at the edge, so that the others can be seen."""


def _axis_limit(effects: Sequence[Effect]) -> float:
    ends = sorted(max(abs(effect.low), abs(effect.high)) for effect in effects)
    near = [end for end in ends if end <= FAR * ends[len(ends) // 2]]
    return float(max(near, default=0.0)) or 1.0


def _draw_effect(axes: Any, row: int, effect: Effect, limit: float) -> None:
    """A point with its interval and number; a triangle at the edge for an effect beyond it."""
    color = BLUE if effect.low > 0 or effect.high < 0 else GREY
    if abs(effect.value) > limit:
        marker = ">" if effect.value > 0 else "<"
        axes.plot(np.sign(effect.value) * limit, row, marker, color=color, ms=7)
    else:
        low, high = np.clip([effect.low, effect.high], -limit, limit)
        _draw_interval(axes, row, effect.value, low, high, color)
    axes.annotate(
        f"{effect.value:+.2g}", (1.01, row), xycoords=("axes fraction", "data"),
        va="center", fontsize=8, annotation_clip=False,
    )  # fmt: skip
