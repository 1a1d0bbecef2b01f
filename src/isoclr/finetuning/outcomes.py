"""What one training found, on disk and in memory."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr.errors import InputError
from isoclr.files import atomic_path
from isoclr.finetuning.trainer import Array, Trainer

RESULTS = "results"
PREDICTIONS = pl.Schema(
    {
        "split": pl.String(),
        "seed": pl.Int64(),
        "task": pl.String(),
        "transcript_id": pl.String(),
        "gene_id": pl.String(),
        "species": pl.String(),
        "group": pl.String(),
        "true": pl.Float64(),
        "predicted": pl.Float64(),
    }
)
"""Of the predictions; ``true`` and ``predicted`` in standard deviations of the training labels from their mean."""


@dataclass(frozen=True)
class Outcome:
    """One training's result.

    Attributes:
        job: its name.
        split: name of its split.
        seed: of its weights.
        train: number of training RNAs.
        valid: number of validation RNAs.
        test: number of test RNAs.
        epochs: epochs done.
        best_epoch: the one whose weights were kept.
        best: its mean R on the validation part.
        seconds: time spent.
        metrics: task → metric → value on the test part, with ``n``, the number of labels there.
        history: what every epoch gave.
    """

    job: str
    split: str
    seed: int
    train: int
    valid: int
    test: int
    epochs: int
    best_epoch: int
    best: float
    seconds: float
    metrics: dict[str, dict[str, float]]
    history: list[dict[str, float]]


def conclude(trainer: Trainer) -> tuple[Outcome, pl.DataFrame]:
    """Predict the test part with the best epoch's weights, which the trainer has now."""
    job, state, dataset = trainer.job, trainer.state, trainer.dataset
    rows = job.split.test
    predicted = trainer.predict(rows)
    outcome = Outcome(
        job=job.name,
        split=job.split.name,
        seed=job.seed,
        train=len(job.split.train),
        valid=len(job.split.valid),
        test=len(rows),
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        best=state.best,
        seconds=state.seconds,
        metrics=dict(zip(dataset.tasks, trainer.measure(rows, predicted), strict=True)),
        history=state.history,
    )
    return outcome, _predictions(trainer, predicted)


def _predictions(trainer: Trainer, predicted: Array) -> pl.DataFrame:
    job, dataset = trainer.job, trainer.dataset
    parts: list[pl.DataFrame] = []
    for number, task in enumerate(dataset.tasks):
        true = trainer.scaled[job.split.test, number]
        known = np.isfinite(true)
        rows = job.split.test[known]
        table = dataset.table[rows].select("transcript_id", "gene_id", "species")
        parts.append(
            table.with_columns(
                split=pl.lit(job.split.name),
                seed=pl.lit(job.seed, pl.Int64),
                task=pl.lit(task),
                group=pl.Series(dataset.groups[rows].tolist(), dtype=pl.String),
                true=pl.Series(true[known]),
                predicted=pl.Series(predicted[known, number]),
            ).select(PREDICTIONS.names())
        )
    return pl.concat(parts)


def write(folder: Path, outcome: Outcome, predictions: pl.DataFrame) -> None:
    """Write one training's result; the JSON comes last, and without it the training is not done."""
    with atomic_path(folder / f"{outcome.job}.parquet") as partial:
        predictions.write_parquet(partial)
    with atomic_path(folder / f"{outcome.job}.json") as partial:
        partial.write_text(json.dumps(asdict(outcome), indent=1) + "\n", "utf-8")


def read(folder: Path, job: str) -> tuple[Outcome, pl.DataFrame] | None:
    """The result of a training that was done before; None when it was not.

    Raises:
        InputError: a file that is not one.
    """
    path = folder / f"{job}.json"
    if not path.exists():
        return None
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
        outcome = Outcome(**facts)
        table = pl.read_parquet(path.with_suffix(".parquet")).select(PREDICTIONS.names())
    except (OSError, ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path}: not a result of fine-tuning ({error}); remove it to do this training again"
        ) from None
    return outcome, table
