"""The labels of a study, and its trials: one split of the labelled RNAs and one seed each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError
from isoclr.finetuning.config import FinetuneConfig
from isoclr.tasks.dataset import LabelledRnas, LabelSpec
from isoclr.tasks.labels import read_labels
from isoclr.tasks.leakage import LeakageReport
from isoclr.tasks.splits import Split, SplitConfig, SplitKind
from isoclr.tasks.task import Task, is_task, read_label_task
from isoclr.training.rng import RngStream, keyed_rng

MIN_FOLDS = 3  # One fold to test, one to validate, one to train


def read_label_specs(
    paths: Sequence[Path],
    label: Sequence[str] | None = None,
    species: Sequence[str] | None = None,
    rnas: RnaChoice | None = None,
    data: Path | None = None,
    *,
    id_column: str | None = None,
    gene_ids: Path | None = None,
) -> list[LabelSpec]:
    """Read label tables and tasks.

    Args:
        label: Column of each table, or one for all; None: the tasks' own, or the only one of a table.
        species: Species of each table, or one for all; None: the tasks' own, or any.
        rnas: RNAs to use; None: the tasks' own choice, or all.
    """
    if not paths:
        raise InputError("no labels: give one table or more")
    columns, kinds = _for_each("--label", label, paths), _for_each("--species", species, paths)
    specs: list[LabelSpec] = []
    for path, column, kind in zip(paths, columns, kinds, strict=True):
        task: Task | None = None
        if is_task(path):
            task = read_label_task(path, data)
            task = _of_known_assay(replace(task, label=column or task.label), specs)
            kind = None if task.construct else kind or task.species  # constructs have no species
            labels = task.labels()
        else:
            labels = read_labels(Path(path), column, id_column=id_column, gene_ids=gene_ids)
        if labels.table["value"].n_unique() == 1:
            value = labels.table["value"][0]
            raise InputError(f"{labels.path}: {labels.name} is {value:g} in every row, expected different values")
        labels.require_one_output()
        name = labels.name if kind is None else f"{labels.name} ({kind})"
        if any(spec.name == name for spec in specs):
            name = f"{name} [{labels.path.name}]"
        if any(spec.name == name for spec in specs):
            raise InputError(f"{labels.path}: {name} is given twice, expected every label once")
        choice = rnas or (task.rnas if task else "all")
        specs.append(LabelSpec(labels, name, kind, choice, task))
    return specs


def _for_each(option: str, given: Sequence[str] | None, paths: Sequence[Path]) -> Sequence[str | None]:
    """One value per table; a single value is for all of them."""
    if given is None:
        return [None] * len(paths)
    values = [given] if isinstance(given, str) else list(given)
    if len(values) not in (1, len(paths)):
        raise InputError(
            f"{option}: got {len(values)} values for {len(paths)} tables; give one value, or one per table"
        )
    return values * (len(paths) // len(values))


def _of_known_assay(task: Task, specs: Sequence[LabelSpec]) -> Task:
    """The task under the name of an earlier one of the same reporter assay, because constructs are named by it."""
    for spec in specs:
        other = spec.task
        if task.construct and other and (other.table, other.construct) == (task.table, task.construct):
            return replace(task, name=other.name)
    return task


def default_split(specs: Sequence[LabelSpec]) -> SplitKind:
    """The split of the tasks; that of a table without a task is random, as in the paper."""
    splits = {spec.task.split if spec.task else "random": spec.name for spec in specs}
    if len(splits) > 1:
        differing = ", ".join(f"{kind} of {name}" for kind, name in splits.items())
        raise InputError(f"the tasks' splits differ ({differing}); choose one with --split")
    return next(iter(splits))


def require_whole_genes(rnas: LabelledRnas, specs: Sequence[LabelSpec]) -> None:
    """Refuse folds that have RNAs of one gene in several, so that it would be tested on itself."""
    if rnas.torn_genes:
        gene, folds = next(iter(rnas.torn_genes.items()))
        files = " and ".join(str(spec.labels.path) for spec in specs)
        raise InputError(
            f"{files}: RNAs of gene {gene.rpartition('|')[2]} are in folds {', '.join(folds)}, as are those of "
            f"{len(rnas.torn_genes) - 1:,} more genes; --split fold needs every gene in one fold, or use --split random"
        )


@dataclass(frozen=True)
class Trial:
    """One training."""

    number: int  # Number of the split, from 0
    split: Split  # Row numbers of the parts; the validation part decides when to stop
    seed: int  # Seed of new weights, the order of the RNAs, dropout, and the subset of the training RNAs

    @property
    def name(self) -> str:
        """Unique in a study, and fit for a file name."""
        return f"{self.split.name.replace(' ', '-')}.{self.seed}"


def make_trials(rnas: LabelledRnas, splits: SplitConfig, config: FinetuneConfig) -> tuple[list[Trial], str]:
    """The trials of a study, and their splits in words.

    In a cross-validation one fold is the test part, the next one the validation part, and all others are trained on.
    """
    if config.repeats > 1 and not splits.cross_validation:
        raise InputError(f"--repeats {config.repeats} is for cross-validation; --splits gives more random splits")
    made, description = rnas.split(splits), splits.describe()
    if splits.cross_validation:
        made = [_with_validation(made, i) for i in range(len(made))]
        seeds = range(splits.seed, splits.seed + config.repeats)
        trials = [Trial(i, one, seed) for i, one in enumerate(made) for seed in seeds]
    else:
        trials = [Trial(i, one, splits.seed + i) for i, one in enumerate(made)]
    if config.max_splits is not None and config.max_splits < len(made):
        trials = [trial for trial in trials if trial.number < config.max_splits]
        description += f" (the first {config.max_splits})"
    trials = [with_train_fraction(trial, config.train_fraction) for trial in trials]
    for trial in trials:
        for part, words in PARTS.items():
            rnas.check_part(trial.split, words, getattr(trial.split, part))
    return trials, description


PARTS = {"train": "training", "valid": "validation", "test": "test"}


def _with_validation(folds: Sequence[Split], i: int) -> Split:
    if len(folds) < MIN_FOLDS:
        raise InputError(
            f"folds: there are {len(folds)}, expected {MIN_FOLDS} or more: one to test, one to validate, "
            "the others to train"
        )
    valid = folds[(i + 1) % len(folds)].test
    return replace(folds[i], train=np.setdiff1d(folds[i].train, valid), valid=valid)


def with_train_fraction(trial: Trial, fraction: float) -> Trial:
    """The trial with a random subset of its training RNAs, drawn by seed and split."""
    train = trial.split.train
    count = max(round(fraction * len(train)), 2)
    if count >= len(train):
        return trial
    rng = keyed_rng(trial.seed, RngStream.TRAIN_FRACTION, trial.number)
    subset = np.sort(rng.choice(train, count, replace=False))
    return replace(trial, split=replace(trial.split, train=subset))


def leakage(trials: Sequence[Trial], rnas: LabelledRnas) -> LeakageReport:
    """The leak audit over every split once; of several subsets of one training part the first counts."""
    splits = {trial.number: trial.split for trial in reversed(trials)}
    return rnas.leakage([splits[number] for number in sorted(splits)])
