"""Figures of in-silico mutagenesis and of inserted motifs."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from isoclr.plotting.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    VERMILION,
    draw_interval,
    list_rows,
    reference_line,
    saved_figure,
)

LETTERS = {"A": GREEN, "C": BLUE, "G": ORANGE, "U": VERMILION, "N": GREY}
UTR, CODING = "#BDBDBD", "#4D4D4D"
ZOOM = 120  # nt of the stretch that is drawn base by base
SMOOTH = 25  # nt of the running mean in the overview


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
        effects: ``(L, 4)`` change of the prediction by a mutation to A, C, G, U.
        importance: ``(L,)`` minus the mean effect of a base's mutations.
        coding: First base and end of the coding sequence (0-based, half-open); (0, 0): none.
        exon_ends: 0-based positions of the exons' last bases.
        zoom: First and last base (1-based) of the stretch; None: the :data:`ZOOM` nt of largest importance.
    """
    first, end = (zoom[0] - 1, zoom[1]) if zoom is not None else most_important(importance)
    with saved_figure(path, 10, 5.6) as figure:
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


def _draw_structure(axes: Any, length: int, coding: tuple[int, int], exon_ends: NDArray[np.int64]) -> None:
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


def _draw_logo(axes: Any, bases: NDArray[np.uint8], importance: NDArray[np.floating], first: int, end: int) -> None:
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
        fitted = Affine2D().scale(0.92, height).translate(left + 0.04, 0.0) + axes.transData
        axes.add_patch(PathPatch(_outline(letter), color=LETTERS[letter], lw=0, transform=fitted))


@cache
def _outline(letter: str) -> Any:
    """A letter's outline in a box of width and height 1."""
    font = FontProperties(family="DejaVu Sans", weight="bold")
    path = TextPath((0, 0), letter, size=1, prop=font)
    box = path.get_extents()
    fit = Affine2D().translate(-box.x0, -box.y0).scale(1 / box.width, 1 / box.height)
    return path.transformed(fit)


def _draw_effects(axes: Any, bases: NDArray[np.uint8], effects: NDArray[np.floating], first: int, end: int) -> Any:
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
    """Draw the mean effect of every motif beyond its control, with its interval."""
    with saved_figure(path, 7.2, 1.0 + 0.3 * len(effects)) as figure:
        axes: Any = figure.subplots()
        limit = _axis_limit(effects)
        for row, effect in enumerate(effects):
            _draw_effect(axes, row, effect, limit)
        reference_line(axes, 0)
        list_rows(axes, [f"{effect.motif} ({effect.region})" for effect in effects])
        axes.set_xlim(-1.05 * limit, 1.05 * limit)
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel(f"{target}: motif minus scrambled control (95 % interval)")


FAR = 4.0  # An effect this many times the median is drawn at the edge, so that the others can be seen


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
        draw_interval(axes, row, effect.value, low, high, color)
    axes.annotate(
        f"{effect.value:+.2g}", (1.01, row), xycoords=("axes fraction", "data"),
        va="center", fontsize=8, annotation_clip=False,
    )  # fmt: skip
