"""What is learnt: RNAs with one or more measured labels, and what must not be torn apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus import Corpus
from isoclr.corpus.codes import Codes
from isoclr.errors import InputError
from isoclr.finetuning.labelled import Task, group_rnas, pools_of
from isoclr.tasks import Samples
from isoclr.tasks.rnas import Rnas, label_rnas
from isoclr.tasks.splits import SplitKind

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """RNAs with labels.

    Attributes:
        table: one row an RNA: ``pool`` and ``row`` (its source, and where it is there), ``transcript_id``, ``gene_id``,
            ``species``, ``gene``, ``fold`` and ``chromosome`` (String or null).
        codes: the codes of every RNA.
        targets: ``(n, tasks)`` labels as measured; NaN where a task has none for an RNA.
        groups: ``(n,)`` gene, gene set or chromosome: what a split keeps on one side.
        tasks: names of the labels.
        counts: numbers of RNAs and groups, and of what was left out, by reason.
        gene_sets: ``(n,)`` homologous gene set of every RNA; None when they are not known.
        compared: ``(n,)`` what the leak audit compares: the sequence of every RNA, or of the insert of a construct.
        compared_named: that in words.
    """

    table: pl.DataFrame
    codes: Sequence[Codes]
    targets: Array
    groups: NDArray[np.str_]
    tasks: tuple[str, ...]
    counts: dict[str, int]
    gene_sets: NDArray[np.str_] | None
    compared: Sequence[Codes]
    compared_named: str

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


def gather(
    tasks: Sequence[Task],
    corpus: Corpus | None,
    *,
    split: SplitKind,
    chromosomes: Sequence[Path] = (),
) -> Dataset:
    """Join the labels with the RNAs that they are of: the corpus', or the constructs of a reporter assay.

    Of a gene whose label is measured by gene, the same transcript stands for it as in a probe.

    Args:
        tasks: the labels.
        corpus: has the sequences and knows the gene sets; None when all tasks bring their RNAs along.
        split: ``homology`` keeps gene sets together, ``chromosome`` chromosomes, the others genes.
        chromosomes: files that say where the genes lie, for a split by chromosome of labels that do not.

    Raises:
        InputError: a task and the corpus have nothing in common, the split needs what is not there, or for ``fold`` a
            gene is in two folds.
    """
    pools, places = pools_of(tasks, corpus)
    every, counts = _labelled(tasks, [pools[place] for place in places], places)
    if split == "fold":
        _refuse_torn(every, tasks)
    table = _one_row_an_rna(every)
    found = group_rnas(table, pools, split, chromosomes)
    table, groups = table.filter(pl.Series(found.keep)), found.groups[found.keep]
    rows = [(pools[pool], row) for pool, row in table.select("pool", "row").iter_rows()]
    sizes = {"RNAs": table.height, "groups": len(np.unique(groups))}
    return Dataset(
        table=table,
        codes=[pool.codes_of(row) for pool, row in rows],
        targets=_targets(every, table, len(tasks)),
        groups=groups,
        tasks=tuple(task.name for task in tasks),
        counts={**sizes, **counts, **found.counts},
        gene_sets=None if found.gene_sets is None else found.gene_sets[found.keep],
        compared=[pool.compared_of(row) for pool, row in rows],
        compared_named=" or ".join(dict.fromkeys(pool.compared for pool in pools)),
    )


def _labelled(
    tasks: Sequence[Task], pools: Sequence[Rnas], places: Sequence[int]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """A row for every RNA and label of it, with the numbers of the task and the RNAs' source; what is left out."""
    counts: dict[str, int] = {}
    joined = []
    for number, (task, pool, place) in enumerate(zip(tasks, pools, places, strict=True)):
        samples = label_rnas(task.labels, pool.choose(task.species, task.rnas))
        prefix = f"{task.name}: " if len(tasks) > 1 else ""
        counts[f"{prefix}label rows without a value"] = task.labels.missing
        if pool.corpus is not None:
            counts |= {
                f"{prefix}labels without an RNA in the corpus": samples.unmatched,
                f"{prefix}RNAs for which another of their gene stands": samples.not_representative,
            }
        numbers = {"task": pl.lit(number, pl.Int64), "pool": pl.lit(place, pl.Int64)}
        joined.append(samples.table.with_columns(**numbers))
    return pl.concat(joined), counts


def _targets(every: pl.DataFrame, table: pl.DataFrame, tasks: int) -> Array:
    """``(n, tasks)`` the labels of every RNA of the table."""
    places = table.select("pool", "row").with_row_index("place")
    known = every.join(places, on=["pool", "row"], how="inner")
    targets = np.full((table.height, tasks), np.nan)
    targets[known["place"].to_numpy(), known["task"].to_numpy()] = known["value"].to_numpy()
    return targets


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
    table = every.group_by("pool", "row").agg(
        pl.col("transcript_id", "gene_id", "species", "gene").first(),
        pl.col("fold", "chromosome").drop_nulls().first(),
    )
    return table.sort("gene", "pool", "row")
