"""Splits of labelled RNAs into training, validation and test parts that keep whole groups together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from isoclr._config import Config, Meta
from isoclr.errors import InputError

Indices = NDArray[np.int64]
SplitKind = Literal["random", "fold", "homology", "chromosome"]
"""What a split keeps together: genes, the label table's own folds, homologous gene sets, or chromosomes."""

UNITS = {"random": "genes", "homology": "gene sets", "chromosome": "chromosomes"}
FRACTIONS = (0.70, 0.15, 0.15)
"""Fractions of the samples for training, validation and test in the paper's random splits."""


@dataclass(frozen=True, kw_only=True)
class SplitConfig(Config):
    """How labelled RNAs are split into training and test parts."""

    split: SplitKind | None = None
    """What stays together: random: genes, 70/15/15 as in the paper; fold: cross-validation over the label table's
    column fold; homology: homologous gene sets, which needs --corpus; chromosome: chromosomes, taken from the label
    table's column chromosome or from --chromosomes. Default: the task's own, else random."""
    splits: Annotated[int, Meta(ge=1)] = 10
    """Number of random, homology or chromosome splits; 1 gives bootstrap intervals over the test genes."""
    folds: Annotated[int, Meta(ge=2)] | None = None
    """Number of cross-validation folds, instead of 70/15/15 splits; not for --split fold."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Random seed of the first split, the cross-validation folds and random-init encoders."""
    chromosomes: tuple[Path, ...] = ()
    """Annotations (GTF, GFF3, genePred, BED12) or tables with gene_id and chromosome, for --split chromosome."""

    def __post_init__(self) -> None:
        """Check values and combinations."""
        super().__post_init__()
        if self.split == "fold" and self.folds is not None:
            raise InputError("--folds: --split fold uses the label table's own folds")
        if self.chromosomes and self.split not in (None, "chromosome"):
            raise InputError(f"--chromosomes is for --split chromosome, not --split {self.split}")

    def resolve(self, default: SplitKind | None = None) -> "SplitConfig":
        """The config with ``split`` decided: its own, else the default, else ``random``.

        Raises:
            InputError: other options do not go with the default.
        """
        return replace(self, split=self.split or default or "random")

    @property
    def kind(self) -> SplitKind:
        """The split, ``random`` if not decided."""
        return self.split or "random"

    @property
    def cross_validation(self) -> bool:
        """Whether every sample is tested exactly once."""
        return self.split == "fold" or self.folds is not None

    def describe(self) -> str:
        """The splits in words.

        >>> SplitConfig(split="homology", splits=3).describe()
        'random 70/15/15 × 3 by whole gene sets'
        """
        if self.kind == "fold":
            return "the label file's own folds"
        unit = UNITS[self.kind]
        if self.folds is not None:
            return f"{self.folds}-fold cross-validation by whole {unit}"
        return f"random 70/15/15{'' if self.splits == 1 else f' × {self.splits}'} by whole {unit}"

    def make_splits(
        self, groups: NDArray[np.str_], folds: Sequence[str | None] = ()
    ) -> "list[Split]":
        """Split samples."""
        if self.kind == "fold":
            if None in folds:
                raise InputError("--split fold: some labelled RNAs have no fold")
            return named_folds([str(name) for name in folds])
        if self.folds is not None:
            return group_folds(groups, self.folds, self.seed)
        return [random_split(groups, self.seed + i) for i in range(self.splits)]


@dataclass(frozen=True)
class Split:
    """Sample numbers of one split; a cross-validation fold has no validation part."""

    name: str  # Such as seed 3 or fold 8
    train: Indices
    valid: Indices
    test: Indices


def random_split(groups: Sequence[str] | NDArray[np.str_], seed: int) -> Split:
    """Assign whole groups at random to training, validation and test, by default 70/15/15 as in the paper.

    Groups are shuffled and assigned in turn: to training until it has its fraction of the samples, then to
    validation, then to test.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(numbers)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middles = np.empty(len(sizes))
    middles[order] = (np.cumsum(sizes[order]) - sizes[order] / 2) / sizes.sum()
    part = np.searchsorted(np.cumsum(FRACTIONS)[:2], middles, side="right")[numbers]
    train, valid, test = (np.flatnonzero(part == i) for i in range(3))
    if min(len(train), len(valid), len(test)) == 0:
        raise InputError(
            f"split: {len(sizes)} genes, gene sets or chromosomes are too few for training, validation and test parts"
        )
    return Split(f"seed {seed}", train, valid, test)


def group_folds(groups: Sequence[str] | NDArray[np.str_], folds: int, seed: int) -> list[Split]:
    """K-fold cross-validation that keeps whole groups together and the folds equally large.

    Groups are shuffled, then assigned from the largest to the smallest, each to the fold with the fewest samples.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(numbers)
    if not 2 <= folds <= len(sizes):
        raise InputError(
            f"folds: {len(sizes)} genes, gene sets or chromosomes are too few for {folds} folds of whole ones"
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.zeros(folds, np.int64)
    fold_of_group = np.empty(len(sizes), np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of_group[group] = np.argmin(filled)
        filled[fold_of_group[group]] += sizes[group]
    return named_folds([str(fold + 1) for fold in fold_of_group[numbers]])


def named_folds(folds: Sequence[str]) -> list[Split]:
    """Cross-validation over given folds: each is the test part once, and the others are the training part."""
    array = np.asarray(folds)
    names = sorted(
        set(folds), key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)
    )
    if len(names) < 2:
        raise InputError(f"folds: all samples are in fold {names[0]!r}, expected two folds or more")
    empty = np.empty(0, np.int64)
    return [
        Split(f"fold {name}", np.flatnonzero(array != name), empty, np.flatnonzero(array == name))
        for name in names
    ]
