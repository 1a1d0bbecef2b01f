"""The tables of the page: numbers as a paper prints them, with their intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from isoclr.evaluation.report.results import CORPUS, Published, Results
from isoclr.tasks.metrics import TITLES

PROBES = ("linear", "ridge")
BASELINES = (
    "random-init encoder",
    "k-mers + codons",
    "length alone",
    "sequence features",
    "k-mers + features",
    "trees on features",
    "trees on k-mers + features",
    "strong features",
)
"""Methods that a model should beat, as tables name them."""


@dataclass(frozen=True)
class Table:
    """Text in rows and columns; the first column names the rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    groups: Sequence[tuple[str, Sequence[Sequence[str]]]] = ()
    """More rows, each group under a head of its own, such as published numbers."""
    csv: str | None = None  # File of results that holds the same numbers


def number(value: float | None, digits: int = 3) -> str:
    """A number with a real minus sign; a dash for none.

    >>> number(-0.5), number(None)
    ('−0.500', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A mean and its 95 % interval.

    >>> with_interval(0.5, 0.44, 0.561), with_interval(0.5, None, None)
    ('0.500 [0.440, 0.561]', '0.500')
    """
    if value is None or low is None or high is None:
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"


def is_number(cell: str) -> bool:
    """Whether a cell is set right, as numbers are."""
    return cell[:1] in tuple("0123456789−–+")


def corpus_table(results: Results) -> Table | None:
    """Table 1: gene sets and transcripts of every species, and the paper's."""
    rows = results.rows("corpus")
    if rows.is_empty():
        return None
    names = rows["species"].to_list()
    columns = ("gene_sets", "transcripts", "mean", "several")
    own = [[name, *_corpus_cells(*row)] for name, row in zip(names, rows.select(columns).rows(), strict=True)]
    published = [[f"{row[0]} species", *_corpus_cells(*row[1:])] for row in CORPUS]
    return Table(
        ["Species", "Gene sets", "Transcripts", "Mean per set", "Two or more"],
        own,
        [("Published (GENCODE and RefSeq, whole transcriptomes)", published)],
        "corpus.csv",
    )


def _corpus_cells(gene_sets: int, transcripts: int, mean: float, several: float) -> list[str]:
    return [f"{gene_sets:,}", f"{transcripts:,}", f"{mean:.2f}", f"{several:.0%}"]


# --- Methods in rows, tasks in columns ---


def main_metric(rows: pl.DataFrame, task: str) -> str:
    """The metric that a task is judged by: the first one reported."""
    return str(rows.filter(task=task)["metric"][0])


