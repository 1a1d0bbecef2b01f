"""The figures of an evaluation: each is drawn once, written as PNG and SVG, and its SVG embedded in the page.

Maps are drawn with all colorings, as files; the page has an interactive one.
"""

import base64
import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from isoclr._report import finite
from isoclr.analysis.tsne import Coloring, by_frequency
from isoclr.evaluation.report.results import COLORINGS, PUBLISHED, Results
from isoclr.evaluation.report.tables import grouped, labelled, main_metric, values
from isoclr.genomics.encoding import nucleotides
from isoclr.plotting.maps import Panel, map_figure
from isoclr.plotting.methods import (
    Curve,
    CurvePanel,
    Dot,
    DotPanel,
    ScatterPanel,
    curves_figure,
    dots_figure,
    predictions_figure,
)
from isoclr.plotting.mutations import mutation_figure
from isoclr.plotting.style import NO_VALUE, PALETTE
from isoclr.tasks.metrics import TITLES

FOLDER = "figures"
FORMATS = ("png", "svg")
_NAMES = re.compile(r"(main|finetuning|ablations|map|mutations)_.+|low_data|ontology|neighbours|motifs|predictions")
"""Names of the figures of a page; other files of the folder are left alone."""
RELATIONS = (
    ("all RNAs", "isoform", "An isoform of the same gene"),
    ("RNAs of other genes", "paralog", "A paralog, isoforms left out"),
    ("RNAs of other species", "ortholog", "The ortholog, its own species left out"),
)


class Picture(NamedTuple):
    """A figure in the page."""

    name: str
    alt: str  # Its content in words
    source: str  # A data: address of the SVG


