"""Table 5 and Figure 5: gene ontology terms."""

from collections.abc import Iterable

import polars as pl

from isoclr.evaluation.report.charts import Dots
from isoclr.evaluation.report.figure import figure
from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.dots import method_dots
from isoclr.evaluation.report.tables import table, with_interval


def section(results: Results) -> Html | None:
    """Means over classes of every hierarchy, then every class."""
    rows = results.rows("ontology")
    if rows.is_empty():
        return None
    note = element(
        "p",
        "Ten terms three steps below the root of each hierarchy, the commonest among the genes at hand; one "
        "logistic probe a term on frozen features; whole gene sets on one side of a split. Shuffled labels: the "
        "embedding's rows dealt to other genes, which is what chance gives. The paper's Table 5 is "
        "of ten terms over all hierarchies together, and its numbers are not given: the "
        "text that this report was written from had lost them." + of_supervised(rows["method"]),
        class_="note",
    )
    caption = (
        "Figure 5. Mean ROC AUC over the classes of each hierarchy, 95 % intervals; dotted: chance."
    )
    drawn = figure("figure-5", dots(results), caption, numbers=_classes(rows))
    title = element("h2", "Gene ontology")
    return element("section", title, note, _means(results, rows), drawn, id="ontology")


def of_supervised(methods: Iterable[str]) -> str:
    """What a supervised encoder is, where there is one."""
    if not any(name.startswith("supervised on ") for name in methods):
        return ""
    return (
        " Supervised: the encoder of a network of the same architecture, trained from scratch on that label, as "
        "the paper's A.6."
    )


def _means(results: Results, rows: pl.DataFrame) -> Html:
    everything = rows.filter(pl.col("term_id") == "all")
    body = []
    for task, space, method in (
        everything.select("task", "hierarchy", "method").unique(maintain_order=True).rows()
    ):
        mine = everything.filter(task=task, hierarchy=space, method=method)
        by_metric = {row["metric"]: row for row in mine.iter_rows(named=True)}
        told = [
            with_interval(row["value"], row["low"], row["high"])
            for row in (by_metric["roc_auc"], by_metric["cross_entropy"])
        ]
        n = by_metric["roc_auc"]["n"]
        body.append(
            [f"{space.replace('_', ' ')} ({task.rpartition('-')[2]})", method, *told, f"{n:,}"]
        )
    return table(
        element(
            "span",
            element("b", "Table 5."),
            " Gene ontology terms from frozen features, mean over classes.",
        ),
        ["Hierarchy", "Features", "ROC AUC [95 %]", "Cross-entropy [95 %]", "Genes"],
        body,
        csv=("ontology.csv", results.text("ontology")),
    )


def dots(results: Results) -> list[Dots]:
    """The figure's charts, one a hierarchy."""
    rows = results.rows("ontology")
    found: list[Dots] = []
    if rows.is_empty():
        return found
    means = rows.filter((pl.col("term_id") == "all") & (pl.col("metric") == "roc_auc"))
    for (task, space), part in means.group_by("task", "hierarchy", maintain_order=True):
        own = method_dots(part, results.manifest["models"])
        species = str(task).rpartition("-")[2]
        found.append(
            Dots(f"{str(space).replace('_', ' ').capitalize()} ({species})", "ROC AUC", own, 0.5)
        )
    return found


def _classes(rows: pl.DataFrame) -> Html:
    each = rows.filter((pl.col("term_id") != "all") & (pl.col("metric") == "roc_auc"))
    methods = list(dict.fromkeys(each["method"]))
    body = []
    for (_, _, _, name, n), part in each.group_by(
        "task", "hierarchy", "term_id", "term", "n", maintain_order=True
    ):
        by_method = {row["method"]: row for row in part.iter_rows(named=True)}
        cells = [
            with_interval(row["value"], row["low"], row["high"])
            if (row := by_method.get(m))
            else "–"
            for m in methods
        ]
        body.append([f"{name} ({n:,} genes)", *cells])
    return table("ROC AUC of every term [95 %].", ["Term", *methods], body)
