"""What is learnt: RNAs of a corpus with one or more measured labels, and what must not be torn apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus import Corpus
from isoclr.corpus.codes import Codes
from isoclr.embedding.table import RnaChoice
from isoclr.errors import InputError
from isoclr.probing.grouping import SplitName, gene_sets
from isoclr.tasks import Labels, Samples, match

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """One label to predict.

    Attributes:
        labels: the table.
        species: the species it was measured in; None: any of the corpus.
        name: what it is called in results.
    """

    labels: Labels
    species: str | None
    name: str


@dataclass(frozen=True)
class Dataset:
    """RNAs with labels.

    Attributes:
        table: one row an RNA: ``transcript_id``, ``gene_id``, ``species``, ``gene``, ``fold`` (String or null).
        codes: the codes of every RNA.
        targets: ``(n, tasks)`` labels as measured; NaN where a task has none for an RNA.
        groups: ``(n,)`` gene, or gene set: what a split keeps on one side.
        tasks: names of the labels.
        counts: numbers of RNAs and groups, and of what was left out, by reason.
    """

    table: pl.DataFrame
    codes: Sequence[Codes]
    targets: Array
    groups: NDArray[np.str_]
    tasks: tuple[str, ...]
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """``(n,)`` nt."""
        return np.array([len(codes) for codes in self.codes], np.int64)

    @property
    def samples(self) -> Samples:
        """The RNAs as :mod:`isoclr.probing.grouping` takes them."""
        return Samples(self.table, 0, 0, 0)


def name_tasks(labels: Sequence[Labels], species: Sequence[str | None]) -> list[Task]:
    """Give every table a name: the label's, with the species or the file's name where that alone is not clear."""
    tasks: list[Task] = []
    for table, kind in zip(labels, species, strict=True):
        name = table.name if kind is None else f"{table.name} ({kind})"
        if any(task.name == name for task in tasks):
            name = f"{name} [{table.path.name}]"
        if any(task.name == name for task in tasks):
            raise InputError(f"{table.path}: {name} is given twice, expected every label once")
        tasks.append(Task(table, kind, name))
    return tasks


def gather(
    tasks: Sequence[Task], corpus: Corpus, *, split: SplitName, rnas: RnaChoice = "all"
) -> Dataset:
    """Join the labels with the corpus' transcripts.

    Of a gene whose label is measured by gene, the same transcript stands for it as in a probe.

    Args:
        tasks: the labels.
        corpus: has the sequences and knows the gene sets.
        split: ``homology`` keeps gene sets together, the others genes.
        rnas: which transcripts may stand for a gene.

    Raises:
        InputError: a task and the corpus have nothing in common, or for ``fold`` a gene is in two folds.
    """
    counts: dict[str, int] = {}
    joined = []
    for number, task in enumerate(tasks):
        samples = _samples(task, corpus, rnas)
        prefix = f"{task.name}: " if len(tasks) > 1 else ""
        counts |= {
            f"{prefix}labels without an RNA in the corpus": samples.unmatched,
            f"{prefix}label rows without a value": task.labels.missing,
            f"{prefix}RNAs for which another of their gene stands": samples.not_representative,
        }
        joined.append(samples.table.with_columns(task=pl.lit(number, pl.Int64)))
    every = pl.concat(joined)
    if split == "fold":
        _refuse_torn(every, tasks)
    table = _one_row_an_rna(every)
    places = every.join(table.select("row").with_row_index("place"), on="row", how="left")
    targets = np.full((table.height, len(tasks)), np.nan)
    targets[places["place"].to_numpy(), places["task"].to_numpy()] = places["value"].to_numpy()
    groups = table["gene"].to_numpy().astype(np.str_)
    if split == "homology":
        groups, unknown = gene_sets(Samples(table, 0, 0, 0), corpus)
        counts["genes that the corpus does not know"] = unknown
    codes = [corpus.codes_of(row) for row in table["row"].to_list()]
    sizes = {"RNAs": table.height, "groups": len(np.unique(groups))}
    names = tuple(task.name for task in tasks)
    return Dataset(table, codes, targets, groups, names, {**sizes, **counts})


def _samples(task: Task, corpus: Corpus, rnas: RnaChoice) -> Samples:
    """The task's RNAs, each with its row in the corpus."""
    cds = pl.when(pl.col("cds_start") >= 0).then(pl.col("cds_end") - pl.col("cds_start"))
    table = corpus.transcripts.with_row_index("place").with_columns(cds_length=cds.otherwise(0))
    if task.species is not None:
        table = table.filter(pl.col("species") == task.species)
    if rnas == "coding":
        table = table.filter(pl.col("cds_length") > 0)
    elif rnas == "annotated":
        table = table.filter(pl.col("cds_source") == "annotated")
    if table.height == 0:
        raise InputError(
            f"{corpus.path}: no transcript is of species {task.species or 'any'!r} and of choice {rnas!r}; "
            f"its species are {', '.join(corpus.species)}"
        )
    columns = ("transcript_id", "gene_id", "species", "length", "cds_length")
    samples = match(task.labels, table.select(columns))
    rows = table["place"].cast(pl.Int64).gather(samples.table["row"])
    found = samples.table.with_columns(row=rows)
    return Samples(found, samples.unmatched, samples.without_label, samples.not_representative)


def _refuse_torn(every: pl.DataFrame, tasks: Sequence[Task]) -> None:
    """A gene whose RNAs are in several folds, of one table or of all together, would be tested on itself."""
    folds = pl.col("fold").drop_nulls().unique().sort()
    genes = every.group_by("gene").agg(folds, pl.col("gene_id").first())
    torn = genes.filter(pl.col("fold").list.len() > 1).sort("gene")
    if torn.height:
        files = " and ".join(str(task.labels.path) for task in tasks)
        raise InputError(
            f"{files}: RNAs of gene {torn['gene_id'][0]} are in folds {', '.join(torn['fold'][0])}, of "
            f"{torn.height - 1:,} more genes too; --split fold needs every gene in one fold, or use --split random"
        )


def _one_row_an_rna(every: pl.DataFrame) -> pl.DataFrame:
    """The RNAs of all tasks, each once, ordered by gene; for a split by fold, the tables agree on it."""
    table = every.group_by("row").agg(
        pl.col("transcript_id", "gene_id", "species", "gene").first(),
        fold=pl.col("fold").drop_nulls().first(),
    )
    return table.sort("gene", "row")
