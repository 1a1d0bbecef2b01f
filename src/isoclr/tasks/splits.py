"""Train, validation and test parts, with whole genes or whole gene sets on one side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoclr.errors import InputError

Indices = NDArray[np.int64]
SplitKind = Literal["random", "fold", "homology", "chromosome"]
"""What a split keeps on one side: genes, the label table's own folds, homologous gene sets, or chromosomes."""

FRACTIONS = (0.70, 0.15, 0.15)
"""Shares of training, validation and test genes in the paper's random splits."""


@dataclass(frozen=True)
class Split:
    """Sample numbers of one split; a cross-validation fold has no validation part.

    Attributes:
        name: such as ``seed 3`` or ``fold 8``.
        train: sample numbers to fit on.
        valid: sample numbers kept aside for choices.
        test: sample numbers to report on.
    """

    name: str
    train: Indices
    valid: Indices
    test: Indices


def random_split(
    groups: Sequence[str] | NDArray[np.str_],
    seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
) -> Split:
    """Deal whole groups at random to training, validation and test, by default 70/15/15 as the paper.

    Groups are shuffled and dealt one after the other: to training until it has its share of the samples, then to
    validation, then to test.

    Args:
        groups: ``(n,)`` the group of every sample: its gene, or its gene set for a homology-aware split.
        seed: of the shuffle.
        fractions: shares of the samples.

    Raises:
        InputError: too few groups to fill the three parts.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(numbers)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middles = np.empty(len(sizes))
    middles[order] = (np.cumsum(sizes[order]) - sizes[order] / 2) / sizes.sum()
    part = np.searchsorted(np.cumsum(fractions)[:2], middles, side="right")[numbers]
    train, valid, test = (np.flatnonzero(part == i) for i in range(3))
    if min(len(train), len(valid), len(test)) == 0:
        raise InputError(
            f"split: {len(sizes)} genes, gene sets or chromosomes are too few for training, validation and test parts"
        )
    return Split(f"seed {seed}", train, valid, test)


def group_folds(groups: Sequence[str] | NDArray[np.str_], folds: int, seed: int) -> list[Split]:
    """K-fold cross-validation that keeps whole groups together and the folds equally large.

    Groups are shuffled, then the larger ones dealt first, each to the fold that has the fewest samples.

    Args:
        groups: ``(n,)`` the group of every sample.
        folds: number of folds.
        seed: of the shuffle.

    Raises:
        InputError: fewer groups than folds.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(numbers)
    if not 2 <= folds <= len(sizes):
        raise InputError(
            f"folds: {folds}, expected 2 to {len(sizes)} (the genes, gene sets or chromosomes)"
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.zeros(folds, np.int64)
    fold_of_group = np.empty(len(sizes), np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of_group[group] = np.argmin(filled)
        filled[fold_of_group[group]] += sizes[group]
    return named_folds([str(fold + 1) for fold in fold_of_group[numbers]])


def named_folds(folds: Sequence[str]) -> list[Split]:
    """Cross-validation over given folds: each is the test part once, all others are the training part.

    Args:
        folds: ``(n,)`` name of every sample's fold.

    Raises:
        InputError: there is only one fold.
    """
    array = np.asarray(folds)
    names = sorted(
        set(folds), key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)
    )
    if len(names) < 2:
        raise InputError(f"folds: all samples are in fold {names[0]!r}, expected two folds or more")
    nobody = np.empty(0, np.int64)
    return [
        Split(f"fold {name}", np.flatnonzero(array != name), nobody, np.flatnonzero(array == name))
        for name in names
    ]
