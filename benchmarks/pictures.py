"""The pictures of docs/performance.md, from the results' CSV files.

python -m benchmarks.pictures
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks import harness
from isoclr._io import atomic_path

OURS, OTHER = "#0072B2", "#8C8C8C"
"""Blue of Okabe and Ito's palette, and grey: told apart by lightness alone."""


class Bar(NamedTuple):
    """One variant's rate with its range, in Mnt/s."""

    name: str
    value: float
    low: float
    high: float


def bars(path: Path, ending: str) -> list[Bar]:
    """The figures of a results file whose name ends in ``ending``, fastest first."""
    if not path.exists():
        return []
    chosen = [row for row in harness.read(path) if row["what"].endswith(ending)]
    found = [
        Bar(row["what"].removesuffix(ending), *(float(row[k] or row["value"]) for k in _RANGE))
        for row in chosen
    ]
    return sorted(found, key=lambda bar: -bar.value)


_RANGE = ("value", "low", "high")


def performance(results: Path, target: Path) -> None:
    """How many nucleotides a second, isoclr beside the plain ways: of embedding and pre-training what is measured."""
    panels = [
        ("Embedding, FASTA to Parquet", bars(results / "embed.csv", ", FASTA to Parquet")),
        ("Pre-training step", bars(results / "pretrain_step.csv", ", training")),
    ]
    shown = [panel for panel in panels if panel[1]]
    if not shown:
        return
    heights = [len(found) + 1.4 for _, found in shown]
    figure = Figure(figsize=(7.2, 0.34 * sum(heights) + 0.5), layout="constrained")
    grid = figure.add_gridspec(len(shown), 1, height_ratios=heights)
    for row, (title, found) in enumerate(shown):
        _draw(figure.add_subplot(grid[row, 0]), title, found)
    with atomic_path(target) as partial:
        figure.savefig(partial, dpi=160, format="png")


def _draw(axes: Axes, title: str, found: Sequence[Bar]) -> None:
    places = range(len(found), 0, -1)
    colours = [OURS if bar.name.startswith("isoclr") else OTHER for bar in found]
    errors = [
        [max(bar.value - bar.low, 0) for bar in found],
        [max(bar.high - bar.value, 0) for bar in found],
    ]
    values = [bar.value for bar in found]
    axes.barh(places, values, color=colours, xerr=errors, error_kw={"lw": 1}, log=True)
    for place, bar in zip(places, found, strict=True):
        text = f"  {bar.value:.3g}   ({values[0] / bar.value:.3g}× slower)"
        plain = f"  {bar.value:.3g}"
        axes.text(bar.high, place, text if bar is not found[0] else plain, va="center", size=8)
    axes.set_yticks(places, [bar.name for bar in found], size=8)
    axes.set_xlim(min(values) / 2, max(values) * 12)
    axes.set_xlabel("million nucleotides a second, padding not counted", size=8)
    axes.set_title(title, loc="left", size=9, weight="bold")
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def growth(results: Path, target: Path) -> None:
    """Seconds and memory against the size of the corpus and the length of an RNA."""
    rows = harness.read(results)
    figure = Figure(figsize=(7.2, 5.4), layout="constrained")
    axes = figure.subplots(2, 2)
    for column, over in enumerate(("transcripts", "nt")):
        for row, unit in enumerate(("s", "GB")):
            _curves(axes[row, column], rows, over, unit)
    with atomic_path(target) as partial:
        figure.savefig(partial, dpi=160, format="png")


_MARKERS = ("o", "s", "^", "D", "v")
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")
_AXES = {"transcripts": "transcripts in the corpus", "nt": "length of one RNA, nt"}
_UNITS = {"s": "seconds", "GB": "peak memory, GB"}


def _curves(axes: Axes, rows: Sequence[dict[str, str]], over: str, unit: str) -> None:
    """One curve for every measure named ``measure @ size over``."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        name, _, size = row["what"].partition(" @ ")
        if size.endswith(f" {over}") and row["unit"] == unit:
            amount = float(size.removesuffix(f" {over}").replace(",", ""))
            curves.setdefault(name, []).append((amount, float(row["value"])))
    styles = zip(_MARKERS, _COLOURS, strict=True)
    for (name, points), (marker, colour) in zip(curves.items(), styles, strict=False):
        axes.plot(*zip(*sorted(points), strict=True), marker=marker, color=colour, label=name)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    top = max((y for points in curves.values() for _, y in points), default=1.0)
    if unit == "s":
        axes.set_yscale("log")
        axes.set_ylim(top=top * 10 ** (0.7 * len(curves)))  # room for the legend
    else:
        axes.set_ylim(0, 1.4 * top)
    axes.set_xlabel(_AXES[over], size=8)
    axes.set_ylabel(_UNITS[unit], size=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if curves:
        axes.legend(frameon=False, fontsize=7, loc="upper left")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=Path, default=harness.RESULTS)
    parser.add_argument("--docs", type=Path, default=harness.ROOT / "docs")
    options = parser.parse_args(argv)
    performance(options.results, options.docs / "performance.png")
    growth(options.results / "growth.csv", options.docs / "growth.png")


if __name__ == "__main__":
    main()
