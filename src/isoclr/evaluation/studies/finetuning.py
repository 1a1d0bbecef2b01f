"""Networks trained on the labels: fine-tuned, from scratch, and Saluki (the paper's Table 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._config import read_json
from isoclr._report import Row
from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact, CachedResult, Outcome
from isoclr.evaluation.context import Context
from isoclr.evaluation.methods import network_embeddings
from isoclr.evaluation.plan import FineTuning, TaskEntry
from isoclr.finetuning.config import SALUKI_MODEL, FinetuneConfig
from isoclr.finetuning.finetune import PREDICTIONS, REPORT, finetune
from isoclr.tasks.splits import SplitConfig, SplitKind
from isoclr.training.device import RuntimeConfig

STUDY = "finetuning"
MULTITASK = "fine-tuned"  # The network that learns several tasks together
NAMES: Mapping[str, str] = {
    "fine-tuned": "{}, fine-tuned",
    "last-stage": "{}, last stage fine-tuned",
    "supervised": "{}, same architecture from scratch",
    "saluki": "Saluki",
}
"""Names of networks in tables; ``{}`` stands for the model."""


@dataclass(frozen=True)
class Trial:
    """One training, as ``report.json`` has it."""

    split: str
    seed: int
    train: int  # Number of training RNAs
    metrics: dict[str, dict[str, float | None]]  # Label → metric → value on the test part; n is its size


@dataclass(frozen=True)
class _Report:
    """The part of ``report.json`` that tables need."""

    summary: dict[str, dict[str, dict[str, float | None]]]  # Label → metric → mean, low and high over the trainings
    trainings: list[Trial]


@dataclass(frozen=True)
class NetworkRun:
    """A network to train on the labels of one task, or of several together."""

    context: Context
    entries: tuple[TaskEntry, ...]  # The tasks that it learns
    kind: str  # One of NAMES
    config: SplitConfig  # How the tasks are split, and so how many trainings there are
    options: FinetuneConfig  # Options of the training; model and trained part follow from the kind
    fraction: float = 1.0

    @property
    def name(self) -> str:
        """Name in tables: with the first model's, and with all tasks if it learns several."""
        name = NAMES[self.kind].format(self.context.plan.models[0].name)
        if len(self.entries) == 1:
            return name
        return f"{name} on {' + '.join(entry.name for entry in self.entries)}"

    @property
    def artifact(self) -> Artifact:
        """The directory of the training; its ``encoder`` is a model."""
        first, *others = (self.context.dataset_inputs(entry, self._config_of(entry)) for entry in self.entries)
        options = {name: value for name, value in self._finetune.flat().items() if name != "model"}
        inputs = {**first, "method": self.kind, "options": options, "others": others}
        if self.kind != SALUKI_MODEL:
            inputs |= self.context.model_inputs(self.context.plan.models[0])
        title = f"training {self.name}"
        if len(self.entries) == 1:
            title += f" on {self.entries[0].name}"
        folder = self.context.out / "networks"
        return Artifact(folder, title, inputs, self._train, marker=REPORT, resumable=True)

    def summary_rows(self, study: str, task: int = 0) -> list[Row]:
        """Means over the trainings with intervals; it is trained if it is missing.

        Args:
            task: Number of the task among those that it learns.
        """
        label, keys = self._labels[task], self._keys(study, task)
        n = sum(int(trial.metrics[label]["n"] or 0) for trial in self._report.trainings)
        return [
            {**keys, "metric": metric, "value": mean["mean"], "low": mean["low"], "high": mean["high"], "n": n}
            for metric, mean in self._report.summary[label].items()
        ]

    def rows_by_split(self, study: str, task: int = 0) -> list[Row]:
        """The metrics of every training."""
        label, keys = self._labels[task], self._keys(study, task)
        return [
            {
                **keys,
                "seed": trial.seed,
                "fold": trial.split,
                "metric": metric,
                "value": trial.metrics[label][metric],
                "train": trial.train,
                "n": trial.metrics[label]["n"],
            }
            for trial in self._report.trainings
            for metric in self._report.summary[label]
        ]

    def by_split(self, task: int = 0) -> list[dict[str, Any]]:
        """The metrics of every split, means over its trainings, for paired differences."""
        label = self._labels[task]
        by_split: dict[str, list[Trial]] = {}
        for trial in self._report.trainings:
            by_split.setdefault(trial.split, []).append(trial)
        return [
            {
                "split": split,
                "train": trials[0].train,
                "test": trials[0].metrics[label]["n"],
                **{
                    metric: _mean([trial.metrics[label][metric] for trial in trials])
                    for metric in self._report.summary[label]
                },
            }
            for split, trials in by_split.items()
        ]

    def is_tested_as_alone(self, task: int) -> bool:
        """Whether a task's test RNAs are those of a network that learns this task alone.

        They are, unless tasks have genes, gene sets or chromosomes in common and so must be split together.
        """
        entry = self.entries[task]
        own = pl.read_parquet(self.artifact.path() / PREDICTIONS).filter(task=self._labels[task])
        tested = set(own.select("split", "transcript_id").iter_rows())
        alone = self.context.dataset(entry, self._config_of(entry))
        names, trained = alone.rnas.table["transcript_id"], set(own["split"])
        splits = [one for one in alone.splits if one.name in trained]
        return tested == {(split.name, name) for split in splits for name in names.gather(split.test)}

    @cached_property
    def _report(self) -> _Report:
        return read_json(self.artifact.path() / REPORT, _Report, what="a report of fine-tuning")

    @property
    def _labels(self) -> list[str]:
        return list(self._report.summary)

    def _config_of(self, entry: TaskEntry) -> SplitConfig:
        return entry.split_config(self.config.kind, self.config.seed, self.config.splits)

    def _keys(self, study: str, task: int) -> Row:
        return {
            "study": study,
            "task": self.entries[task].name,
            "split": self.config.kind,
            "method": self.name,
            "model": self.kind,
            "share": self.fraction * 100,
        }

    def _train(self, path: Path) -> None:
        """Train, or continue a training that was stopped."""
        plan, tasks = self.context.plan, [entry.task for entry in self.entries]
        chromosomes = (self._config_of(entry).chromosomes for entry in self.entries)
        report = finetune(
            tuple(task.source for task in tasks),
            out=path,
            corpus=None if all(task.construct for task in tasks) else plan.corpus,
            data=plan.data,
            config=self._finetune,
            splits=replace(self.config, chromosomes=tuple(dict.fromkeys(chain(*chromosomes)))),
            runtime=RuntimeConfig(threads=plan.threads),
            resume=True,
        )
        if report.stopped_by:
            raise KeyboardInterrupt

    @property
    def _finetune(self) -> FinetuneConfig:
        """All options; those of encoders are not for Saluki."""
        saluki = self.kind == SALUKI_MODEL
        config = replace(self.options, hidden=None, pooling=None) if saluki else self.options
        return replace(
            config,
            model=SALUKI_MODEL if saluki else self.context.plan.models[0].path,
            scratch=self.kind == "supervised",
            train="last-stage" if self.kind == "last-stage" else "full",
            train_fraction=self.fraction,
            repeats=self.config.splits if self.config.cross_validation else 1,
        )


