"""One palette and style of all figures, and files whose bytes depend on the data alone."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from isoclr._io import FIGURE_METADATA, HASH_SALT, as_paths, atomic_path, check_file, check_output
from isoclr.errors import InputError, printable

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, INK, GREY = "#56B4E9", "#CC79A7", "#222222", "#8C8C8C"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, INK)
"""Okabe and Ito's colors without yellow, and a black; the model of interest is blue."""
NO_VALUE = "#D9D9D9"  # Points without a value or class
MARKERS = ("o", "s", "D", "^", "P", "X", "v")
LINES: Sequence[Any] = ("-", "--", ":", "-.", (0, (8, 3)), (0, (8, 3, 2, 3)), "-")

FIGURE_FORMATS = (".png", ".pdf", ".svg")
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": HASH_SALT,
    "text.parse_math": False,  # names from data may contain dollar signs
}


def check_format(path: Path) -> None:
    """Refuse the name of a figure before anything is computed for it."""
    if path.suffix.lower() not in FIGURE_FORMATS:
        raise InputError(f"{path}: a figure is written as {', '.join(FIGURE_FORMATS)}")
    check_file(path)


def check_outputs(
    *,
    figure: Path | None = None,
    tables: Sequence[Path | None] = (),
    files: Sequence[Path | None] = (),
    overwrite: bool = True,
) -> None:
    """Refuse the names of a command's outputs before anything is computed for them; None is no output."""
    for path in filter(None, tables):
        check_output(Path(path), overwrite=overwrite)
    if figure is not None:
        check_format(Path(figure))
    for path in filter(None, files):
        check_file(Path(path))


@contextmanager
def saved_figure(out: Path | Sequence[Path], width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches, written to one or more files at the end."""
    paths = as_paths(out)
    for path in paths:
        check_format(path)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        for text in figure.findobj(Text):
            if (shown := printable(text.get_text())) != text.get_text():
                text.set_text(shown)
        for path in paths:
            with atomic_path(path) as partial, warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # a letter that the font lacks
                figure.savefig(partial, dpi=200, metadata=FIGURE_METADATA[path.suffix.lower()])


def color_of(number: int) -> str:
    """The color of a method by its position; grey after the last color."""
    return PALETTE[number] if number < len(PALETTE) else GREY


def list_rows(axes: Any, names: Sequence[str], **style: Any) -> None:
    """One row per name, from top to bottom."""
    axes.set_yticks(range(len(names)), [shorten(name, 48) for name in names], **style)
    axes.set_ylim(len(names) - 0.5, -0.7)
    axes.tick_params(axis="y", length=0)


def draw_interval(
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
        axes.annotate(text, (value, row), (0, 6), textcoords="offset points", ha="center", fontsize=8)


def shorten(name: str, longest: int) -> str:
    """A name cut to a number of characters, with an ellipsis, and without control characters."""
    name = printable(name)
    return name if len(name) <= longest else name[: longest - 1] + "…"


def reference_line(axes: Any, x: float) -> None:
    """A dotted vertical line behind the data."""
    axes.axvline(x, color=INK, lw=0.8, ls=":", zorder=0)
