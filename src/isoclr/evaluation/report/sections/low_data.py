"""Figure 3b: few labels."""

import polars as pl

from isoclr.evaluation.report.charts import Curve, Curves
from isoclr.evaluation.report.figure import figure
from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.probes import METRICS, main_metric
from isoclr.evaluation.report.tables import table, with_interval


def section(results: Results) -> Html | None:
    """Curves over the share of the training labels, and their numbers."""
    rows = results.rows("low_data_means")
    if rows.is_empty():
        return None
    caption = (
        "Figure 3b. Test performance after training on a uniform subset of the training labels; mean over repeats "
        "(each with a split and a subset of its own) and 95 % interval, which allows for the overlap of random splits. "
        "Methods that train a network stop early by the whole validation part, 15 % of all labels whatever the share: "
        "they see more labels than the share says, and at small shares many more; the probes see the share alone."
    )
    most = max(rows["train"].to_list())
    note = element(
        "p",
        f"100 % are at most {most:,} labels here, and about 7,300 human or 7,700 mouse ones in the paper, whose "
        "shares are therefore other numbers of labels: compare curves by the number of labels, in the table below. "
        "The paper's subsets were kept only when their labels summed to a positive number; ours are uniform.",
        class_="note",
    )
    shown = curves(results)
    title = element("h2", "Few labels")
    drawn = figure("figure-3b", shown, caption, numbers=_numbers(results, rows))
    return element("section", title, note, drawn, id="low-data")


def curves(results: Results) -> list[Curves]:
    """The figure's charts, one a task."""
    rows = results.rows("low_data_means")
    found = []
    for task in dict.fromkeys(rows["task"]) if not rows.is_empty() else ():
        metric = main_metric(rows, task)
        mine = rows.filter((pl.col("task") == task) & (pl.col("metric") == metric))
        lines = [
            Curve(
                str(name),
                *(part.sort("share")[c].to_list() for c in ("share", "value", "low", "high")),
            )
            for (name,), part in mine.group_by("method", maintain_order=True)
        ]
        axis = "share of the training labels (%)"
        found.append(Curves(results.title(task), axis, METRICS[metric], lines))
    return found


def _numbers(results: Results, rows: pl.DataFrame) -> Html:
    body = [
        [
            row["method"],
            results.title(row["task"]),
            f"{row['share']:g} %",
            f"{row['train']:,}",
            METRICS.get(row["metric"], row["metric"]),
            with_interval(row["value"], row["low"], row["high"]),
        ]
        for row in rows.iter_rows(named=True)
    ]
    heads = ["Method", "Task", "Share", "Training labels", "Metric", "Mean [95 %]"]
    csv = ("low_data_means.csv", results.text("low_data_means"))
    return table("Figure 3b in numbers.", heads, body, csv=csv)
