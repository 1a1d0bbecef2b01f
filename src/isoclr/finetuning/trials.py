"""A study of several trainings in one directory, which goes on where it was stopped."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl
from rich.progress import TextColumn

from isoclr._console import info, progress
from isoclr._io import atomic_path
from isoclr.errors import InputError
from isoclr.finetuning.config import FinetuneConfig
from isoclr.finetuning.data import Dataset, Trial
from isoclr.finetuning.models import BatchBuilder, ModelFactory
from isoclr.finetuning.predictor import Predictor, save_predictor
from isoclr.finetuning.trainer import Array, Trainer, TrainerState, load, save
from isoclr.training.signals import GracefulStop

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
class TrialResult:
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


def evaluate_on_test(trainer: Trainer) -> tuple[TrialResult, pl.DataFrame]:
    """Predict the test part with the best epoch's weights, which the trainer has now."""
    job, state, dataset = trainer.job, trainer.state, trainer.dataset
    rows = job.split.test
    predicted = trainer.predict(rows)
    outcome = TrialResult(
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


def write(folder: Path, outcome: TrialResult, predictions: pl.DataFrame) -> None:
    """Write one training's result; the JSON comes last, and without it the training is not done."""
    with atomic_path(folder / f"{outcome.job}.parquet") as partial:
        predictions.write_parquet(partial)
    with atomic_path(folder / f"{outcome.job}.json") as partial:
        partial.write_text(json.dumps(asdict(outcome), indent=1) + "\n", "utf-8")


def read(folder: Path, job: str) -> tuple[TrialResult, pl.DataFrame] | None:
    """The result of a training that was done before; None when it was not.

    Raises:
        InputError: a file that is not one.
    """
    path = folder / f"{job}.json"
    if not path.exists():
        return None
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
        outcome = TrialResult(**facts)
        table = pl.read_parquet(path.with_suffix(".parquet")).select(PREDICTIONS.names())
    except (OSError, ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path}: not a result of fine-tuning ({error}); remove it to do this training again"
        ) from None
    return outcome, table


LONG = 20.0
"""Seconds of an epoch that is worth a line."""


