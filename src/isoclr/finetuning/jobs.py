"""The trainings of one study: for every split and seed one, each with training, validation and test RNAs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.finetuning.dataset import Dataset
from isoclr.finetuning.dealing import Dealing
from isoclr.finetuning.randomness import Purpose, drawn
from isoclr.probing.grouping import make_splits
from isoclr.tasks.splits import Split

FEWEST_FOLDS = 3
"""One to test, one to validate, one to train."""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        number: of the split, from 0.
        split: sample numbers; the validation part decides when to stop.
        seed: of the weights, the order of the RNAs, dropout, and which labels are kept of a share.
    """

    number: int
    split: Split
    seed: int

    @property
    def name(self) -> str:
        """Unique in a study, and fit for a file's name."""
        return f"{self.split.name.replace(' ', '-')}.{self.seed}"


def plan_jobs(dataset: Dataset, dealing: Dealing) -> tuple[list[Job], str]:
    """Every training, and in words how the RNAs are dealt.

    In a cross-validation one fold tests, the next one validates and all others train.

    Raises:
        InputError: too few groups or folds, or a part without two different labels of every task.
    """
    seeds, seed = range(dealing.repeats), dealing.seed
    made, words = deal(dataset, dealing)
    if dealing.in_folds:
        made = [_with_validation(made, i) for i in range(len(made))]
        jobs = [Job(i, one, seed + j) for i, one in enumerate(made) for j in seeds]
    else:
        jobs = [Job(i, one, seed + i) for i, one in enumerate(made)]
    if dealing.splits is not None and dealing.splits < len(made):
        jobs = [job for job in jobs if job.number < dealing.splits]
        words += f" (the first {dealing.splits})"
    jobs = [with_share(job, dealing.train_share) for job in jobs]
    for job in jobs:
        _check(dataset, job)
    return jobs, words


def deal(dataset: Dataset, dealing: Dealing) -> tuple[list[Split], str]:
    """The splits, and what they are in words.

    Tasks that share no group, as those of two species, are each dealt as they would be alone, so that a network of
    several tasks is tested on the very RNAs of the networks of one.
    """
    whole = np.ones(len(dataset), bool)
    dealt = []
    for part in [whole] if dealing.split == "fold" else _apart(dataset):
        splits, words = make_splits(
            dealing.split,
            dataset.groups[part],
            dataset.samples.select(part),
            folds=dealing.folds,
            seeds=dealing.repeats,
            seed=dealing.seed,
        )
        dealt.append([(split, np.flatnonzero(part)) for split in splits])
    return [_united(same) for same in zip(*dealt, strict=True)], words


def _apart(dataset: Dataset) -> list[NDArray[np.bool_]]:
    """The dataset, parted so that no group is in two parts: tasks with a group in common are in one."""
    parts: list[NDArray[np.bool_]] = []
    for known in np.isfinite(dataset.targets).T:
        mine = np.isin(dataset.groups, dataset.groups[known])
        others = [part for part in parts if (part & mine).any()]
        mine = np.logical_or.reduce([mine, *others])
        parts = [part for part in parts if not (part & mine).any()] + [mine]
    return parts


def _united(parts: Sequence[tuple[Split, NDArray[np.int64]]]) -> Split:
    """Splits of parts of the dataset, each with its rows, as one of the whole."""
    train, valid, test = (
        np.sort(np.concatenate([rows[getattr(split, side)] for split, rows in parts]))
        for side in ("train", "valid", "test")
    )
    return Split(parts[0][0].name, train, valid, test)


def with_share(job: Job, share: float) -> Job:
    """Train on a uniform subset of the training RNAs; validation and test stay whole.

    Args:
        job: of which subsets are drawn by seed and split.
        share: of the training RNAs, above 0 and up to 1.
    """
    train = job.split.train
    count = max(round(share * len(train)), 2)
    if count >= len(train):
        return job
    rng = drawn(job.seed, Purpose.SHARE, job.number)
    chosen = np.sort(rng.choice(train, count, replace=False))
    return replace(job, split=replace(job.split, train=chosen))


def _with_validation(folds: Sequence[Split], i: int) -> Split:
    if len(folds) < FEWEST_FOLDS:
        raise InputError(
            f"folds: there are {len(folds)}, expected {FEWEST_FOLDS} or more: one to test, one to validate, "
            "the others to train"
        )
    valid = folds[(i + 1) % len(folds)].test
    train = np.setdiff1d(folds[i].train, valid)
    return Split(folds[i].name, train, valid, folds[i].test)


def _check(dataset: Dataset, job: Job) -> None:
    """Every part needs two different labels of every task: to learn from, to stop by, to judge by."""
    parts = {"training": job.split.train, "validation": job.split.valid, "test": job.split.test}
    for part, rows in parts.items():
        for name, values in zip(dataset.tasks, dataset.targets[rows].T, strict=True):
            if _different(values) < 2:
                raise InputError(
                    f"{name}: {job.split.name}: the {part} part ({len(rows)} of {len(dataset)} RNAs) has "
                    f"{_different(values)} different values of it; expected two or more: give more labels, "
                    "or a larger --train-share"
                )


def _different(values: NDArray[np.float64]) -> int:
    return len(np.unique(values[np.isfinite(values)]))
