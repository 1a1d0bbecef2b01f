"""Figures 1, 3a and 6: maps of the embedding space, coloured by choice, with a search for genes."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from isoclr.evaluation.report.html import Html, data, element, void
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.ontology import of_supervised
from isoclr.evaluation.report.tables import number, table
from isoclr.plotting import COLOURS, INK, SYMBOLS, Panel

NONE, OTHER = "none, or several", "none, several, or another"
QUIET = "#c8c8c8"
TICKS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Of a logarithmic scale: lengths of RNAs, nt."""


def section(results: Results) -> Html | None:
    """The map with its search, and how far neighbours agree in what it is coloured by."""
    points = results.large("map")
    if points.is_empty():
        return None
    kinds = _kinds(results)
    shown = points.filter(pl.col("method") == points["method"][0])
    caption = (
        f"Figures 1, 3a and 6. {shown.height:,} coding RNAs, one a gene, by t-SNE of the standardised embedding; "
        "near points are alike, far ones tell nothing. The same RNAs for every method. "
        "Hover or touch for gene and transcript."
    )
    if any(name.endswith("shuffled") for name in kinds):
        caption += (
            " Shuffled: the same colours dealt at random; what looks like a pattern there is none."
        )
    caption += of_supervised(points["method"].unique())
    note = element(
        "p",
        "A map of two dimensions shows some neighbourhoods and hides others: the table below measures agreement in "
        "the embedding itself, among the 10 nearest RNAs of other gene sets.",
    )
    figure = element(
        "figure",
        _form(points, kinds, results),
        element("output", aria_live="polite"),
        element("div", element("div", class_="canvas", style="min-height:640px"), class_="plot"),
        data(_points(points, shown, kinds, results), class_="points"),
        element("figcaption", caption),
        class_="map",
        id="figure-3a",
    )
    title = element("h2", "Maps of the embedding space")
    return element("section", title, note, figure, _agreement(results), id="maps")


def panels(results: Results) -> Iterator[tuple[str, str, pl.DataFrame, list[Panel]]]:
    """Of every map: its figure's name, the method, the points, and the colourings."""
    points = results.large("map")
    if points.is_empty():
        return
    kinds = _kinds(results)
    for (method,), part in points.group_by("method", maintain_order=True):
        found = [_panel(results, name, kind, part[name]) for name, kind in kinds.items()]
        yield f"map_{re.sub('[^A-Za-z0-9.]+', '-', str(method))}", str(method), part, found


def _panel(results: Results, name: str, kind: Mapping[str, Any], values: pl.Series) -> Panel:
    title = _title(results, name)
    if kind["kind"] == "class":
        return Panel(title, values.fill_null("").to_numpy(), _by_frequency(values))
    return Panel(title, values.to_numpy(), None, kind["skewed"])


def _kinds(results: Results) -> dict[str, Any]:
    """The colourings: name → numbers or classes, and whether a logarithmic scale suits them."""
    path = results.folder / "tables" / "map_colours.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _form(points: pl.DataFrame, kinds: Mapping[str, Any], results: Results) -> Html:
    methods = list(dict.fromkeys(points["method"]))
    return element(
        "form",
        _choice("Embedding", "method", methods),
        _choice("Colour", "colour", [_title(results, name) for name in kinds]),
        element(
            "div",
            element("label", "Gene symbol, gene or transcript id", for_="map-search"),
            void("input", type="search", id="map-search", autocomplete="off", spellcheck="false"),
        ),
        element("button", "Find on the map", type="submit"),
        role="search",
    )


def _choice(label: str, name: str, values: list[str]) -> Html:
    options = [element("option", value, value=value) for value in values]
    return element(
        "div",
        element("label", label, for_=f"map-{name}"),
        element("select", options, name=name, id=f"map-{name}"),
    )


