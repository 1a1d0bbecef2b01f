"""Update the tables and figures of docs/performance.md from the CSV files in benchmarks/results.

    python -m benchmarks.docs

Between ``<!-- table: NAME | PATTERN -->`` and ``<!-- end -->`` the document has a table of the measurements in
``results/NAME.csv`` whose names match the pattern (a regular expression). The rest of the text is not changed.
"""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks import harness
from benchmarks.harness import Measurement
from isoclr._io import atomic_path

_BLOCK = re.compile(r"(<!-- table: (\w+) \| (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)
OURS, OTHER = "#0072B2", "#8C8C8C"
"""Blue of the Okabe–Ito palette, and a grey that differs from it in lightness too."""
CURVE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")
CURVE_MARKERS = ("o", "s", "^", "D", "v")
X_LABELS = {"transcripts": "transcripts in the corpus", "nt": "length of one RNA, nt"}
Y_LABELS = {"s": "seconds", "GB": "peak memory, GB"}


def fill_tables(text: str, results: Path) -> str:
    """A document with its tables updated."""

    def block(match: re.Match[str]) -> str:
        head, name, pattern, end = match.groups()
        return f"{head}{markdown_table(results / f'{name}.csv', pattern)}{end}"

    return _BLOCK.sub(block, text)


def markdown_table(path: Path, pattern: str) -> str:
    """The measurements of a results file whose names match, below a description of the machine."""
    if not path.exists():
        return f"\nNot measured yet: `python -m benchmarks.{path.stem}`.\n\n"
    rows = [row for row in harness.read_csv(path) if re.search(pattern, row["name"])]
    if not rows:
        raise SystemExit(f"{path}: no measurement matches {pattern!r}")
    lines = ["|  | median | range | note |", "|---|---:|---:|---|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    return f"\n{describe_machine(rows[0])}\n\n" + "\n".join(lines) + "\n\n"


def describe_machine(row: dict[str, str]) -> str:
    """The machine of a results file."""
    parts = [
        f"{row['gpu']}; " if row.get("gpu") else "",
        row["cpu"],
        f" ({row['flags']})" if row["flags"] else "",
        f", {row['cores']} cores",
        f", L2 {row['l2']} each, L3 {row['l3']}" if row["l2"] else "",
        f", {row['memory_gb']} GB; {row['versions']}; {row['date']}, load {row['load']} before.",
    ]
    return textwrap.fill("".join(parts), 118, break_on_hyphens=False)


def _cells(row: dict[str, str]) -> list[str]:
    low, high = (float(row[key]) if row[key] else None for key in ("low", "high"))
    one = Measurement(row["name"], float(row["value"]), row["unit"], low, high)
    return [one.name, harness.with_unit(one), harness.value_range(one), row["note"]]


class Bar(NamedTuple):
    """The speed of one variant with its range, in Mnt/s."""

    name: str
    value: float
    low: float
    high: float


def read_bars(path: Path, suffix: str) -> list[Bar]:
    """The measurements of a results file whose names end in ``suffix``, fastest first; none if there is no file."""
    if not path.exists():
        return []
    bars = [
        Bar(row["name"].removesuffix(suffix), *(float(row[key] or row["value"]) for key in ("value", "low", "high")))
        for row in harness.read_csv(path)
        if row["name"].endswith(suffix)
    ]
    return sorted(bars, key=lambda bar: -bar.value)


def draw_performance(results: Path, target: Path) -> None:
    """Speed of embedding and pre-training compared with the baselines, as far as measured."""
    panels = {
        "Embedding, FASTA to Parquet": read_bars(results / "embed.csv", ", FASTA to Parquet"),
        "Pre-training step": read_bars(results / "pretrain_step.csv", ", training"),
    }
    panels = {title: bars for title, bars in panels.items() if bars}
    if not panels:
        return
    heights = [len(bars) + 1.4 for bars in panels.values()]
    figure = Figure(figsize=(7.2, 0.34 * sum(heights) + 0.5), layout="constrained")
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for row, (title, bars) in enumerate(panels.items()):
        _draw_bars(figure.add_subplot(grid[row, 0]), title, bars)
    with atomic_path(target) as partial:
        figure.savefig(partial, dpi=160, format="png")


def _draw_bars(axes: Axes, title: str, bars: Sequence[Bar]) -> None:
    positions = range(len(bars), 0, -1)
    values = [bar.value for bar in bars]
    errors = [[max(bar.value - bar.low, 0) for bar in bars], [max(bar.high - bar.value, 0) for bar in bars]]
    colors = [OURS if bar.name.startswith("isoclr") else OTHER for bar in bars]
    axes.barh(positions, values, color=colors, xerr=errors, error_kw={"lw": 1}, log=True)
    for position, bar in zip(positions, bars, strict=True):
        slower = "" if bar is bars[0] else f"   ({values[0] / bar.value:.3g}× slower)"
        axes.text(bar.high, position, f"  {bar.value:.3g}{slower}", va="center", size=8)
    axes.set_yticks(positions, [bar.name for bar in bars], size=8)
    axes.set_xlim(min(values) / 2, max(values) * 12)
    axes.set_xlabel("million nucleotides per second, without padding", size=8)
    axes.set_title(title, loc="left", size=9, weight="bold")
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def draw_growth(results: Path, target: Path) -> None:
    """Time and memory as functions of the corpus size and the length of an RNA."""
    rows = harness.read_csv(results)
    figure = Figure(figsize=(7.2, 5.4), layout="constrained")
    axes = figure.subplots(2, 2)
    for column, x_unit in enumerate(X_LABELS):
        for row, y_unit in enumerate(Y_LABELS):
            _draw_curves(axes[row, column], rows, x_unit, y_unit)
    with atomic_path(target) as partial:
        figure.savefig(partial, dpi=160, format="png")


def _draw_curves(axes: Axes, rows: Sequence[dict[str, str]], x_unit: str, y_unit: str) -> None:
    """One curve for each set of measurements named ``NAME @ NUMBER X_UNIT``."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        name, _, size = row["name"].partition(" @ ")
        if size.endswith(f" {x_unit}") and row["unit"] == y_unit:
            x = float(size.removesuffix(f" {x_unit}").replace(",", ""))
            curves.setdefault(name, []).append((x, float(row["value"])))
    styles = zip(CURVE_MARKERS, CURVE_COLORS, strict=True)
    for (name, points), (marker, color) in zip(curves.items(), styles, strict=False):
        axes.plot(*zip(*sorted(points), strict=True), marker=marker, color=color, label=name)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    highest = max((y for points in curves.values() for _, y in points), default=1.0)
    if y_unit == "s":
        axes.set_yscale("log")
        axes.set_ylim(top=highest * 10 ** (0.7 * len(curves)))  # space for the legend
    else:
        axes.set_ylim(0, 1.4 * highest)
    axes.set_xlabel(X_LABELS[x_unit], size=8)
    axes.set_ylabel(Y_LABELS[y_unit], size=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if curves:
        axes.legend(frameon=False, fontsize=7, loc="upper left")


def main(argv: Sequence[str] | None = None) -> None:
    parser = harness.options_of(__doc__)
    parser.add_argument("--results", type=Path, default=harness.RESULTS)
    parser.add_argument("--docs", type=Path, default=harness.ROOT / "docs")
    options = parser.parse_args(argv)
    document = options.docs / "performance.md"
    text = fill_tables(document.read_text(encoding="utf-8"), options.results)
    with atomic_path(document) as partial:
        partial.write_text(text, encoding="utf-8")
    draw_performance(options.results, options.docs / "performance.png")
    draw_growth(options.results / "growth.csv", options.docs / "growth.png")


if __name__ == "__main__":
    main()
