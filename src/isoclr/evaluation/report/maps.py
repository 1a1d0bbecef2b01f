"""Maps of the embedding space: the colorings of the figures, and the data of the page's interactive map."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from isoclr._report import finite
from isoclr.analysis.tsne import Coloring, by_frequency
from isoclr.evaluation.report.results import Results
from isoclr.plotting.maps import Panel
from isoclr.plotting.style import NO_VALUE, PALETTE

COLORINGS = "map_colorings.json"
"""File of ``tables``: for every coloring, numbers or classes, and whether a logarithmic scale suits them."""
NONE, OTHER = "none, or several", "none, several, or another"
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down")
TICKS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Of a logarithmic scale: lengths of RNAs, nt."""


def map_panels(results: Results) -> Iterator[tuple[str, pl.DataFrame, list[Panel]]]:
    """The method, the points and the colorings of every map."""
    points = results.large("map")
    if points.is_empty():
        return
    for (method,), part in points.group_by("method", maintain_order=True):
        panels = [
            Coloring(results.title(name), kind["kind"], part[name], kind["skewed"]).panel
            for name, kind in _colorings(results).items()
        ]
        yield str(method), part, panels


def map_data(results: Results) -> dict[str, Any] | None:
    """The interactive map: names of the RNAs, coordinates by method, and colorings; None without a map."""
    points = results.large("map")
    if points.is_empty():
        return None
    shown = points.filter(method=points["method"][0])
    symbol = pl.when(pl.col("gene_symbol").fill_null("") == "").then("gene_id")
    data: dict[str, Any] = {
        "gene": shown.select(symbol.otherwise("gene_symbol")).to_series().to_list(),
        "gene_id": shown["gene_id"].to_list(),
        "transcript": shown["transcript_id"].to_list(),
        "methods": {
            str(name): [part[axis].round(2).to_list() for axis in ("x", "y")]
            for (name,), part in points.group_by("method", maintain_order=True)
        },
        "colorings": {
            results.title(name): _classes(shown[name])
            if kind["kind"] == "class"
            else _quantity(shown[name], skewed=kind["skewed"])
            for name, kind in _colorings(results).items()
        },
    }
    return dict(finite(data))


def _colorings(results: Results) -> dict[str, Any]:
    path = results.folder / "tables" / COLORINGS
    colorings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return colorings


def _quantity(values: pl.Series, *, skewed: bool) -> dict[str, Any]:
    """Numbers and the ends of their scale, percentiles so that outliers do not take all of it.

    The colors of a skewed quantity follow its logarithm, and the ticks show the number itself.
    """
    shown = values.log10() if skewed else values
    ticks = {"tickvals": np.log10(TICKS).tolist(), "ticktext": [f"{tick:,}" for tick in TICKS]}
    return {
        "values": shown.round(3).to_list(),
        "range": [shown.quantile(quantile) for quantile in (0.02, 0.98)],
        "ticks": ticks if skewed else {},
    }


def _classes(values: pl.Series) -> dict[str, Any]:
    """Names of the classes, the most common first, and the index of each RNA's; RNAs without one come first."""
    classes = by_frequency(values)
    named = classes[: len(PALETTE)]
    complete = len(named) == len(classes)
    pale = [] if complete and not values.null_count() else [NONE if complete else OTHER]
    index = {name: number for number, name in enumerate(named, len(pale))}
    return {
        "names": [*pale, *named],
        "index": [index.get(value, 0) for value in values],
        "pale": [True] * len(pale) + [False] * len(named),
        "colors": [NO_VALUE] * len(pale) + list(PALETTE[: len(named)]),
        "symbols": ["circle"] * len(pale) + list(SYMBOLS[: len(named)]),
    }
