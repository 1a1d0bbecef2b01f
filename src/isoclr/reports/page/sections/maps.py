"""Figures 1, 3a and 6: maps of the embedding space, coloured by choice, with a search for genes."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from isoclr.reports.page import palette
from isoclr.reports.page.html import Html, data, element, void
from isoclr.reports.page.results import Results
from isoclr.reports.page.tables import number, table

NONE = "none, or several"
QUIET = "#c8c8c8"


def section(results: Results) -> Html | None:
    """The map with its search, and how far neighbours agree in what it is coloured by."""
    points = results.large("map")
    if points.is_empty():
        return None
    kinds = json.loads((results.folder / "tables" / "map_colours.json").read_text(encoding="utf-8"))
    shown = points.filter(pl.col("method") == points["method"][0])
    caption = (
        f"Figures 1, 3a and 6. {shown.height:,} coding RNAs, one a gene, by t-SNE of the standardised embedding; "
        "near points are alike, far ones tell nothing. The same RNAs for every method. "
        "Hover or touch for gene and transcript."
    )
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
            else _quantity(shown[name])
            for name, kind in kinds.items()
        },
        "layout": _LAYOUT,
    }


def _title(results: Results, name: str) -> str:
    return results.title(name) if name in results.manifest["tasks"] else name


def _quantity(values: pl.Series) -> dict[str, Any]:
    """Numbers and the ends of their scale, which are percentiles so that an outlier does not take all of it."""
    ends = [values.quantile(share) for share in (0.02, 0.98)]
    return {"values": values.round(3).to_list(), "range": ends}


def _classes(values: pl.Series) -> dict[str, Any]:
    """Names of the classes, the commonest first, and the number of each RNA's; that of none comes first and quiet."""
    counts = values.drop_nulls().value_counts(sort=True)[values.name].to_list()
    loud = counts[: len(palette.COLOURS) - 1]
    names = [NONE, *loud]
    place = {name: index for index, name in enumerate(names)}
    return {
        "names": names,
        "index": [place.get(value, 0) for value in values.fill_null(NONE)],
        "quiet": [name == NONE for name in names],
        "colours": [QUIET, *palette.COLOURS[: len(loud)]],
        "symbols": ["circle", *palette.SYMBOLS[: len(loud)]],
    }


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
    "font": {"family": "system-ui, sans-serif", "size": 12, "color": palette.INK},
    "xaxis": {**_AXIS, "title": {"text": ""}},
    "yaxis": {**_AXIS, "scaleanchor": "x", "title": {"text": ""}},
    "legend": {"orientation": "h", "y": -0.02, "yanchor": "top", "itemsizing": "constant"},
    "hovermode": "closest",
    "paper_bgcolor": "#ffffff",
    "plot_bgcolor": "#ffffff",
    "uirevision": "same",
}
