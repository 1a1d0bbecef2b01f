"""Copy the results of ``isoclr evaluate`` into the repository: CSV files, pictures, and tables of its documents.

    bash runs/paper_small.sh OUT
    CORPUS=OUT/corpus bash runs/retrieval.sh isoclr-s OUT
    python -m benchmarks.paper_tables OUT

Copies every CSV file and the manifest of ``OUT/benchmark`` to ``results/``, of ``OUT/networks`` to
``results/networks/``, ``OUT/retrieval*.csv``, and the pictures to ``docs/``; fills the tables of README.md,
docs/figures.md, docs/model-card.md and docs/results.md: each stands between ``<!-- NAME -->`` and ``<!-- end -->``; all
else stays.
Studies that were not run keep their earlier results, which are in ``results/isoclr-s.v1`` if they are of those weights.
"""

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from scipy import stats

from benchmarks.harness import ROOT, options_of
from isoclr._io import atomic_path
from isoclr.evaluation.report.results import CORPUS
from isoclr.evaluation.report.tables import number, with_interval

RESULTS = ROOT / "results"
EARLIER = "isoclr-s.v1"
"""Folder of :data:`RESULTS` with the studies that only the earlier weights have."""
DOCUMENTS = ("README.md", "docs/figures.md", "docs/model-card.md", "docs/results.md")
PICTURES = {
    "low_data.png": "low_data.png",
    "ontology.png": "ontology.png",
    "map_IsoCLR-S.png": "map.png",
    "mutations_*.png": "mutations.png",
}
"""In ``OUT/benchmark/figures``, and in ``docs``."""
Rows = Callable[[str], pl.DataFrame]
"""A study's table by its name."""


def main_table(rows: Rows) -> str:
    """Ridges on frozen features: Pearson R of every task."""
    chosen = {
        "half-life, human": {"task": "half-life-human", "split": "fold"},
        "half-life, mouse": {"task": "half-life-mouse", "split": "fold"},
        "translation efficiency": {"task": "translation-efficiency-hela", "split": "homology"},
        "mean ribosome load": {"task": "mrl-5utr", "split": "random"},
    }
    table = rows("main").filter(pl.col("model").is_in(["ridge", "trees", "grouped"]), metric="pearson")
    return _markdown("features", _columns(table, chosen))


def low_data(rows: Rows) -> str:
    """Pearson R by share of the training labels, mean of the repeats."""
    means = rows("low_data_means").filter(metric="pearson")
    shares = means["share"].unique().sort(descending=True)
    columns = {
        f"{share:g} %": {row["method"]: number(row["value"]) for row in means.filter(share=share).iter_rows(named=True)}
        for share in shares
    }
    return _markdown("share of the training labels", columns)


def finetuning(rows: Rows) -> str:
    """Networks trained to the end, and ridges on the same splits."""
    columns = {}
    probes = rows("networks/main").filter(metric="pearson", model="ridge", split="random")
    networks = rows("networks/finetuning").filter(metric="pearson")
    for (task,), part in networks.group_by("task", maintain_order=True):
        simple = _by_method(probes.filter(task=task))
        ridges = {f"{name}, ridge": value for name, value in simple.items()}
        columns[str(task).replace("-", " ")] = {**_by_method(part), **ridges}
    return _markdown("method", columns)


def ontology(rows: Rows) -> str:
    """Mean ROC AUC over the ten terms of each hierarchy."""
    table = rows("ontology").filter(metric="roc_auc", term_id="all")
    hierarchies = table["hierarchy"].unique(maintain_order=True)
    return _markdown("features", _columns(table, {one.replace("_", " "): {"hierarchy": one} for one in hierarchies}))


def neighbours(rows: Rows) -> str:
    """How often the nearest neighbour is a relative, with and without whitening."""
    whitened = rows("retrieval-whitened").with_columns(pl.col("method") + ", whitened")
    table = pl.concat([rows("retrieval"), whitened]).with_columns(
        pl.col("method").str.replace("isoclr-s", "IsoCLR-S", literal=True)
    )
    table = table.filter(k=1, metric="hit rate", length="all")
    chosen = {
        "an isoform": {"scope": "all RNAs", "relation": "isoform"},
        "a paralog, isoforms left out": {"scope": "RNAs of other genes", "relation": "paralog"},
        "the ortholog, its own species left out": {"scope": "RNAs of other species", "relation": "ortholog"},
    }
    return _markdown("features", _columns(table, chosen))


def ablations(rows: Rows) -> str:
    """Pre-training with parts of the method left out, equal steps: means over seeds."""
    table = rows("ablations").filter(metric="pearson")
    columns = {
        f"{task.replace('-', ' ')}, {split}": _by_method(_over_seeds(part))
        for (task, split), part in table.group_by("task", "split", maintain_order=True)
    }
    return _markdown("pre-training", columns)