class Figures:
    """Draws the figures of an evaluation's directory; those of an earlier page are removed first."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.folder = results.folder / FOLDER
        self._used: set[str] = set()
        for path in self.folder.glob("*"):
            if path.suffix[1:] in FORMATS and _NAMES.fullmatch(path.stem):
                path.unlink()

    def methods(self, study: str, split: str) -> Picture | None:
        """Methods of one split, a panel per task, and the paper's numbers; the methods of interest are marked."""
        methods = values(self.results.rows(study), "method")
        ours = {
            "main": list(self.results.manifest["models"]),
            "finetuning": [name for name in methods if "fine-tuned" in name],
            "ablations": methods[:1],  # the whole method
        }
        rows = labelled(self.results.rows(study, split=split))
        panels = []
        for task in values(rows, "task"):
            metric = main_metric(rows, task)
            dots = _dots(rows.filter(task=task, metric=metric), ours[study], "name")
            paper = self.results.published_as(task)
            dots += [
                Dot(name, tasks[paper].r, None, None, "published")
                for name, tasks in PUBLISHED.get(study, {}).items()
                if paper in tasks
            ]
            title = f"{self.results.title(task)} ({split} split)"
            chance = 0.5 if metric == "roc_auc" else 0.0
            panels.append(DotPanel(title, TITLES[metric], dots, chance))
        return self._draw_dots(f"{study}_{split}", panels)

    def low_data(self) -> Picture | None:
        """Figure 3b: curves over the share of the training labels, a panel per task."""
        rows = self.results.rows("low_data_means")
        panels = [_curves(self.results, rows, task) for task in values(rows, "task")]
        return self._draw_panels("low_data", [panel.title for panel in panels], curves_figure, panels)

    def ontology(self) -> Picture | None:
        """Figure 5: mean ROC AUC over terms, a panel per hierarchy."""
        panels = []
        rows = self.results.rows("ontology", term_id="all", metric="roc_auc")
        for (task, hierarchy), part in grouped(rows, "task", "hierarchy"):
            title = f"{hierarchy.replace('_', ' ').capitalize()} ({task.rpartition('-')[2]})"
            panels.append(DotPanel(title, "ROC AUC", _dots(part, self.results.manifest["models"]), 0.5))
        return self._draw_dots("ontology", panels)

    def neighbours(self) -> Picture | None:
        """How often the nearest RNA is a relative, a panel per kind of relative."""
        rows = self.results.rows("latent", part="retrieval")
        panels = []
        for scope, relation, title in RELATIONS if not rows.is_empty() else ():
            own = rows.filter(scope=scope, relation=relation, length="all", k=1)
            dots = _dots(own.filter(metric="hit rate"), self.results.manifest["models"])
            chance = own.filter(metric="length-matched chance")["value"].drop_nulls()
            if dots:
                panels.append(DotPanel(title, "share of RNAs", dots, chance[0] if len(chance) else 0.0))
        return self._draw_dots("neighbours", panels)

    def motifs(self) -> Picture | None:
        """Effects of inserted motifs, a panel per task; those that differ from none are marked."""
        effects = self.results.rows("mutagenesis", part="motifs", metric="effect beyond control")
        if not effects.is_empty():
            clear = ((pl.col("low") > 0) | (pl.col("high") < 0)).fill_null(False)
            effects = effects.with_columns(name=pl.col("motif") + ", " + pl.col("region"), method=clear)
        axis = "change beyond the control"
        panels = [
            DotPanel(self.results.title(task), axis, _dots(part, [True], "name"), legend=False)
            for (task,), part in grouped(effects, "task")
        ]
        return self._draw_dots("motifs", panels)

    def predictions(self) -> Picture | None:
        """Held-out predictions of the first model, a panel per task."""
        panels = []
        for (task,), part in grouped(self.results.large("predictions"), "task"):
            first = part.row(0, named=True)
            one = part.filter(split_kind=first["split_kind"], model=first["model"])
            true, predicted = (one[column].to_numpy() for column in ("measured", "predicted"))
            panels.append(ScatterPanel(self.results.title(task), true, predicted))
        return self._draw_panels("predictions", [panel.label for panel in panels], predictions_figure, panels)

    def maps(self) -> None:
        """The maps with all colorings, as files; the page has one to explore."""
        for method, points, panels in map_panels(self.results):
            x, y = (points[axis].to_numpy() for axis in ("x", "y"))
            self._draw(f"map_{slug(method)}", [method], map_figure, x=x, y=y, panels=panels, title=method)

    def mutations(self) -> list[Picture]:
        """Every mutated mRNA with its track and the logo of its most important stretch."""
        rows = self.results.large("mutations")
        return [self._mutated(task, name, part) for (task, name), part in grouped(rows, "task", "transcript_id")]

    def _mutated(self, task: str, transcript: str, rows: pl.DataFrame) -> Picture:
        first = rows.row(0, named=True)
        title = f"{transcript}: {first['target']}, predicted {first['value']:.2f}"
        return self._draw(
            f"mutations_{slug(task)}_{slug(transcript)}",
            [f"{title}: track of the mRNA, importance of every base, and a stretch as a logo"],
            mutation_figure,
            title=title,
            bases=nucleotides("".join(rows["base"])),
            effects=rows.select("A", "C", "G", "U").to_numpy().astype(np.float32),
            importance=rows["importance"].to_numpy().astype(np.float32),
            coding=(first["coding_start"], first["coding_end"]),
            exon_ends=np.flatnonzero(rows["exon_end"].to_numpy()),
        )

    def _draw_dots(self, name: str, panels: Sequence[DotPanel]) -> Picture | None:
        titles = [f"{panel.title}, {panel.axis}" for panel in panels]
        return self._draw_panels(name, titles, dots_figure, panels)

    def _draw_panels(
        self, name: str, titles: Sequence[str], draw: Callable[..., None], panels: Sequence[Any]
    ) -> Picture | None:
        return self._draw(name, titles, draw, panels=panels) if panels else None

    def _draw(self, name: str, titles: Sequence[str], draw: Callable[..., None], **content: Any) -> Picture:
        while name in self._used:  # two ids may have the same slug
            name += "-2"
        self._used.add(name)
        paths = [self.folder / f"{name}.{suffix}" for suffix in FORMATS]
        draw(paths, **content)
        packed = base64.b64encode(paths[-1].read_bytes()).decode()
        return Picture(name, "; ".join(titles), f"data:image/svg+xml;base64,{packed}")


