"""The probe's figure: how well each kind of feature predicts, and what the predictions look like."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.files import atomic_path, check_file
from isoclr.tasks.metrics import Interval

EMBEDDING, OTHER, INK = "#0072B2", "#8C8C8C", "#222222"
"""Blue of Okabe and Ito's palette, and greys: told apart by lightness alone."""

FORMATS = (".png", ".pdf", ".svg")
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
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: a figure is written as {', '.join(FORMATS)}")
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
