"""A task's samples, the same for every method: RNAs with labels, dealt to training and test."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes
from isoclr.errors import InputError
from isoclr.probing.grouping import check_folds, check_parts, group, make_splits
from isoclr.tasks import Labels, Samples, Split, Task
from isoclr.tasks.audit import LeakAudit, audit
from isoclr.tasks.metrics import CLASSES, QUANTITY, Metric
from isoclr.tasks.rnas import Rnas, label_rnas
from isoclr.tasks.splits import SplitKind


@dataclass(frozen=True)
class Prepared:
    """What every method of one task and split is given.

    Attributes:
        task: the task.
        split: how the samples are dealt.
        rnas: where the RNAs come from.
        samples: RNAs with labels; ``rows`` are rows of ``rnas``.
        groups: ``(n,)`` gene, gene set or chromosome: what is never on both sides.
        gene_sets: ``(n,)`` homologous gene set of every sample; None when they are not known.
        splits: training and test parts.
        how: the splits in words.
        counts: numbers of samples and groups, and of what was left out, by reason.
        metrics: what to report, the main one first.
    """

    task: Task
    split: SplitKind
    rnas: Rnas
    samples: Samples
    groups: NDArray[np.str_]
    gene_sets: NDArray[np.str_] | None
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
        parts = [self.rnas.compared_of(int(row)) for row in self.samples.rows]
        return audit(self.splits, genes, self.gene_sets, parts, compared=self.rnas.compared)


def prepare(
    task: Task,
    rnas: Rnas,
    *,
    split: SplitKind,
    repeats: int,
    seed: int,
    shared: Collection[str] | None = None,
    chromosomes: Sequence[Path] = (),
) -> Prepared:
    """Join a task's labels to RNAs and deal the samples.

    Args:
        task: the label and the RNAs it is of.
        rnas: the RNAs.
        split: how samples are dealt.
        repeats: random, homology-aware or chromosome splits.
        seed: of the first of them.
        shared: transcripts that every foreign model has; the others are left out for all methods alike.
        chromosomes: files that say where the genes lie, for a split by chromosome of labels that do not.

    Raises:
        InputError: labels that cannot be used, or nothing in common.
    """
    labels = task.labels()
    if split == "fold":
        check_folds(labels)
    matched, missing = _samples(task, labels, rnas, shared)
    if split == "homology" and rnas.corpus is None:
        raise InputError(f"{task.source}: constructs have no homologs; expected another split")
    found = group(matched, rnas.corpus, split, chromosomes)
    samples, groups = matched.select(found.keep), found.groups[found.keep]
    counts = {"samples": len(samples), "labels without an RNA": samples.unmatched}
    counts |= {"RNAs that a foreign model has not": missing, **found.counts}
    splits, how = make_splits(split, groups, samples, folds=None, seeds=repeats, seed=seed)
    check_parts(splits, samples.values, labels)
    return Prepared(
        task=task,
        split=split,
        rnas=rnas,
        samples=samples,
        groups=groups,
        gene_sets=None if found.gene_sets is None else found.gene_sets[found.keep],
        splits=splits,
        how=how,
        counts={**counts, "groups": len(np.unique(groups))},
        metrics=CLASSES if labels.binary else QUANTITY,
    )


def restricts(task: Task, rnas: Rnas, shared: Collection[str] | None) -> bool:
    """Whether a task's samples are others because foreign models lack some RNAs."""
    if shared is None:
        return False
    labels = task.labels()
    kept, whole = (_samples(task, labels, rnas, names)[0].table for names in (shared, None))
    return not kept["transcript_id"].equals(whole["transcript_id"])


def _samples(
    task: Task, labels: Labels, rnas: Rnas, shared: Collection[str] | None
) -> tuple[Samples, int]:
    """The task's samples with their rows in ``rnas``, and how many RNAs a foreign model lacks."""
    kept = chosen = rnas.choose(task.species, task.rnas)
    if shared is not None:
        kept = chosen.filter(pl.col("transcript_id").is_in(list(shared)))
    if not kept.height:
        raise InputError(f"{task.source}: no RNA of the task is in all [[embeddings]]")
    return label_rnas(labels, kept), chosen.height - kept.height