def results(context: Context, study: FineTuning) -> list[CachedResult]:
    """One result for every task, split and network, then one for every task that is learned with others."""
    groups = [study.tasks, *study.multitask]
    check_same_samples(context, list(dict.fromkeys(name for group in groups for name in group)))
    single = [
        _result(_run(context, study, (name,), kind, network), 0)
        for name in study.tasks
        for kind in study.split or context.plan.tasks[name].split
        for network in study.methods
    ]
    return single + [
        _result(_run(context, study, group, kind, MULTITASK), task)
        for group in study.multitask
        for kind in study.split or _common_splits(context, group)
        for task in range(len(group))
    ]


def _common_splits(context: Context, names: tuple[str, ...]) -> list[SplitKind]:
    """The kinds of splits that all tasks have."""
    first, *others = (context.plan.tasks[name].split for name in names)
    common = [kind for kind in first if all(kind in other for other in others)]
    if not common:
        raise InputError(
            f"{context.plan.path}: finetuning.multitask: {' and '.join(names)} have no split in common; "
            "expected finetuning.split"
        )
    return common


def _run(context: Context, study: FineTuning, names: tuple[str, ...], kind: SplitKind, network: str) -> NetworkRun:
    entries = tuple(context.plan.tasks[name] for name in names)
    config = entries[0].split_config(kind, context.plan.seed, study.splits)
    return NetworkRun(context, entries, network, config, study.finetune)


def _result(run: NetworkRun, task: int) -> CachedResult:
    entry, multitask = run.entries[task], len(run.entries) > 1

    def compute() -> Outcome:
        details = {"trainings": run.rows_by_split(STUDY, task)}
        if not multitask or run.is_tested_as_alone(task):
            details["by_split"] = run.by_split(task)
        return Outcome(run.summary_rows(STUDY, task), details)

    inputs = {"network": run.artifact.key, "method": run.name}
    if multitask:
        inputs["task"] = entry.name
    return CachedResult(STUDY, f"{entry.name}, {run.config.kind} split: {run.name}", inputs, compute)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def check_same_samples(context: Context, tasks: Sequence[str]) -> None:
    """Check that probes have all labelled RNAs, as networks do; otherwise they could not be compared."""
    for name in tasks:
        if context.is_restricted(context.plan.tasks[name]):
            raise InputError(
                f"{context.plan.path}: [[embeddings]] lack labelled RNAs of {name}, but networks train on all of them; "
                "expected embeddings of all, or a plan without networks or without [[embeddings]]"
            )


def supervised_embeddings(context: Context, task: str | None, options: FinetuneConfig) -> dict[str, Artifact]:
    """Name in tables → embeddings of the corpus by the encoder of a network trained from scratch; empty without a task.

    It is one training on all labels of a 70/15/15 split by the plan's seed. Given the same options, it is the network
    of the first split of the low-data study with 100 % of the labels, and is trained once.
    """
    if task is None:
        return {}
    entry = context.plan.tasks[task]
    config = entry.split_config(entry.strictest_split, context.plan.seed, 1)
    run = NetworkRun(context, (entry,), "supervised", config, options)
    name = f"supervised on {entry.name}"
    return {name: network_embeddings(context, run.artifact, name)}