def _points(
    points: pl.DataFrame, shown: pl.DataFrame, kinds: Mapping[str, Any], results: Results
) -> dict[str, Any]:
    """Everything that the page's script draws from: columns, one value an RNA."""
    symbol = pl.when(pl.col("gene_symbol").fill_null("") == "").then("gene_id")
    return {
        "gene": shown.select(symbol.otherwise("gene_symbol")).to_series().to_list(),
        "gene_id": shown["gene_id"].to_list(),
        "transcript": shown["transcript_id"].to_list(),
        "methods": {
            str(name): [part[axis].round(2).to_list() for axis in ("x", "y")]
            for (name,), part in points.group_by("method", maintain_order=True)
        },
        "colours": {
            _title(results, name): _classes(shown[name])
            if kind["kind"] == "class"
            else _quantity(shown[name], skewed=kind["skewed"])
            for name, kind in kinds.items()
        },
        "layout": _LAYOUT,
    }


def _title(results: Results, name: str) -> str:
    return results.title(name) if name in results.manifest["tasks"] else name


def _quantity(values: pl.Series, *, skewed: bool) -> dict[str, Any]:
    """Numbers and the ends of their scale, which are percentiles so that an outlier does not take all of it.

    Of a skewed quantity the colours follow the logarithm, and the ticks say the number itself.
    """
    shown = values.log10() if skewed else values
    ends = [shown.quantile(share) for share in (0.02, 0.98)]
    ticks = {"tickvals": np.log10(TICKS).tolist(), "ticktext": [f"{one:,}" for one in TICKS]}
    return {
        "values": shown.round(3).to_list(),
        "range": ends,
        "ticks": ticks if skewed else {},
    }


def _classes(values: pl.Series) -> dict[str, Any]:
    """Names of the classes, the commonest first, and the number of each RNA's; where one has none, that comes first."""
    classes = _by_frequency(values)
    loud = classes[: len(COLOURS) - 1]
    few = len(loud) == len(classes)
    quiet = [] if few and not values.null_count() else [NONE if few else OTHER]
    place = {name: index for index, name in enumerate(loud, len(quiet))}
    return {
        "names": [*quiet, *loud],
        "index": [place.get(value, 0) for value in values],
        "quiet": [True] * len(quiet) + [False] * len(loud),
        "colours": [QUIET] * len(quiet) + list(COLOURS[: len(loud)]),
        "symbols": ["circle"] * len(quiet) + list(SYMBOLS[: len(loud)]),
    }


def _by_frequency(values: pl.Series) -> list[str]:
    """The classes, the commonest first, equally common ones by name."""
    counts = values.drop_nulls().alias("class").value_counts(name="n")
    return counts.sort(["n", "class"], descending=[True, False])["class"].to_list()


def _agreement(results: Results) -> Html | None:
    rows = results.rows("latent")
    rows = rows.filter(pl.col("part") == "map") if "part" in rows.columns else rows
    if rows.is_empty():
        return None
    body = [
        [
            _title(results, row["colour"]),
            row["method"],
            row["metric"],
            number(row["value"]),
            f"{row['n']:,}",
        ]
        for row in rows.sort("colour", "metric", maintain_order=True).iter_rows(named=True)
    ]
    return table(
        "How far an RNA agrees with its 10 nearest RNAs of other gene sets, in the embedding.",
        ["Colour", "Embedding", "Measure", "Value", "RNAs"],
        body,
        csv=("latent.csv", results.text("latent")),
    )


_AXIS = {"showticklabels": False, "zeroline": False, "showgrid": False, "ticks": ""}
_LAYOUT = {
    "height": 640,
    "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
    "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
    "xaxis": {**_AXIS, "title": {"text": ""}},
    "yaxis": {**_AXIS, "scaleanchor": "x", "title": {"text": ""}},
    "legend": {"orientation": "h", "y": -0.02, "yanchor": "top", "itemsizing": "constant"},
    "hovermode": "closest",
    "paper_bgcolor": "#ffffff",
    "plot_bgcolor": "#ffffff",
    "uirevision": "same",
}