def another_seed(rows: Rows) -> str:
    """The same of another seed, of a machine of its own."""
    return ablations(lambda name: rows(f"{name}_seed_1"))


def _over_seeds(part: pl.DataFrame) -> pl.DataFrame:
    """Intervals of means over seeds; all runs share one variance, because two seeds of one run tell little of it."""
    seeds = part["seeds"][0] if "seeds" in part.columns else 1
    if seeds == 1:
        return part  # with the intervals over splits
    error = math.sqrt(float((part["seed_sd"].to_numpy() ** 2).mean()) / seeds)
    half = float(stats.t.ppf(0.975, len(part) * (seeds - 1))) * error
    return part.with_columns(low=pl.col("value") - half, high=pl.col("value") + half)


def corpus(rows: Rows) -> str:
    """Gene sets and transcripts by species, and the paper's."""
    names = ("gene_sets", "transcripts", "mean", "several")
    table = rows("corpus")
    own = zip(table["species"], table.select(names).rows(), strict=True)
    counts = {f"{name} species" if name == "all" else name: row for name, row in own}
    counts |= {f"the paper, {n} species": tuple(row) for n, *row in CORPUS}
    columns = {
        "gene sets": {name: f"{row[0]:,}" for name, row in counts.items()},
        "transcripts": {name: f"{row[1]:,}" for name, row in counts.items()},
        "mean per set": {name: f"{row[2]:.2f}" for name, row in counts.items()},
        "sets of two or more": {name: f"{100 * row[3]:.0f} %" for name, row in counts.items()},
    }
    return _markdown("RNAs of", columns)


def motifs(rows: Rows) -> str:
    """What planting a motif does to the predicted half-life, beyond planting its shuffled letters."""
    table = rows("mutagenesis").filter(metric="effect beyond control")
    columns = {
        "change of the prediction beyond its control (SD)": {
            f"{row['motif']} ({row['region']})": _interval(row) for row in table.iter_rows(named=True)
        }
    }
    return _markdown("motif", columns)


TABLES: dict[str, Callable[[Rows], str]] = {
    "main": main_table,
    "low data": low_data,
    "networks": finetuning,
    "ontology": ontology,
    "neighbours": neighbours,
    "ablations": ablations,
    "another seed": another_seed,
    "motifs": motifs,
    "corpus": corpus,
}


def _columns(table: pl.DataFrame, chosen: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """One column for the rows with the chosen values, with the number of samples in its title."""
    columns = {}
    for title, values in chosen.items():
        part = table.filter(**values)
        columns[f"{title} (n = {part['n'][0]:,})"] = _by_method(part)
    return columns


def _by_method(part: pl.DataFrame) -> dict[str, str]:
    return {row["method"]: _interval(row) for row in part.iter_rows(named=True)}


def _interval(row: dict[str, Any]) -> str:
    return with_interval(row["value"], row["low"], row["high"])


def _markdown(corner: str, columns: dict[str, dict[str, str]]) -> str:
    """Methods down, columns across; a dash where a method was not tried."""
    methods = dict.fromkeys(name for column in columns.values() for name in column)
    lines = [" | ".join([corner, *columns]), "|".join(["---"] * (len(columns) + 1))]
    lines += [" | ".join([name, *(c.get(name, "–") for c in columns.values())]) for name in methods]
    return "\n".join(f"| {line} |" for line in lines)


def filled(text: str, rows: Rows) -> str:
    """A document with its tables made anew; those of studies that were not run stay."""
    for name, make in TABLES.items():
        block = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        if block.search(text):
            table = make(rows)
            text = block.sub(lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}", text)  # type: ignore[misc]
    return text


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("out", type=Path, help="the directory that runs/paper_small.sh filled")
    out = parser.parse_args().out
    if not (out / "benchmark" / "results").is_dir():
        parser.error(f"{out}: no benchmark/results in it, expected what runs/paper_small.sh filled")
    for made, kept in (("benchmark", RESULTS), ("networks", RESULTS / "networks")):
        if (out / made / "results").is_dir():
            shutil.copytree(out / made / "results", kept, dirs_exist_ok=True)
    for table in out.glob("retrieval*.csv"):
        shutil.copyfile(table, RESULTS / table.name)
    for name, copy in PICTURES.items():
        pictures = (out / "benchmark" / "figures").glob(name)
        if (picture := min(pictures, default=None)) is not None:
            shutil.copyfile(picture, ROOT / "docs" / copy)
    for name in DOCUMENTS:
        document = ROOT / name
        text = filled(document.read_text(encoding="utf-8"), table_of)
        with atomic_path(document) as partial:
            partial.write_text(text, encoding="utf-8")


def table_of(name: str) -> pl.DataFrame:
    """A table of the repository's results."""
    path = RESULTS / f"{name}.csv"
    if not path.exists():
        path = RESULTS / EARLIER / f"{name}.csv"
    return pl.read_csv(path, infer_schema_length=None)


if __name__ == "__main__":
    main()
