"""The tables of the page: numbers as a paper prints them, with their intervals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from isoclr.evaluation.report.results import CORPUS, PUBLISHED, Published, Results
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
NONE = ("–", "–")  # A value and its second metric where there are none


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


def values(rows: pl.DataFrame, column: str) -> list[Any]:
    """Different values of a column in their order; none of an empty table, which has no columns."""
    return [] if rows.is_empty() else list(dict.fromkeys(rows[column]))


def grouped(rows: pl.DataFrame, *keys: str) -> Iterator[tuple[list[str], pl.DataFrame]]:
    """The rows of every combination of values, in their order; nothing of an empty table, which has no columns."""
    for names, part in rows.group_by(keys, maintain_order=True) if not rows.is_empty() else ():
        yield [str(name) for name in names], part


def corpus_table(results: Results) -> Table | None:
    """Table 1: gene sets and transcripts of every species, and the paper's."""
    columns = "Species | Gene sets | Transcripts | Mean per set | Two or more"
    line = "{species} | {gene_sets:,} | {transcripts:,} | {mean:.2f} | {several:.0%}"
    keys = ("species", "gene_sets", "transcripts", "mean", "several")
    paper = [dict(zip(keys, (f"{row[0]} species", *row[1:]), strict=True)) for row in CORPUS]
    published = [_line(results, line, row) for row in paper]
    own = _listed(results, results.rows("corpus"), columns, line, "corpus.csv")
    return own and replace(own, groups=[("Published (GENCODE and RefSeq, whole transcriptomes)", published)])


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


def split_table(results: Results, study: str, split: str) -> Table:
    """One split of a study: a row per method, two columns per task; published numbers below."""
    rows = labelled(results.rows(study, split=split))
    columns = ["Method"]
    body = {name: [name] for name in values(rows, "name")}
    paper = {model: [model] for model in PUBLISHED.get(study, {})}
    for task in values(rows, "task"):
        metric = main_metric(rows, task)
        second = "mse" if metric == "pearson" else "spearman"
        columns += [f"{results.title(task)}: {TITLES[metric]} [95 %]", TITLES[second]]
        for name, line in body.items():
            cells = {row["metric"]: row for row in rows.filter(task=task, name=name).to_dicts()}
            line += (_interval(cells[metric]), number(cells.get(second, {}).get("value"))) if metric in cells else NONE
        for model, line in paper.items():
            line += _published_cells(PUBLISHED[study][model].get(results.published_as(task)))
    shown = [line for line in paper.values() if set(line[1:]) - {*NONE}]
    groups = [("Published (other RNAs, another split; for orientation)", shown)] if shown else []
    return Table(columns, [*body.values()], groups, f"{study}.csv")


def _interval(row: Mapping[str, Any]) -> str:
    return with_interval(row["value"], row["low"], row["high"])


def _published_cells(one: Published | None) -> tuple[str, str]:
    if one is None:
        return NONE
    r = number(one.r) if one.spread is None else f"{number(one.r, 2)} ± {one.spread:g}"
    return r, number(one.mse, 2)


def _listed(results: Results, rows: pl.DataFrame, columns: str, line: str, csv: str | None) -> Table | None:
    """One line per row; None without rows.

    Args:
        columns: Names of the columns, between bars.
        line: What they hold, between bars; see :func:`_line`.
    """
    body = [_line(results, line, row) for row in rows.iter_rows(named=True)]
    return _table(columns.split(" | "), body, csv)


def _line(results: Results, line: str, row: Mapping[str, Any]) -> list[str]:
    """Cells with the values of a row, the title of its task or coloring, that of its metric, and its number."""
    shown = {
        **row,
        "title": results.title(row.get("task", row.get("colour", ""))),
        "measure": TITLES.get(row.get("metric", ""), row.get("metric")),
        "number": number(row.get("value")),
        "interval": with_interval(row.get("value"), row.get("low"), row.get("high")),
    }
    return [cell.format_map(shown) for cell in line.split(" | ")]


def _table(columns: Sequence[str], body: Sequence[Sequence[str]], csv: str | None = None) -> Table | None:
    """A table; None without rows."""
    return Table(columns, body, csv=csv) if body else None


def differences_table(results: Results, study: str, split: str) -> Table | None:
    """Paired differences between the first method and the others; None where there is one method only."""
    name = f"{study}_differences"
    body = []
    for row in results.rows(name, split=split).iter_rows(named=True):
        ours, theirs = _probed(row["method"], row["model"]), _probed(row["against"], row["against_model"])
        body.append([f"{ours} − {theirs}", results.title(row["task"]), _interval(row)])
    return _table(["Difference", "Task", "Main metric [95 %]"], body, f"{name}.csv")


def _probed(method: str, model: str) -> str:
    """A method with the model that reads its features."""
    return f"{method} ({model})" if model in (*PROBES, "trees") else method


