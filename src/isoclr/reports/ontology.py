"""The figure of the gene ontology study: how well each kind of feature tells what a gene does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from isoclr.files import atomic_path
from isoclr.reports.figures import INK, STYLE, check_format

PALETTE = ("#0072B2", "#8C8C8C", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, the embedding's blue first, and a grey for the untrained encoder."""
MARKERS = "osD^vPX"


def ontology_figure(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw the mean ROC AUC of every hierarchy and kind of feature with its interval, and that of every class.

    Args:
        path: PNG, PDF or SVG.
        rows: what :meth:`isoclr.probing.ontology_study.OntologyReport.rows` gives.

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
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
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
