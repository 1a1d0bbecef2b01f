"""What a head is fitted on: RNAs with a label, and the folds that judge and calibrate it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus import Corpus
from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.predicting.conformal import largest_coverage
from isoclr.probing.fitting import Array
from isoclr.probing.grouping import WHOLE, check_chromosomes
from isoclr.probing.study import plan
from isoclr.tasks import Labels
from isoclr.tasks.splits import Split, SplitKind, group_folds, named_folds

FEWEST_FOLDS = 3
"""One to judge on, one to calibrate on, one to fit on."""


@dataclass(frozen=True)
class Training:
    """The labelled RNAs of one target.

    Attributes:
        labels: what was measured.
        features: ``(n, d)`` their embeddings.
        values: ``(n,)`` their labels.
        groups: ``(n,)`` gene, gene set or chromosome: what stays together.
        folds: ``(n,)`` fold numbers from 0.
        split: the folds in words.
        lengths: ``(n,)`` nt.
        species: of these RNAs, sorted.
        counts: numbers of samples and groups, and of what was left out, by reason.
    """

    labels: Labels
    features: NDArray[np.float32]
    values: Array
    groups: NDArray[np.str_]
    folds: NDArray[np.int64]
    split: str
    lengths: NDArray[np.int64]
    species: tuple[str, ...]
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def classes(self) -> bool:
        """Whether the label is a class, 0 or 1."""
        return set(np.unique(self.values)) == {0.0, 1.0}


def gather(
    labels: Labels,
    embeddings: Embeddings,
    corpus: Corpus | None,
    *,
    split: SplitKind | None,
    folds: int | None,
    seed: int,
    chromosomes: Sequence[Path] = (),
) -> Training:
    """Join labels and embeddings and deal them to folds.

    Args:
        labels: what was measured.
        embeddings: the RNAs.
        corpus: knows the gene sets.
        split: by gene set, by the labels' own folds, at random by gene, or by chromosome; None takes the first of
            these that can be made. Folds of the labels that divide the RNAs of a gene are not taken.
        folds: how many, for a split by gene set, chromosome or at random.
        seed: of the dealing.
        chromosomes: files that say where the genes lie, for a split by chromosome of labels that do not.

    Raises:
        InputError: nothing in common, or labels that cannot be dealt so, as when the RNAs of a gene are in several of
            the folds that were asked for.
    """
    chosen = split or default_split(labels, corpus)
    _check_split(chosen, labels, corpus, folds)
    check_chromosomes(chosen, chromosomes)
    study = plan(labels, embeddings, corpus, split=chosen, sequences=False, chromosomes=chromosomes)
    divided = _divided(study.samples.table) if chosen == "fold" else {}
    if divided and split is not None:
        gene, names = next(iter(divided.items()))
        gene = gene.partition("|")[2]  # after the species
        raise InputError(
            f"{labels.path}: RNAs of gene {gene} are in folds {', '.join(names)}; --split fold needs every gene in "
            "one fold, or use --split random"
        )
    if chosen == "fold" and not divided:
        splits, how = named_folds(study.samples.table["fold"].to_list()), "the label file's own"
    else:
        splits = group_folds(study.groups, folds or 10, seed)
        whole = WHOLE.get(chosen, "genes")  # given folds that divide genes are left
        how = f"at random by whole {whole}" if whole == "genes" else f"by whole {whole}"
    if divided:
        how += f" (the label file's own folds divide {len(divided):,} of them)"
    rows = study.samples.rows
    training = Training(
        labels=labels,
        features=embeddings.matrix[rows],
        values=study.samples.values,
        groups=study.groups,
        folds=_numbers(splits, len(rows)),
        split=f"{len(splits)} folds, {how}",
        lengths=embeddings.table["length"].to_numpy()[rows],
        species=tuple(study.samples.table["species"].unique().sort()),
        counts=study.counts,
    )
    _check_folds(training, splits)
    return training


def default_split(labels: Labels, corpus: Corpus | None) -> SplitKind:
    """The strictest split that the inputs allow: by gene set, else by given folds, else at random by gene.

    Given folds that divide the RNAs of a gene are found out, and left, only when labels and RNAs are joined.
    """
    if corpus is not None:
        return "homology"
    return "fold" if labels.table["fold"].null_count() == 0 else "random"


def check_calibration(training: Training, coverage: float) -> None:
    """Intervals need enough RNAs, even when the largest fold is held out.

    Raises:
        InputError: there are too few.
    """
    n = len(training) - int(np.bincount(training.folds).max())
    if not 0 < coverage <= largest_coverage(n):
        raise InputError(
            f"{training.labels.path}: {len(training):,} RNAs with a {training.labels.name} are too few to calibrate "
            f"intervals of coverage {coverage:g} (a fold held out, {n:,}); expected a coverage of at most "
            f"{largest_coverage(n):.3g}, or more labels"
        )


def _check_split(
    split: SplitKind, labels: Labels, corpus: Corpus | None, folds: int | None
) -> None:
    if split == "homology" and corpus is None:
        raise InputError("--split homology needs --corpus, which knows the gene sets")
    if split == "fold":
        if folds is not None:
            raise InputError(
                "--folds is for random, homology and chromosome splits; --split fold takes the table's own"
            )
        lacking = labels.table.filter(pl.col("fold").is_null())
        if lacking.height:
            where = (
                f"line {lacking['line'][0]} has no fold" if labels.has_folds else "no column 'fold'"
            )
            raise InputError(f"{labels.path}: {where}, which --split fold needs")
    elif folds is not None and folds < FEWEST_FOLDS:
        raise InputError(f"--folds {folds}: expected {FEWEST_FOLDS} or more")


def _divided(samples: pl.DataFrame) -> dict[str, list[str]]:
    """Genes whose RNAs are in several of the labels' folds, with those folds: a gene would be tested on itself."""
    folds = samples.group_by("gene", maintain_order=True).agg(pl.col("fold").unique().sort())
    several = folds.filter(pl.col("fold").list.len() > 1)
    return dict(several.select("gene", "fold").iter_rows())


def _numbers(splits: Sequence[Split], n: int) -> NDArray[np.int64]:
    numbers = np.empty(n, np.int64)
    for number, split in enumerate(splits):
        numbers[split.test] = number
    return numbers


def _check_folds(training: Training, splits: Sequence[Split]) -> None:
    """Nothing can be judged on a fold of one value, nor learnt from it."""
    path: Path = training.labels.path
    if len(splits) < FEWEST_FOLDS:
        raise InputError(
            f"{path}: the labels are in {len(splits)} folds, expected {FEWEST_FOLDS} or more"
        )
    for split in splits:
        if np.ptp(training.values[split.test]) == 0:
            raise InputError(
                f"{path}: {split.name} ({len(split.test)} of {len(training)} RNAs) has one value of "
                f"{training.labels.name} only; expected two or more: give more labels or take fewer folds"
            )