def verdicts(results: Results, study: str, baselines: Iterable[str]) -> list[dict[str, Any]]:
    """Whether the first model is above a baseline, and in words, for every comparison with one of the baselines."""
    found, baselines = [], set(baselines)
    for row in results.rows(f"{study}_differences").iter_rows(named=True):
        if row["against"] not in baselines:
            continue
        low, high, probe = row["low"], row["high"], row["model"]
        if low is None or high is None:
            relation = "differs by one number without an interval from"
        elif high < 0:
            relation = "is below"
        else:
            relation = "is above" if low > 0 else "cannot be distinguished from"
        if row["against_model"] != probe:
            probe = f"{probe} against {row['against_model']}"
        words = (
            f"{results.title(row['task'])} ({row['split']} split, {probe}): {row['method']} {relation} "
            f"{row['against']}, {TITLES.get(row['metric'], row['metric'])} {_interval(row)}."
        )
        found.append({"above": relation == "is above", "words": words})
    return found


# --- One table per study ---


def low_data_table(results: Results) -> Table | None:
    """The numbers of Figure 3b."""
    columns = "Method | Task | Share | Training labels | Metric | Mean [95 %]"
    line = "{method} | {title} | {share:g} % | {train:,} | {measure} | {interval}"
    return _listed(results, results.rows("low_data_means"), columns, line, "low_data_means.csv")


def ontology_table(results: Results) -> Table | None:
    """Table 5: the mean over terms of every hierarchy and method."""
    body = []
    for (task, hierarchy, method), part in grouped(
        results.rows("ontology", term_id="all"), "task", "hierarchy", "method"
    ):
        measured = {row["metric"]: row for row in part.iter_rows(named=True)}
        name = f"{hierarchy.replace('_', ' ')} ({task.rpartition('-')[2]})"
        cells = [_interval(measured[metric]) for metric in ("roc_auc", "cross_entropy")]
        body.append([name, method, *cells, f"{measured['roc_auc']['n']:,}"])
    columns = ["Hierarchy", "Features", "ROC AUC [95 %]", "Cross-entropy [95 %]", "Genes"]
    return _table(columns, body, "ontology.csv")


def terms_table(results: Results) -> Table | None:
    """ROC AUC of every ontology term and method."""
    rows = results.rows("ontology", metric="roc_auc")
    methods = values(rows, "method")
    body = []
    for (*_, term_id, term, n), part in grouped(rows, "task", "hierarchy", "term_id", "term", "n"):
        if term_id != "all":
            measured = {row["method"]: _interval(row) for row in part.iter_rows(named=True)}
            body.append([f"{term} ({int(n):,} genes)", *(measured.get(method, "–") for method in methods)])
    return _table(["Term", *methods], body)


def agreement_table(results: Results) -> Table | None:
    """How far neighbors in the embedding agree in each coloring of the map."""
    rows = results.rows("latent", part="map")
    ordered = rows if rows.is_empty() else rows.sort("colour", "metric", maintain_order=True)
    columns = "Coloring | Embedding | Measure | Value | RNAs"
    line = "{title} | {method} | {metric} | {number} | {n:,}"
    return _listed(results, ordered, columns, line, "latent.csv")


def neighbors_table(results: Results) -> Table | None:
    """How often a relative is among the nearest neighbors."""
    columns = "Features | Among | Relative | k nearest | Measure | Share [95 %]"
    line = "{method} | {scope} | {relation} | {k} | {metric} | {interval}"
    return _listed(results, results.rows("latent", part="retrieval", length="all"), columns, line, "latent.csv")


def geometry_table(results: Results) -> Table | None:
    """Alignment and uniformity of every embedding."""
    columns, line = "Features | Measure | Value [95 %]", "{method} | {metric}, {relation} | {interval}"
    return _listed(results, results.rows("latent", part="geometry"), columns, line, None)


def properties_table(results: Results) -> Table | None:
    """R² of sequence properties from every embedding."""
    rows = results.rows("latent", part="properties")
    methods = values(rows, "method")
    body = []
    for (name,), part in grouped(rows, "property"):
        r2 = dict(part.select("method", "value").rows())
        body.append([name, *(number(r2.get(method), 2) for method in methods)])
    return _table(["Property", *methods], body)


def motifs_table(results: Results) -> Table | None:
    """Effects of inserted motifs."""
    columns = "Motif and region | Task | Measure | Mean [95 %] | mRNAs"
    line = "{motif}, {region} | {title} | {metric} | {interval} | {n:,}"
    return _listed(results, results.rows("mutagenesis", part="motifs"), columns, line, "mutagenesis.csv")


def consequences_table(results: Results) -> Table | None:
    """Effects of point mutations by their consequence."""
    rows = results.rows("mutagenesis", part="every base")
    body = []
    for (task, transcript, consequence), part in grouped(rows, "task", "transcript", "consequence"):
        effects = dict(part.select("metric", "value").rows())
        mean = f"{effects['mean effect']:+.4f}".replace("-", "−")
        absolute = f"{effects['mean absolute effect']:.4f}"
        body.append([consequence, results.title(task), transcript, mean, absolute, f"{part['n'][0]:,}"])
    return _table(["Mutation", "Task", "mRNA", "Mean effect", "Mean absolute effect", "Mutations"], body)


def leakage_table(results: Results) -> Table | None:
    """The leakage audit of every task and split."""
    rows = results.rows("leaks")
    kinds = values(rows, "metric")
    body = []
    for (task, split), part in grouped(rows, "task", "split"):
        cells = [_leaked(part.filter(metric=kind)) for kind in kinds]
        body.append([f"{results.title(task)} ({split} split)", *cells])
    columns = [f"Same {kind}" if kind.startswith("gene") else kind for kind in kinds]
    return _table(["Task", *columns], body, "leaks.csv")


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
