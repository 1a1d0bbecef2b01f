"""Tables and figures of one kind: methods in rows, tasks in columns, published numbers below."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from isoclr.evaluation.report.charts import Dot, Dots
from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.published import Published
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.dots import method_dots
from isoclr.evaluation.report.tables import number, table, with_interval

METRICS = {
    "pearson": "Pearson R",
    "spearman": "Spearman R",
    "mse": "MSE",
    "roc_auc": "ROC AUC",
    "cross_entropy": "cross-entropy",
}
SPLITS = {
    "random": "random 70/15/15 by gene, as the paper",
    "homology": "70/15/15 by homologous gene set",
    "fold": "cross-validation over the label table's own folds",
    "chromosome": "by chromosome",
}


def main_metric(rows: pl.DataFrame, task: str) -> str:
    """The metric that a task is judged by: the first one reported."""
    return str(rows.filter(pl.col("task") == task)["metric"][0])


PROBES = ("linear", "ridge")


def labelled(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``name``: the method, and its linear probe where the rows are of several."""
    probe = pl.col("model").is_in(PROBES)
    several = rows.filter(probe)["model"].n_unique() > 1
    name = pl.when(probe & several).then(pl.col("method") + " (" + pl.col("model") + ")")
    return rows.with_columns(name=name.otherwise(pl.col("method")))


def captions(rows: pl.DataFrame, name: str, text: str) -> Iterator[tuple[str, Html]]:
    """Every split of a study's rows, with the caption of its table.

    Args:
        rows: of the study.
        name: of its tables, which a letter tells apart.
        text: what the tables show; ``{split}`` stands for the split.
    """
    for letter, split in zip("abcdefgh", dict.fromkeys(rows["split"]), strict=False):
        said = text.format(split=SPLITS.get(split, split))
        yield split, element("span", element("b", f"{name}{letter}."), f" {said}")


def split_table(
    results: Results,
    rows: pl.DataFrame,
    split: str,
    caption: str | Html,
    published: Mapping[str, Mapping[str, Published]],
    csv: str,
) -> Html:
    """One table of a split: a row a method, two columns a task."""
    here = labelled(rows.filter(pl.col("split") == split))
    tasks = list(dict.fromkeys(here["task"]))
    heads = ["Method"]
    for task in tasks:
        metric = main_metric(here, task)
        second = "mse" if metric == "pearson" else "spearman"
        heads += [f"{results.title(task)}: {METRICS[metric]} [95 %]", METRICS[second]]
    body = [
        [name, *(cell for task in tasks for cell in _cells(here, task, name))]
        for name in dict.fromkeys(here["name"])
    ]
    groups = []
    if told := _published_rows(results, tasks, published):
        groups.append(("Published (other RNAs, another split; for orientation)", told))
    return table(caption, heads, body, groups=groups, csv=(f"{csv}.csv", results.text(csv)))


def charts(
    results: Results,
    rows: pl.DataFrame,
    split: str,
    published: Mapping[str, Mapping[str, Published]],
    ours: Sequence[str],
) -> list[Dots]:
    """The same as charts, one a task."""
    here = labelled(rows.filter(pl.col("split") == split))
    found = []
    for task in dict.fromkeys(here["task"]):
        metric = main_metric(here, task)
        mine = here.filter((pl.col("task") == task) & (pl.col("metric") == metric))
        dots = method_dots(mine, ours, "name")
        known = results.published_as(task)
        dots += [
            Dot(name, tasks[known].r, None, None, "published")
            for name, tasks in published.items()
            if known in tasks
        ]
        chance = 0.5 if metric == "roc_auc" else 0.0
        found.append(Dots(f"{results.title(task)} ({split} split)", METRICS[metric], dots, chance))
    return found


def paired_table(results: Results, study: str, split: str) -> Html | None:
    """Paired differences between the first method and the others; none where there is one method only."""
    rows = results.rows(f"{study}_differences")
    if rows.is_empty() or rows.filter(pl.col("split") == split).is_empty():
        return None
    body = [
        [
            f"{_probed(row['method'], row['model'])} − {_probed(row['against'], row['against_model'])}",
            results.title(row["task"]),
            with_interval(row["value"], row["low"], row["high"]),
        ]
        for row in rows.filter(pl.col("split") == split).iter_rows(named=True)
    ]
    heads = ["Difference", "Task", "Main metric [95 %]"]
    csv = (f"{study}_differences.csv", results.text(f"{study}_differences"))
    return table("Paired differences on the same splits.", heads, body, csv=csv)


def _probed(method: str, model: str) -> str:
    """A method with what reads its features; a trained network needs nothing."""
    return f"{method} ({model})" if model in (*PROBES, "trees") else method


class Verdict(NamedTuple):
    """Whether the first model is above a simple baseline, and the difference in words."""

    above: bool
    words: str


def verdicts(results: Results, differences: pl.DataFrame, against: Sequence[str]) -> list[Verdict]:
    """Where the first model is above, below, or not to be told apart from a simple baseline."""
    if differences.is_empty():
        return []
    found = []
    for row in differences.filter(pl.col("against").is_in(list(against))).iter_rows(named=True):
        low, high = row["low"], row["high"]
        if low is None or high is None:
            word = "differs by one number without an interval from"
        elif high < 0:
            word = "is below"
        else:
            word = "is above" if low > 0 else "cannot be told apart from"
        gap = with_interval(row["value"], low, high)
        probe = row["model"]
        if row["against_model"] != probe:
            probe = f"{probe} against {row['against_model']}"
        words = (
            f"{results.title(row['task'])} ({row['split']} split, {probe}): {row['method']} {word} "
            f"{row['against']}, {METRICS.get(row['metric'], row['metric'])} {gap}."
        )
        found.append(Verdict(word == "is above", words))
    return found


def _cells(rows: pl.DataFrame, task: str, name: str) -> tuple[str, str]:
    mine = rows.filter((pl.col("task") == task) & (pl.col("name") == name))
    by_metric = {row["metric"]: row for row in mine.iter_rows(named=True)}
    metric = main_metric(rows, task)
    if metric not in by_metric:
        return "–", "–"
    main = by_metric[metric]
    second = by_metric.get("mse" if metric == "pearson" else "spearman")
    told = with_interval(main["value"], main["low"], main["high"])
    return told, "–" if second is None else number(second["value"])


def _published_rows(
    results: Results, tasks: Sequence[str], published: Mapping[str, Mapping[str, Published]]
) -> list[list[str]]:
    known = [results.published_as(task) for task in tasks]
    rows = []
    for name, numbers in published.items():
        if not any(task in numbers for task in known):
            continue
        row = [name]
        for task in known:
            one = numbers.get(task)
            row += ["–", "–"] if one is None else [_with_spread(one), number(one.mse, 2)]
        rows.append(row)
    return rows


def _with_spread(one: Published) -> str:
    spread = "" if one.spread is None else f" ± {one.spread:g}"
    return number(one.r, 3 if one.spread is None else 2) + spread
