"""What the nearest neighbours of RNAs are, and what the embedding encodes."""

import polars as pl

from isoclr.evaluation.report.charts import Dots
from isoclr.evaluation.report.figure import figure
from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.dots import method_dots
from isoclr.evaluation.report.tables import number, table, with_interval

SHOWN = (
    ("all RNAs", "isoform", "An isoform of the same gene"),
    ("RNAs of other genes", "paralog", "A paralog, isoforms left out"),
    ("RNAs of other species", "ortholog", "The ortholog, its own species left out"),
)


def section(results: Results) -> Html | None:
    """Neighbours, geometry, and what is encoded."""
    rows = results.rows("latent")
    if rows.is_empty() or rows.filter(pl.col("part") != "map").is_empty():
        return None
    note = element(
        "p",
        "The nearest neighbour by cosine of standardised features, searched among all RNAs of the corpus; shares "
        "are of the RNAs that have such a relative. Chance is that of a random RNA of like length.",
    )
    caption = (
        "How often the nearest RNA is a relative: share of RNAs with its 95 % interval over gene sets; dotted: "
        "chance among RNAs of like length."
    )
    title = element("h2", "Neighbours")
    return element(
        "section",
        title,
        note,
        figure("neighbours-figure", dots(results), caption, numbers=_numbers(results, rows)),
        _geometry(rows),
        _encoded(rows),
        id="neighbours",
    )


def dots(results: Results) -> list[Dots]:
    """The figure's charts: one a kind of relative."""
    rows = results.rows("latent")
    first = (
        rows.filter((pl.col("part") == "neighbours") & (pl.col("k") == 1)) if _has(rows) else rows
    )
    found = []
    for scope, relation, title in SHOWN if _has(rows) else ():
        mine = first.filter(scope=scope, relation=relation, length="all")
        near = method_dots(mine.filter(metric="found"), results.manifest["models"])
        chance = mine.filter(metric="chance of like length")["value"]
        if near:
            reference = chance[0] if len(chance) and chance[0] is not None else 0.0
            found.append(Dots(title, "share of RNAs", near, reference))
    return found


def _has(rows: pl.DataFrame) -> bool:
    return "part" in rows.columns and "relation" in rows.columns


def _numbers(results: Results, rows: pl.DataFrame) -> Html:
    mine = rows.filter((pl.col("part") == "neighbours") & (pl.col("length") == "all"))
    body = [
        [
            row["method"],
            row["scope"],
            row["relation"],
            str(row["k"]),
            row["metric"],
            with_interval(row["value"], row["low"], row["high"]),
        ]
        for row in mine.iter_rows(named=True)
    ]
    heads = ["Features", "Among", "Relative", "k nearest", "Measure", "Share [95 %]"]
    csv = ("latent.csv", results.text("latent"))
    return table("How often a relative is among the k nearest.", heads, body, csv=csv)


def _geometry(rows: pl.DataFrame) -> Html | None:
    mine = rows.filter(pl.col("part") == "geometry")
    body = [
        [
            row["method"],
            f"{row['metric']}, {row['relation']}",
            with_interval(row["value"], row["low"], row["high"]),
        ]
        for row in mine.iter_rows(named=True)
    ]
    caption = (
        "Alignment: mean squared distance of pairs on the unit sphere, smaller is closer. Uniformity: how evenly "
        "all RNAs spread over it, smaller is more even."
    )
    return table(caption, ["Features", "Measure", "Value [95 %]"], body) if body else None


def _encoded(rows: pl.DataFrame) -> Html | None:
    mine = rows.filter(pl.col("part") == "encoded")
    if mine.is_empty():
        return None
    methods = list(dict.fromkeys(mine["method"]))
    body = []
    for (name,), part in mine.group_by("property", maintain_order=True):
        by_method = dict(part.select("method", "value").rows())
        body.append([str(name), *(number(by_method.get(method), 2) for method in methods)])
    caption = "What a ridge regression reads off the features, in cross-validation by whole gene sets: R²."
    return table(caption, ["Property", *methods], body)
