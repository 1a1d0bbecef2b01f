"""What is probed: the samples, what must stay together, and what was left out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, nucleotides
from isoclr.tasks.labels import Labels, Samples, join_labels
from isoclr.tasks.leakage import LeakageReport, audit_leakage
from isoclr.tasks.metrics import CLASSES, QUANTITY, Metric
from isoclr.tasks.splits import (
    Split,
    SplitKind,
    check_folds,
    check_parts,
    make_splits,
    split_groups,
)
from isoclr.tasks.task import INSERT, WHOLE_RNA, RnaSource, Task, label_rnas

Item = TypeVar("Item")


@dataclass(frozen=True)
class LabelledRnas:
    """The samples of one probe.

    Attributes:
        samples: RNAs with labels.
        groups: ``(n,)`` gene, gene set or chromosome: what a split keeps on one side.
        codes: the sequence of every sample; None when baselines are not asked for.
        counts: numbers of samples and groups, and of what was left out, by reason.
        gene_sets: ``(n,)`` homologous gene set of every sample; None when they are not known.
        compared: ``(n,)`` what the leak audit compares: the sequence of every RNA, or of the insert of a construct;
            None for an unknown one, or altogether.
        compared_named: that in words.
    """

    samples: Samples
    groups: NDArray[np.str_]
    codes: Sequence[Codes] | None
    counts: dict[str, int]
    gene_sets: NDArray[np.str_] | None = None
    compared: Sequence[Codes | None] | None = None
    compared_named: str = WHOLE_RNA

    def leaks(self, splits: Sequence[Split]) -> LeakageReport:
        """What the test part of every split shares with its training part."""
        genes = self.samples.table["gene"].to_numpy().astype(np.str_)
        return audit_leakage(
            splits, genes, self.gene_sets, self.compared, compared=self.compared_named
        )

    def select(self, keep: NDArray[np.bool_]) -> "LabelledRnas":
        """The samples where ``keep`` ``(n,)`` is true."""
        return replace(
            self,
            samples=self.samples.select(keep),
            groups=self.groups[keep],
            codes=_kept(self.codes, keep),
            gene_sets=None if self.gene_sets is None else self.gene_sets[keep],
            compared=_kept(self.compared, keep),
        )


def build_dataset(
    labels: Labels,
    embeddings: Embeddings,
    corpus: Corpus | None,
    *,
    split: SplitKind,
    sequences: bool,
    chromosomes: Sequence[Path] = (),
    task: Task | None = None,
) -> LabelledRnas:
    """Join everything: labels, embeddings, and from the corpus the gene sets and sequences.

    Args:
        labels: what was measured.
        embeddings: the RNAs.
        corpus: knows gene sets and sequences.
        split: ``homology`` keeps gene sets together, ``chromosome`` chromosomes, the others genes.
        sequences: whether the baselines need them; RNAs whose sequence is not known are left out, for all methods.
        chromosomes: files that say where the genes lie, for a split by chromosome of labels that do not.
        task: where the labels come from; a construct's sequences are its own.

    Raises:
        InputError: nothing in common, or the split needs what is not there.
    """
    samples = join_labels(labels, embeddings.table)
    study = LabelledRnas(
        samples=samples,
        groups=samples.table["gene"].to_numpy().astype(np.str_),
        codes=None,
        counts={
            "labels without an embedded RNA": samples.unmatched,
            "label rows without a value": labels.missing,
            "RNAs without a label": samples.without_label,
            "RNAs for which another of their gene stands": samples.not_representative,
        },
    )
    study = _with_sequences(study, embeddings, corpus, task, needed=sequences)
    found = split_groups(study.samples, corpus, split, chromosomes)
    study = replace(
        study,
        groups=found.groups,
        gene_sets=found.gene_sets,
        counts={**study.counts, **found.counts},
    ).select(found.keep)
    counts = {"samples": len(study.samples), "groups": len(np.unique(study.groups))}
    return replace(study, counts={**counts, **study.counts})


def _with_sequences(
    study: LabelledRnas,
    embeddings: Embeddings,
    corpus: Corpus | None,
    task: Task | None,
    *,
    needed: bool,
) -> LabelledRnas:
    """The study with its sequences, from the task's construct or the corpus, where there are any."""
    source: object
    if task is not None and task.construct is not None:
        own, inserts = task.sequences(), task.inserts()
        source, look_up = task.source, own.get
        names = study.samples.table["transcript_id"]
        compared = [nucleotides(inserts[name]) if name in inserts else None for name in names]
        study = replace(study, compared=compared, compared_named=INSERT)
        found = _sequences(study.samples, embeddings, look_up)
    elif corpus is not None:
        source = corpus.path
        found = _sequences(study.samples, embeddings, lambda name: _of_corpus(corpus, name))
        study = replace(study, compared=found)
    else:
        return study
    if not needed:
        return study
    counts = {
        **study.counts,
        "labelled RNAs whose sequence the corpus has not": sum(one is None for one in found),
    }
    if all(one is None for one in found):
        raise InputError(f"{source}: has the sequence of none of the {len(found):,} labelled RNAs")
    study = replace(study, counts=counts).select(np.array([one is not None for one in found]))
    return replace(study, codes=[one for one in found if one is not None])


def _of_corpus(corpus: Corpus, name: str) -> Codes | None:
    try:
        return corpus.codes_of(corpus.find(name))
    except InputError:
        return None


def _sequences(
    samples: Samples, embeddings: Embeddings, look_up: Callable[[str], Codes | None]
) -> list[Codes | None]:
    """The codes of every sample; None where there is no such transcript, or one of another length."""
    lengths = embeddings.table["length"].to_numpy()[samples.rows]
    found: list[Codes | None] = []
    for name, length in zip(samples.table["transcript_id"], lengths, strict=True):
        codes = look_up(name)
        found.append(codes if codes is not None and len(codes) == length else None)
    return found


def _kept(values: Sequence[Item] | None, keep: NDArray[np.bool_]) -> list[Item] | None:
    if values is None:
        return None
    return [value for value, kept in zip(values, keep, strict=True) if kept]


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
    rnas: RnaSource
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

    def leaks(self) -> LeakageReport:
        """What the test parts share with the training parts."""
        genes = self.samples.table["gene"].to_numpy().astype(np.str_)
        parts = [self.rnas.compared_of(int(row)) for row in self.samples.rows]
        return audit_leakage(self.splits, genes, self.gene_sets, parts, compared=self.rnas.compared)


def prepare(
    task: Task,
    rnas: RnaSource,
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
    found = split_groups(matched, rnas.corpus, split, chromosomes)
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


def restricts(task: Task, rnas: RnaSource, shared: Collection[str] | None) -> bool:
    """Whether a task's samples are others because foreign models lack some RNAs."""
    if shared is None:
        return False
    labels = task.labels()
    kept, whole = (_samples(task, labels, rnas, names)[0].table for names in (shared, None))
    return not kept["transcript_id"].equals(whole["transcript_id"])


def _samples(
    task: Task, labels: Labels, rnas: RnaSource, shared: Collection[str] | None
) -> tuple[Samples, int]:
    """The task's samples with their rows in ``rnas``, and how many RNAs a foreign model lacks."""
    kept = chosen = rnas.choose(task.species, task.rnas)
    if shared is not None:
        kept = chosen.filter(pl.col("transcript_id").is_in(list(shared)))
    if not kept.height:
        raise InputError(f"{task.source}: no RNA of the task is in all [[embeddings]]")
    return label_rnas(labels, kept), chosen.height - kept.height