def slug(name: str) -> str:
    """A name of data as part of a file name: letters, digits, dots, dashes, at most 80.

    >>> slug("random-init encoder"), slug("x/../../y")
    ('random-init-encoder', 'x-..-..-y')
    """
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name)[:80]


def _dots(rows: pl.DataFrame, ours: Collection[object], name: str = "method") -> list[Dot]:
    """One dot per row that has a value.

    Args:
        rows: With ``method``, ``value``, ``low`` and ``high``.
    """
    return [
        Dot(row[name], row["value"], row["low"], row["high"], "ours" if row["method"] in ours else "other")
        for row in rows.drop_nulls("value").iter_rows(named=True)
    ]


def _curves(results: Results, rows: pl.DataFrame, task: str) -> CurvePanel:
    metric = main_metric(rows, task)
    curves = []
    for (method,), part in grouped(rows.filter(task=task, metric=metric), "method"):
        columns = part.sort("share").select("share", "value", "low", "high").get_columns()
        curves.append(Curve(method, *(column.to_list() for column in columns)))
    return CurvePanel(results.title(task), "share of the training labels (%)", TITLES[metric], curves)


# --- Maps ---

NONE, OTHER = "none, or several", "none, several, or another"
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down")
TICKS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Of a logarithmic scale: lengths of RNAs, nt."""


def map_panels(results: Results) -> Iterator[tuple[str, pl.DataFrame, list[Panel]]]:
    """The method, the points and the colorings of every map."""
    for (method,), part in grouped(results.large("map"), "method"):
        panels = [
            Coloring(results.title(name), kind["kind"], part[name], kind["skewed"]).panel
            for name, kind in _colorings(results).items()
        ]
        yield method, part, panels


def map_data(results: Results) -> dict[str, Any] | None:
    """The interactive map: names of the RNAs, coordinates by method, and colorings; None without a map."""
    points = {method: part for (method,), part in grouped(results.large("map"), "method")}
    if not points:
        return None
    shown = next(iter(points.values()))
    symbol = pl.when(pl.col("gene_symbol").fill_null("") == "").then("gene_id")
    data: dict[str, Any] = {
        "gene": shown.select(symbol.otherwise("gene_symbol")).to_series().to_list(),
        "gene_id": shown["gene_id"].to_list(),
        "transcript": shown["transcript_id"].to_list(),
        "methods": {name: [part[axis].round(2).to_list() for axis in ("x", "y")] for name, part in points.items()},
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


def _quantity(numbers: pl.Series, *, skewed: bool) -> dict[str, Any]:
    """Numbers and the ends of their scale, percentiles so that outliers do not take all of it.

    The colors of a skewed quantity follow its logarithm, and the ticks show the number itself.
    """
    shown = numbers.log10() if skewed else numbers
    ticks = {"tickvals": np.log10(TICKS).tolist(), "ticktext": [f"{tick:,}" for tick in TICKS]}
    return {
        "values": shown.round(3).to_list(),
        "range": [shown.quantile(quantile) for quantile in (0.02, 0.98)],
        "ticks": ticks if skewed else {},
    }


def _classes(names: pl.Series) -> dict[str, Any]:
    """Names of the classes, the most common first, and the index of each RNA's; RNAs without one come first."""
    classes = by_frequency(names)
    named = classes[: len(PALETTE)]
    complete = len(named) == len(classes)
    pale = [] if complete and not names.null_count() else [NONE if complete else OTHER]
    index = {name: number for number, name in enumerate(named, len(pale))}
    return {
        "names": [*pale, *named],
        "index": [index.get(value, 0) for value in names],
        "pale": [True] * len(pale) + [False] * len(named),
        "colors": [NO_VALUE] * len(pale) + list(PALETTE[: len(named)]),
        "symbols": ["circle"] * len(pale) + list(SYMBOLS[: len(named)]),
    }
