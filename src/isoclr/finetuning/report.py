"""Results of fine-tuning: those of one trial, and the report of a study."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._console import info
from isoclr._io import atomic_path
from isoclr._report import Report, Row, Table, count_lines, finite
from isoclr.errors import InputError
from isoclr.finetuning.config import SALUKI_MODEL
from isoclr.tasks.leakage import LeakageReport
from isoclr.tasks.metrics import QUANTITY, TITLES, Interval, bootstrap, over_folds, over_seeds
from isoclr.training.run import exit_code

PREDICTIONS_SCHEMA = pl.Schema(
    {
        "split": pl.String(),
        "seed": pl.Int64(),
        "task": pl.String(),
        "transcript_id": pl.String(),
        "gene_id": pl.String(),
        "gene_symbol": pl.String(),
        "species": pl.String(),
        "group": pl.String(),
        "true": pl.Float64(),
        "predicted": pl.Float64(),
    }
)
"""Columns of predictions; ``true`` and ``predicted`` are in standard deviations of the training labels from their
mean."""


@dataclass(frozen=True)
class TrialResult:
    """Result of one trial."""

    trial: str  # Name of the trial
    split: str  # Name of its split
    seed: int  # Seed of its weights
    train: int  # Number of training RNAs
    valid: int  # Number of validation RNAs
    test: int  # Number of test RNAs
    epochs: int  # Epochs done
    best_epoch: int  # Epoch whose weights were kept
    best: float  # Its mean R on the validation part
    seconds: float  # Time spent
    metrics: dict[str, dict[str, float]]
    """Label → metric → value on the test part, with the number ``n`` of labels there."""
    history: list[dict[str, float]]  # Record of each epoch

    def save(self, folder: Path, predictions: pl.DataFrame) -> None:
        """Write the result; a trial is done when its JSON file, which comes last, exists."""
        with atomic_path(folder / f"{self.trial}.parquet") as partial:
            predictions.write_parquet(partial)
        with atomic_path(folder / f"{self.trial}.json") as partial:
            partial.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path, trial: str) -> "tuple[TrialResult, pl.DataFrame] | None":
        """Read result and predictions of a trial; None if it is not done."""
        path = folder / f"{trial}.json"
        if not path.exists():
            return None
        try:
            result = cls(**json.loads(path.read_text("utf-8")))  # with NaN, which msgspec refuses
            table = pl.read_parquet(path.with_suffix(".parquet"))
            return result, table.select(PREDICTIONS_SCHEMA.names())
        except (OSError, ValueError, TypeError, pl.exceptions.PolarsError) as error:
            raise InputError(f"{path}: is no result of fine-tuning ({error}); remove it to repeat this trial") from None


@dataclass(frozen=True)
class FinetuneReport(Report):
    """Result of :func:`isoclr.finetuning.finetune.finetune`."""

    out: Path  # Directory of the study, with the model of the trial that has the highest validation R
    method: str  # Name of the method
    model: str  # Name of the model
    train: str  # Trained part of the model; scratch for random weights
    tasks: tuple[str, ...]  # Names of the labels
    split: str  # The splits in words
    cross_validation: bool  # Whether the splits are the folds of a cross-validation
    train_fraction: float  # Fraction of the training RNAs that was used
    counts: dict[str, int]  # Numbers of RNAs and groups, and of what was left out, by reason
    results: Sequence[TrialResult]  # Result of each trial
    predictions: pl.DataFrame  # Predictions for every test RNA of every trial (PREDICTIONS_SCHEMA)
    provenance: dict[str, Any]  # Versions, checksums of the inputs, and options
    leaks: LeakageReport  # What the test parts share with the training parts
    stopped_by: int = 0  # Number of the signal that stopped the study early; 0 when it is done

    @property
    def exit_code(self) -> int:
        """Exit code of the command."""
        return exit_code(self.stopped_by)

    def summary(self, task: str) -> dict[str, Interval]:
        """Mean of each metric of one label over splits, with a 95 % interval."""
        return {name: self._interval(task, name) for name in QUANTITY}

    def rows(self) -> list[Row]:
        """One row per trial, label and metric, and one per label and metric for the mean (split ``all``)."""
        rows = []
        for result in self.results:
            for task, metrics in result.metrics.items():
                for name in QUANTITY:
                    values = {"value": metrics[name], "low": None, "high": None}
                    rows.append(self._row(task, name, result.split, result.seed, result.train, metrics["n"], values))
        if self.results:
            train = round(float(np.mean([result.train for result in self.results])))
            for task in self.tasks:
                n = sum(result.metrics[task]["n"] for result in self.results)
                for name, interval in self.summary(task).items():
                    rows.append(self._row(task, name, "all", None, train, n, interval.row()))
        return rows

    def _row(
        self, task: str, metric: str, split: str, seed: int | None, train: int, n: float, values: Mapping[str, Any]
    ) -> Row:
        return {
            "study": "fine-tuning",
            "task": task,
            "method": self.method,
            "model": self.model,
            "part": self.train,
            "fraction": self.train_fraction,
            "split": split,
            "seed": seed,
            "train": train,
            "n": int(n),
            "metric": metric,
            **finite(values),
        }

    def messages(self) -> Iterator[str]:
        """What was left out, by reason."""
        return count_lines(self.counts)

    def tables(self) -> Iterator[Table]:
        """The metrics of each label, and the leak audit."""
        fraction = f", {self.train_fraction:.3g} of the training labels"
        title = f"{self.method}: {self.counts['samples']:,} RNAs, {self.split}"
        epochs = np.mean([result.best_epoch for result in self.results])
        minutes = sum(result.seconds for result in self.results) / 60
        rows = [
            [task, *map(str, self.summary(task).values()), len(self.results), f"{epochs:.1f}", f"{minutes:.1f}"]
            for task in self.tasks
        ]
        columns = ["label", *(TITLES[n] for n in QUANTITY), "trainings", "best epoch", "minutes"]
        yield Table(title + (fraction if self.train_fraction < 1 else ""), columns, rows)
        yield from self.leaks.tables()

    def print(self) -> None:
        """Print the metrics, or how far the study got."""
        if self.stopped_by:
            done = len(self.results)
            info(f"stopped after {done} trainings; the same command with --resume goes on")
            return
        super().print()
        use = f"isoclr predict RNAS.fa --head {self.out} -o predictions.tsv"
        if self.model == SALUKI_MODEL:
            use = f"isoclr.finetuning.saluki.load_saluki({str(self.out)!r}) in Python"
        info(f"the best model is in {self.out}: {use}")

    def to_dict(self) -> dict[str, Any]:
        """Everything but the predictions."""
        return {
            "method": self.method,
            "model": self.model,
            "train": self.train,
            "split": self.split,
            "train_fraction": self.train_fraction,
            "counts": self.counts,
            "leaks": self.leaks.to_dict(),
            "summary": {
                task: {name: vars(interval) for name, interval in self.summary(task).items()} for task in self.tasks
            },
            "trainings": [asdict(result) for result in self.results],
            **self.provenance,
        }

    def _interval(self, task: str, name: str) -> Interval:
        """Over splits, each the mean of its repeats; for a single split over its test groups.

        Random splits overlap as those of all labels do, whatever fraction of a training part is used.
        """
        by_split: dict[str, list[float]] = {}
        for result in self.results:
            by_split.setdefault(result.split, []).append(result.metrics[task][name])
        if len(by_split) == 1:
            return self._bootstrap(task, name)
        values = [float(np.mean(repeats)) for repeats in by_split.values()]
        if self.cross_validation:
            return over_folds(values)
        train = float(np.mean([result.train for result in self.results])) / self.train_fraction
        test = float(np.mean([result.test for result in self.results]))
        return over_seeds(values, train, test)

    def _bootstrap(self, task: str, name: str) -> Interval:
        """The mean of the repeats' metrics, over the groups of the one test part that they share."""
        table = self.predictions.filter(pl.col("task") == task)
        repeats = table.partition_by("seed", maintain_order=True)
        pairs = [(one["true"].to_numpy(), one["predicted"].to_numpy()) for one in repeats]
        groups = repeats[0]["group"].to_numpy().astype(np.str_)
        return bootstrap(lambda rows: float(np.mean([QUANTITY[name](a[rows], b[rows]) for a, b in pairs])), groups)
