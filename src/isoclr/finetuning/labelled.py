"""The labels that are learnt, and the RNAs that each of them is of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from isoclr.corpus import Corpus
from isoclr.embedding.table import RnaChoice
from isoclr.errors import InputError
from isoclr.probing.grouping import Groups, group
from isoclr.tasks import Labels, Samples
from isoclr.tasks import Task as TaskFile
from isoclr.tasks.rnas import Rnas, of_corpus, of_task
from isoclr.tasks.splits import SplitKind


@dataclass(frozen=True)
class Task:
    """One label to predict.

    Attributes:
        labels: the table.
        species: the species it was measured in; None: any of the corpus.
        name: what it is called in results.
        rnas: which transcripts may stand for a gene.
        file: the task file that it comes from; None for a table as it is.
    """

    labels: Labels
    species: str | None
    name: str
    rnas: RnaChoice = "all"
    file: TaskFile | None = None

    @property
    def construct(self) -> bool:
        """Whether it is of a reporter assay's RNAs, which are no corpus'."""
        return self.file is not None and self.file.construct is not None


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


def pools_of(tasks: Sequence[Task], corpus: Corpus | None) -> tuple[list[Rnas], list[int]]:
    """The sources of RNAs, and for every task the number of its own; labels of one assay share their RNAs.

    Raises:
        InputError: a task's RNAs are a corpus', and there is none.
    """
    keys: list[object] = []
    pools: list[Rnas] = []
    places: list[int] = []
    for task in tasks:
        key = (task.labels.path, task.file.construct) if task.construct and task.file else None
        if key not in keys:
            keys.append(key)
            pools.append(_pool(task, corpus))
        places.append(keys.index(key))
    return pools, places


def _pool(task: Task, corpus: Corpus | None) -> Rnas:
    if task.construct and task.file is not None:
        return of_task(task.file)
    if corpus is None:
        raise InputError(
            f"{task.labels.path}: its RNAs are a corpus', which --corpus must name; only a reporter assay's task "
            "brings its own"
        )
    return of_corpus(corpus)


def group_rnas(
    table: pl.DataFrame, pools: Sequence[Rnas], split: SplitKind, chromosomes: Sequence[Path]
) -> Groups:
    """What a split keeps together, see :func:`isoclr.probing.grouping.group`.

    Beside a corpus' RNAs, a construct, which has no homologs, is a gene set of its own.

    Args:
        table: one row an RNA, with ``pool``, the number of its source.
        pools: the sources.
        split: of the RNAs.
        chromosomes: files that say where the genes lie.
    """
    whole, parts, rows = Samples(table, 0, 0, 0), [], []
    beside = any(pool.corpus is not None for pool in pools)
    counts: Counter[str] = Counter()
    for number, pool in enumerate(pools):
        mine = (table["pool"] == number).to_numpy()
        alone = pool.corpus is not None or not beside
        of_pool = group if alone else _group_constructs
        parts.append(of_pool(whole.select(mine), pool.corpus, split, chromosomes))
        rows.append(np.flatnonzero(mine))
        counts.update(parts[-1].counts)
    order = np.argsort(np.concatenate(rows))
    sets = [part.gene_sets for part in parts if part.gene_sets is not None]
    return Groups(
        groups=np.concatenate([part.groups for part in parts])[order],
        keep=np.concatenate([part.keep for part in parts])[order],
        gene_sets=np.concatenate(sets)[order] if len(sets) == len(parts) else None,
        counts=dict(counts),
    )


def _group_constructs(
    samples: Samples, corpus: Corpus | None, split: SplitKind, chromosomes: Sequence[Path]
) -> Groups:
    """Constructs beside a corpus' RNAs: each a gene, and a gene set, of its own."""
    found = group(samples, corpus, "random" if split == "homology" else split, chromosomes)
    return replace(found, gene_sets=samples.table["gene"].to_numpy().astype(np.str_))
