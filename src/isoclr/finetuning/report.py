"""What fine-tuning found over all trainings, as tidy rows, a table and JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._console import info, table
from isoclr._io import atomic_path
from isoclr._report import count_lines
from isoclr.finetuning.trials import TrialResult
from isoclr.tasks.leakage import LeakageReport
from isoclr.tasks.metrics import QUANTITY, Interval, bootstrap, over_folds, over_seeds

TITLES = {"pearson": "Pearson R", "spearman": "Spearman R", "mse": "MSE"}


@dataclass(frozen=True)
class FinetuneReport:
    """The result of :func:`isoclr.finetuning.finetune`.

    Attributes:
        out: the study's directory; with the model of the training that validation likes best.
        method: what was trained, in words.
        model: name of the model.
        tune: how much of it learnt (``scratch`` for a model with random weights).
        tasks: names of the labels.
        split: how the RNAs were dealt, in words.
        folds: whether the splits are the folds of a cross-validation.
        share: of the training RNAs that were used.
        counts: numbers of RNAs and groups, and of what was left out, by reason.
        outcomes: one a training.
        predictions: every test RNA of every training (:data:`isoclr.finetuning.trials.PREDICTIONS`).
        provenance: versions, hashes and options.
        stopped_by: number of the signal that stopped the study early; 0 when it is done.
        leaks: what the test parts share with the training parts.
    """

    out: Path
    method: str
    model: str
    tune: str
    tasks: tuple[str, ...]
    split: str
    folds: bool
    share: float
    counts: dict[str, int]
    outcomes: Sequence[TrialResult]
    predictions: pl.DataFrame
    provenance: dict[str, Any]
    stopped_by: int = 0
    leaks: LeakageReport | None = None

    @property
    def title(self) -> str:
        """One line above the table."""
        share = "" if self.share == 1 else f", {self.share:.3g} of the training labels"
        return f"{self.method}: {self.counts['RNAs']:,} RNAs, {self.split}{share}"

    def summary(self, task: str) -> dict[str, Interval]:
        """The metrics of one label: mean over splits with a 95 % interval."""
        return {name: self._interval(task, name) for name in QUANTITY}

    def rows(self) -> list[dict[str, str | int | float | None]]:
        """Tidy rows, one number each: every training's metrics on its test part, then the means (split ``all``)."""
        rows = [
            {
                **self._keys(task),
                "split": outcome.split,
                "seed": outcome.seed,
                "train": outcome.train,
                "n": int(outcome.metrics[task]["n"]),
                "metric": name,
                "value": _finite(outcome.metrics[task][name]),
                "low": None,
                "high": None,
            }
            for outcome in self.outcomes
            for task in self.tasks
            for name in QUANTITY
        ]
        if not self.outcomes:
            return []
        return rows + [row for task in self.tasks for row in self._summary_rows(task)]

    def columns(self) -> list[str]:
        """Heads of the printed table."""
        return ["label", *(TITLES[name] for name in QUANTITY), "trainings", "best epoch", "minutes"]

    def table(self) -> list[list[object]]:
        """The printed table: a row a label."""
        if not self.outcomes:
            return []
        epochs = np.mean([outcome.best_epoch for outcome in self.outcomes])
        minutes = sum(outcome.seconds for outcome in self.outcomes) / 60
        return [
            [
                task,
                *map(str, self.summary(task).values()),
                len(self.outcomes),
                f"{epochs:.1f}",
                f"{minutes:.1f}",
            ]
            for task in self.tasks
        ]

    def save(self, path: Path) -> None:
        """Write everything but the predictions as JSON."""
        facts = {
            "method": self.method,
            "model": self.model,
            "tune": self.tune,
            "split": self.split,
            "train_share": self.share,
            "counts": self.counts,
            "leaks": None if self.leaks is None else self.leaks.as_dict(),
            "summary": {
                task: {name: _plain(found) for name, found in self.summary(task).items()}
                for task in self.tasks
            },
            "trainings": [asdict(outcome) for outcome in self.outcomes],
            **self.provenance,
        }
        text = json.dumps(_nulls(facts), indent=1, ensure_ascii=False, allow_nan=False)
        with atomic_path(path) as partial:
            partial.write_text(text + "\n", encoding="utf-8")

    def _keys(self, task: str) -> dict[str, str | int | float | None]:
        return {
            "study": "fine-tuning",
            "task": task,
            "method": self.method,
            "model": self.model,
            "tune": self.tune,
            "share": self.share,
        }

    def _summary_rows(self, task: str) -> list[dict[str, str | int | float | None]]:
        train = round(float(np.mean([outcome.train for outcome in self.outcomes])))
        n = sum(int(outcome.metrics[task]["n"]) for outcome in self.outcomes)
        return [
            {
                **self._keys(task),
                "split": "all",
                "seed": None,
                "train": train,
                "n": n,
                "metric": name,
                "value": _finite(found.mean),
                "low": _finite(found.low),
                "high": _finite(found.high),
            }
            for name, found in self.summary(task).items()
        ]

    def _interval(self, task: str, name: str) -> Interval:
        """Over splits, each the mean of its seeds; of a single split over its test groups.

        Random splits overlap as those of all labels do, whatever share of a training part is used.
        """
        by_split: dict[str, list[float]] = {}
        for outcome in self.outcomes:
            by_split.setdefault(outcome.split, []).append(outcome.metrics[task][name])
        if len(by_split) == 1:
            return self._bootstrap(task, name)
        values = [float(np.mean(found)) for found in by_split.values()]
        if self.folds:
            return over_folds(values)
        train = float(np.mean([outcome.train for outcome in self.outcomes])) / self.share
        test = float(np.mean([outcome.test for outcome in self.outcomes]))
        return over_seeds(values, train, test)

    def _bootstrap(self, task: str, name: str) -> Interval:
        """The mean of the seeds' metrics, over the groups of the one test part that they share."""
        table = self.predictions.filter(pl.col("task") == task)
        seeds = table.partition_by("seed", maintain_order=True)
        pairs = [(one["true"].to_numpy(), one["predicted"].to_numpy()) for one in seeds]
        groups = seeds[0]["group"].to_numpy().astype(np.str_)
        return bootstrap(
            lambda rows: float(np.mean([QUANTITY[name](a[rows], b[rows]) for a, b in pairs])),
            groups,
        )

    @property
    def exit_code(self) -> int:
        """128 + the number of the signal that stopped the run, as shells count; 0 for a finished one."""
        return 128 + self.stopped_by if self.stopped_by else 0

    def print(self) -> None:
        """Print the results, or how far the run got."""
        if self.stopped_by:
            done = len(self.outcomes)
            info(f"stopped after {done} trainings; the same command with --resume goes on")
            return
        for line in count_lines(self.counts):
            info(line)
        table(self.title, self.columns(), self.table())
        if self.leaks is not None:
            self.leaks.print()
        info(f"the best model is in {self.out}")


def _plain(found: Interval) -> dict[str, float]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _nulls(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _nulls(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nulls(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
