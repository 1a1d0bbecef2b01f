"""A task's samples, the same for every method: RNAs with labels, dealt to training and test."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.benchmarking.rnas import Rnas
from isoclr.corpus.codes import Codes, nucleotides
from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.probing.grouping import (
    SplitName,
    check_folds,
    check_parts,
    gene_sets,
    gene_sets_if_known,
    make_splits,
)
from isoclr.tasks import Samples, Split, Task, match
from isoclr.tasks.audit import LeakAudit, audit
from isoclr.tasks.metrics import CLASSES, QUANTITY, Metric

INSERT = "insert of the construct"
"""What the leak audit compares of a reporter assay's RNAs."""


@dataclass(frozen=True)
class Prepared:
    """What every method of one task and split is given.

    Attributes:
        task: the task.
        split: how the samples are dealt.
        rnas: where the RNAs come from.
        samples: RNAs with labels; ``rows`` are rows of ``rnas``.
        groups: ``(n,)`` gene or gene set: what is never on both sides.
        splits: training and test parts.
        how: the splits in words.
        counts: numbers of samples and groups, and of what was left out, by reason.
        metrics: what to report, the main one first.
    """

    task: Task
    split: SplitName
    rnas: Rnas
    samples: Samples
    groups: NDArray[np.str_]
    splits: list[Split]
    how: str
    counts: dict[str, int]
    metrics: Mapping[str, Metric]

    @property
    def codes(self) -> list[Codes]:
        """The sequence of every sample: views, no copies."""
        return [self.rnas.codes_of(int(row)) for row in self.samples.rows]

    def leaks(self) -> LeakAudit:
        """What the test parts share with the training parts."""
        genes = self.samples.table["gene"].to_numpy().astype(np.str_)
        if self.rnas.corpus is None:
            return audit(self.splits, genes, None, self._inserts(), compared=INSERT)
        sets = gene_sets_if_known(self.samples, self.rnas.corpus)
        return audit(self.splits, genes, sets, self.codes)

    def _inserts(self) -> list[Codes]:
        """Where the samples of a reporter assay differ; around it all are the same."""
        inserts = self.task.inserts()
        return [nucleotides(inserts[name]) for name in self.samples.table["transcript_id"]]


def prepare(
    task: Task,
    rnas: Rnas,
    *,
    split: SplitName,
    repeats: int,
    seed: int,
    shared: Collection[str] | None = None,
) -> Prepared:
    """Join a task's labels to RNAs and deal the samples.

    Args:
        task: the label and the RNAs it is of.
        rnas: the RNAs.
        split: how samples are dealt.
        repeats: random, homology-aware or chromosome splits.
        seed: of the first of them.
        shared: transcripts that every foreign model has; the others are left out for all methods alike.

    Raises:
        InputError: labels that cannot be used, or nothing in common.
    """
    labels = task.labels()
    if split == "fold":
        check_folds(labels)
    samples, missing = _samples(task, rnas, shared)
    groups = samples.table["gene"].to_numpy().astype(np.str_)
    counts = {"samples": len(samples), "labels without an RNA": samples.unmatched}
    counts["RNAs that a foreign model has not"] = missing
    if split == "homology":
        if rnas.corpus is None:
            raise InputError(f"{task.source}: constructs have no homologs; expected another split")
        groups, counts["genes that the corpus does not know"] = gene_sets(samples, rnas.corpus)
    splits, how = make_splits(split, groups, samples, folds=None, seeds=repeats, seed=seed)
    check_parts(splits, samples.values, labels)
    return Prepared(
        task=task,
        split=split,
        rnas=rnas,
        samples=samples,
        groups=groups,
        splits=splits,
        how=how,
        counts={**counts, "groups": len(np.unique(groups))},
        metrics=CLASSES if labels.binary else QUANTITY,
    )


def restricts(task: Task, rnas: Rnas, shared: Collection[str] | None) -> bool:
    """Whether a task's samples are others because foreign models lack some RNAs."""
    if shared is None:
        return False
    column = "transcript_id"
    return (
        not _samples(task, rnas, shared)[0]
        .table[column]
        .equals(_samples(task, rnas, None)[0].table[column])
    )


def _samples(task: Task, rnas: Rnas, shared: Collection[str] | None) -> tuple[Samples, int]:
    """The task's samples with their rows in ``rnas``, and how many RNAs a foreign model lacks."""
    everything = Embeddings(rnas.table, np.empty((rnas.table.height, 0), np.float32), {})
    species = task.species if rnas.corpus is not None else None
    chosen = everything.select(species, task.rnas).table
    kept = chosen
    if shared is not None:
        kept = chosen.filter(pl.col("transcript_id").is_in(list(shared)))
    if not kept.height:
        raise InputError(f"{task.source}: no RNA of the task is in all [[embeddings]]")
    samples = match(task.labels(), kept)
    name = ["species", "transcript_id"]
    places = rnas.table.select(*name, row=pl.int_range(pl.len(), dtype=pl.Int64))
    table = samples.table.drop("row").join(places, on=name, how="left", maintain_order="left")
    return replace(samples, table=table), chosen.height - kept.height