class TrialDisplay:
    """A progress bar with loss, validation R and nt/s, and a line for every training that is done."""

    def __init__(self) -> None:
        self._bar = progress(TextColumn("{task.fields[figures]}", markup=False))
        self._task = self._bar.add_task("", visible=False, figures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.update(self._task, visible=False)
        self._bar.__exit__(kind, error, trace)

    def stage(self, title: str, total: int) -> Callable[[int], None]:
        """Begin something that counts nucleotides; call the result with those done."""
        self._bar.reset(self._task, total=total, description=title, visible=True, figures="")
        return lambda nt: self._bar.advance(self._task, nt)

    def step(self, nt: int, loss: float, state: TrainerState) -> None:
        """A step is done."""
        spent = self._bar.tasks[self._task].elapsed or 0.0
        done = self._bar.tasks[self._task].completed + nt
        figures = f"loss {loss:.3f}  {done / max(spent, 1e-9) / 1e6:.2f} Mnt/s"
        if state.best_epoch:
            figures += f"  best R {state.best:.3f} (epoch {state.best_epoch})"
        self._bar.update(self._task, advance=nt, figures=figures)

    def epoch(self, state: TrainerState) -> None:
        """An epoch is done; a long one is told above the bar, which a log file does not show."""
        before = state.history[-2]["seconds"] if len(state.history) > 1 else 0.0
        last = state.history[-1]
        if last["seconds"] - before > LONG:
            self.say(f"epoch {state.epoch}: validation R {last['valid_pearson']:.3f}")

    def done(self, outcome: TrialResult) -> None:
        """A training is done."""
        found = ", ".join(f"{m['pearson']:.3f}" for m in outcome.metrics.values())
        self.say(
            f"{outcome.split}, seed {outcome.seed}: R {found} on {outcome.test:,} test RNAs, validation R "
            f"{outcome.best:.3f} in epoch {outcome.best_epoch} of {outcome.epochs}"
        )

    def say(self, message: str) -> None:
        """Say something above the bar."""
        info(message)


CHECKPOINT = "checkpoint.safetensors"
Found = list[tuple[TrialResult, pl.DataFrame]]


@dataclass(frozen=True)
class TrialRunner:
    """All that the trainings have in common.

    Attributes:
        out: the directory.
        dataset: RNAs and labels.
        start: the model to start from.
        rules: how to train.
        feed: the RNAs in chunks.
        recipe: the options, which a saved model names.
        display: what the person sees.
        stop: notes signals.
    """

    out: Path
    dataset: Dataset
    start: ModelFactory
    rules: FinetuneConfig
    feed: BatchBuilder
    recipe: dict[str, Any]
    display: TrialDisplay
    stop: GracefulStop

    def run(self, jobs: Sequence[Trial]) -> Found:
        """Do the trainings that are not done; a signal ends this early with those that are.

        The model of the training with the highest validation R is kept.
        """
        done = [read(self.out / RESULTS, job.name) for job in jobs]
        if not all(done):
            self.start.prepare(self.feed, self._stage(int(self.dataset.lengths.sum())))
        found: Found = [one for one in done if one is not None]
        for job in (job for job, one in zip(jobs, done, strict=True) if one is None):
            trained = self._train(job)
            if trained is None:
                break
            trainer, outcome, predictions = trained
            if all(outcome.best > earlier.best for earlier, _ in found):
                self._save(trainer, outcome)
            write(self.out / RESULTS, outcome, predictions)
            (self.out / CHECKPOINT).unlink(missing_ok=True)
            self.display.done(outcome)
            found.append((outcome, predictions))
        order = {job.name: i for i, job in enumerate(jobs)}
        return sorted(found, key=lambda one: order[one[0].job])

    def _train(self, job: Trial) -> tuple[Trainer, TrialResult, pl.DataFrame] | None:
        """One training from where it was stopped, or from the start; None when a signal stops it."""
        tasks = len(self.dataset.tasks)
        body, head = self.start.make(self.feed, self.rules, tasks, job.seed)
        trainer = Trainer(job, self.dataset, body, head, self.rules, new_body=self.start.scratch)
        path = self.out / CHECKPOINT
        if path.exists():
            state, tensors = load(path)
            if state.job == job.name:
                trainer.restore(state, tensors)
        nt = int(self.dataset.lengths[job.split.train].sum())
        while not trainer.finished:
            title = f"{job.split.name}, epoch {trainer.state.epoch + 1}"
            self.display.stage(title, nt)
            if not trainer.epoch(lambda done, loss: self._tick(trainer, done, loss)):
                return None
            save(path, trainer.state, trainer.tensors())
            self.display.epoch(trainer.state)
        trainer.recall_best()
        return trainer, *evaluate_on_test(trainer)

    def _tick(self, trainer: Trainer, nt: int, loss: float) -> bool:
        self.display.step(nt, loss, trainer.state)
        return bool(self.stop.signal)

    def _stage(self, total: int) -> Callable[[str], Callable[[int], None]]:
        return lambda title: self.display.stage(title, total)

    def _save(self, trainer: Trainer, outcome: TrialResult) -> None:
        metrics = {task: dict(found) for task, found in outcome.metrics.items()}
        predictor = Predictor(
            name=self.start.name,
            network=trainer.body.network,
            head=trainer.head,
            tasks=self.dataset.tasks,
            mean=np.asarray(trainer.mean),
            deviation=np.asarray(trainer.deviation),
            tracks=self.start.tracks,
            facts={
                "recipe": self.recipe,
                "split": outcome.split,
                "seed": outcome.seed,
                "train": outcome.train,
                "validation_pearson": outcome.best,
                "test": metrics,
            },
        )
        save_predictor(predictor, self.out)