def labelled(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``name``: the method, and its probe where there are several."""
    probed = pl.col("model").is_in(PROBES)
    several = rows.filter(probed)["model"].n_unique() > 1
    name = pl.when(probed & several).then(pl.col("method") + " (" + pl.col("model") + ")")
    return rows.with_columns(name=name.otherwise(pl.col("method")))


def split_table(
    results: Results, study: str, split: str, published: Mapping[str, Mapping[str, Published]] | None = None
) -> Table:
    """One split of a study: a row per method, two columns per task; published numbers below."""
    rows = labelled(results.rows(study, split=split))
    tasks = list(dict.fromkeys(rows["task"]))
    columns = ["Method"]
    for task in tasks:
        metric = main_metric(rows, task)
        title = results.title(task)
        columns += [f"{title}: {TITLES[metric]} [95 %]", TITLES[_second_metric(metric)]]
    body = [
        [name, *(cell for task in tasks for cell in _cells(rows, task, name))] for name in dict.fromkeys(rows["name"])
    ]
    paper = _published_rows(results, tasks, published or {})
    groups = [("Published (other RNAs, another split; for orientation)", paper)] if paper else []
    return Table(columns, body, groups, f"{study}.csv")


def _second_metric(metric: str) -> str:
    return "mse" if metric == "pearson" else "spearman"


def _cells(rows: pl.DataFrame, task: str, name: str) -> tuple[str, str]:
    metric = main_metric(rows, task)
    values = {row["metric"]: row for row in rows.filter(task=task, name=name).to_dicts()}
    if metric not in values:
        return "–", "–"
    second = values.get(_second_metric(metric), {}).get("value")
    return _interval(values[metric]), number(second)


def _interval(row: Mapping[str, Any]) -> str:
    return with_interval(row["value"], row["low"], row["high"])


def _published_rows(
    results: Results, tasks: Sequence[str], published: Mapping[str, Mapping[str, Published]]
) -> list[list[str]]:
    names = [results.published_as(task) for task in tasks]
    rows = []
    for model, numbers in published.items():
        if any(name in numbers for name in names):
            row = [model]
            for name in names:
                row += _published_cells(numbers.get(name))
            rows.append(row)
    return rows


def _published_cells(one: Published | None) -> tuple[str, str]:
    if one is None:
        return "–", "–"
    if one.spread is None:
        return number(one.r), number(one.mse, 2)
    return f"{number(one.r, 2)} ± {one.spread:g}", number(one.mse, 2)


def _listed(
    rows: pl.DataFrame, columns: Mapping[str, Callable[[dict[str, Any]], str]], csv: str | None
) -> Table | None:
    """One line per row, each cell computed from the row; None without rows."""
    body = [[cell(row) for cell in columns.values()] for row in rows.iter_rows(named=True)]
    return Table(list(columns), body, csv=csv) if body else None


def differences_table(results: Results, study: str, split: str) -> Table | None:
    """Paired differences between the first method and the others; None where there is one method only."""
    name = f"{study}_differences"
    columns = {
        "Difference": lambda row: (
            f"{_probed(row['method'], row['model'])} − {_probed(row['against'], row['against_model'])}"
        ),
        "Task": lambda row: results.title(row["task"]),
        "Main metric [95 %]": _interval,
    }
    return _listed(results.rows(name, split=split), columns, f"{name}.csv")


def _probed(method: str, model: str) -> str:
    """A method with the model that reads its features."""
    return f"{method} ({model})" if model in (*PROBES, "trees") else method


class Verdict(NamedTuple):
    """A comparison of the first model with a baseline."""

    above: bool
    words: str


def verdicts(results: Results, study: str, baselines: Iterable[str]) -> list[Verdict]:
    """Where the first model is above, below, or not distinguishable from a baseline."""
    rows = results.rows(f"{study}_differences")
    if rows.is_empty():
        return []
    compared = rows.filter(pl.col("against").is_in(list(baselines)))
    return [_verdict(results, row) for row in compared.iter_rows(named=True)]


def _verdict(results: Results, row: Mapping[str, Any]) -> Verdict:
    low, high = row["low"], row["high"]
    if low is None or high is None:
        relation = "differs by one number without an interval from"
    elif high < 0:
        relation = "is below"
    else:
        relation = "is above" if low > 0 else "cannot be distinguished from"
    probe = row["model"]
    if row["against_model"] != probe:
        probe = f"{probe} against {row['against_model']}"
    metric = TITLES.get(row["metric"], row["metric"])
    words = (
        f"{results.title(row['task'])} ({row['split']} split, {probe}): {row['method']} {relation} "
        f"{row['against']}, {metric} {_interval(row)}."
    )
    return Verdict(relation == "is above", words)


# --- One table per study ---


def low_data_table(results: Results) -> Table | None:
    """The numbers of Figure 3b."""
    columns = {
        "Method": lambda row: row["method"],
        "Task": lambda row: results.title(row["task"]),
        "Share": lambda row: f"{row['share']:g} %",
        "Training labels": lambda row: f"{row['train']:,}",
        "Metric": lambda row: TITLES.get(row["metric"], row["metric"]),
        "Mean [95 %]": _interval,
    }
    return _listed(results.rows("low_data_means"), columns, "low_data_means.csv")


def ontology_table(results: Results) -> Table | None:
    """Table 5: the mean over terms of every hierarchy and method."""
    rows = results.rows("ontology", term_id="all")
    if rows.is_empty():
        return None
    body = []
    keys = ("task", "hierarchy", "method")
    for (task, hierarchy, method), part in rows.group_by(keys, maintain_order=True):
        values = {row["metric"]: row for row in part.iter_rows(named=True)}
        name = f"{str(hierarchy).replace('_', ' ')} ({str(task).rpartition('-')[2]})"
        cells = [_interval(values[metric]) for metric in ("roc_auc", "cross_entropy")]
        body.append([name, str(method), *cells, f"{values['roc_auc']['n']:,}"])
    columns = ["Hierarchy", "Features", "ROC AUC [95 %]", "Cross-entropy [95 %]", "Genes"]
    return Table(columns, body, csv="ontology.csv")


def terms_table(results: Results) -> Table | None:
    """ROC AUC of every ontology term and method."""
    rows = results.rows("ontology", metric="roc_auc")
    if rows.is_empty():
        return None
    each = rows.filter(pl.col("term_id") != "all")
    methods = list(dict.fromkeys(each["method"]))
    body = []
    keys = ("task", "hierarchy", "term_id", "term", "n")
    for (*_, term, n), part in each.group_by(keys, maintain_order=True):
        values = {row["method"]: _interval(row) for row in part.iter_rows(named=True)}
        body.append([f"{term} ({n:,} genes)", *(values.get(method, "–") for method in methods)])
    return Table(["Term", *methods], body)


def agreement_table(results: Results) -> Table | None:
    """How far neighbors in the embedding agree in each coloring of the map."""
    rows = results.rows("latent", part="map")
    columns = {
        "Coloring": lambda row: results.title(row["colour"]),
        "Embedding": lambda row: row["method"],
        "Measure": lambda row: row["metric"],
        "Value": lambda row: number(row["value"]),
        "RNAs": lambda row: f"{row['n']:,}",
    }
    ordered = rows if rows.is_empty() else rows.sort("colour", "metric", maintain_order=True)
    return _listed(ordered, columns, "latent.csv")


def neighbors_table(results: Results) -> Table | None:
    """How often a relative is among the nearest neighbors."""
    rows = results.rows("latent", part="retrieval", length="all")
    columns = {
        "Features": lambda row: row["method"],
        "Among": lambda row: row["scope"],
        "Relative": lambda row: row["relation"],
        "k nearest": lambda row: str(row["k"]),
        "Measure": lambda row: row["metric"],
        "Share [95 %]": _interval,
    }
    return _listed(rows, columns, "latent.csv")


def geometry_table(results: Results) -> Table | None:
    """Alignment and uniformity of every embedding."""
    columns = {
        "Features": lambda row: row["method"],
        "Measure": lambda row: f"{row['metric']}, {row['relation']}",
        "Value [95 %]": _interval,
    }
    return _listed(results.rows("latent", part="geometry"), columns, None)


def properties_table(results: Results) -> Table | None:
    """R² of sequence properties from every embedding."""
    rows = results.rows("latent", part="properties")
    if rows.is_empty():
        return None
    methods = list(dict.fromkeys(rows["method"]))
    body = []
    for (name,), part in rows.group_by("property", maintain_order=True):
        values = dict(part.select("method", "value").rows())
        body.append([str(name), *(number(values.get(method), 2) for method in methods)])
    return Table(["Property", *methods], body)


def motifs_table(results: Results) -> Table | None:
    """Effects of inserted motifs."""
    columns = {
        "Motif and region": lambda row: f"{row['motif']}, {row['region']}",
        "Task": lambda row: results.title(row["task"]),
        "Measure": lambda row: row["metric"],
        "Mean [95 %]": _interval,
        "mRNAs": lambda row: f"{row['n']:,}",
    }
    return _listed(results.rows("mutagenesis", part="motifs"), columns, "mutagenesis.csv")


def consequences_table(results: Results) -> Table | None:
    """Effects of point mutations by their consequence."""
    rows = results.rows("mutagenesis", part="every base")
    if rows.is_empty():
        return None
    body = []
    for (task, transcript, consequence), part in rows.group_by(
        "task", "transcript", "consequence", maintain_order=True
    ):
        values = dict(part.select("metric", "value").rows())
        mean = f"{values['mean effect']:+.4f}".replace("-", "−")
        absolute = f"{values['mean absolute effect']:.4f}"
        names = [str(consequence), results.title(str(task)), str(transcript)]
        body.append([*names, mean, absolute, f"{part['n'][0]:,}"])
    return Table(["Mutation", "Task", "mRNA", "Mean effect", "Mean absolute effect", "Mutations"], body)


def leakage_table(results: Results) -> Table | None:
    """The leakage audit of every task and split."""
    rows = results.rows("leaks")
    if rows.is_empty():
        return None
    kinds = list(dict.fromkeys(rows["metric"]))
    body = []
    for (task, split), part in rows.group_by("task", "split", maintain_order=True):
        cells = [_leaked(part.filter(metric=kind)) for kind in kinds]
        body.append([f"{results.title(str(task))} ({split} split)", *cells])
    columns = [f"Same {kind}" if kind.startswith("gene") else kind for kind in kinds]
    return Table(["Task", *columns], body, csv="leaks.csv")


def _leaked(rows: pl.DataFrame) -> str:
    if rows["value"].null_count() == rows.height:
        return "not known"
    count, total = int(rows["value"].sum()), int(rows["n"].sum())
    return f"{count:,} of {total:,} ({count / max(1, total):.1%})"


def models_table(results: Results) -> Table:
    """The models of the plan."""
    rows = [
        [name, one["model"], one["pooling"], str(one["tracks"]), one["sha256"][:16]]
        for name, one in results.manifest["models"].items()
    ]
    return Table(["Name", "Architecture", "Pooling", "Tracks", "Weights (SHA-256)"], rows)


def tasks_table(results: Results) -> Table:
    """The tasks of the plan and where their labels come from."""
    rows = [
        [
            results.title(name),
            task["citation"] or task["labels"],
            task["units"],
            task["rnas"],
            ", ".join(task["splits"]),
        ]
        for name, task in results.manifest["tasks"].items()
    ]
    return Table(["Task", "Source", "Units", "RNAs", "Splits"], rows)
