"""A study of several trainings in one directory, which goes on where it was stopped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr.finetuning import checkpoint, outcomes
from isoclr.finetuning.dataset import Dataset
from isoclr.finetuning.display import Display
from isoclr.finetuning.feeding import Feed
from isoclr.finetuning.jobs import Job
from isoclr.finetuning.outcomes import Outcome
from isoclr.finetuning.predictor import Predictor
from isoclr.finetuning.rules import Rules
from isoclr.finetuning.starting import Start
from isoclr.finetuning.storing import save_predictor
from isoclr.finetuning.trainer import Trainer
from isoclr.pretraining.stopping import StopRequest

CHECKPOINT = "checkpoint.safetensors"
Found = list[tuple[Outcome, pl.DataFrame]]


@dataclass(frozen=True)
class Study:
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
    start: Start
    rules: Rules
    feed: Feed
    recipe: dict[str, Any]
    display: Display
    stop: StopRequest

    def run(self, jobs: Sequence[Job]) -> Found:
        """Do the trainings that are not done; a signal ends this early with those that are.

        The model of the training with the highest validation R is kept.
        """
        done = [outcomes.read(self.out / outcomes.RESULTS, job.name) for job in jobs]
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
            outcomes.write(self.out / outcomes.RESULTS, outcome, predictions)
            (self.out / CHECKPOINT).unlink(missing_ok=True)
            self.display.done(outcome)
            found.append((outcome, predictions))
        order = {job.name: i for i, job in enumerate(jobs)}
        return sorted(found, key=lambda one: order[one[0].job])

    def _train(self, job: Job) -> tuple[Trainer, Outcome, pl.DataFrame] | None:
        """One training from where it was stopped, or from the start; None when a signal stops it."""
        tasks = len(self.dataset.tasks)
        body, head = self.start.make(self.feed, self.rules, tasks, job.seed)
        trainer = Trainer(job, self.dataset, body, head, self.rules, new_body=self.start.scratch)
        path = self.out / CHECKPOINT
        if path.exists():
            state, tensors = checkpoint.load(path)
            if state.job == job.name:
                trainer.restore(state, tensors)
        nt = int(self.dataset.lengths[job.split.train].sum())
        while not trainer.finished:
            title = f"{job.split.name}, epoch {trainer.state.epoch + 1}"
            self.display.stage(title, nt)
            if not trainer.epoch(lambda done, loss: self._tick(trainer, done, loss)):
                return None
            checkpoint.save(path, trainer.state, trainer.tensors())
            self.display.epoch(trainer.state)
        trainer.recall_best()
        return trainer, *outcomes.conclude(trainer)

    def _tick(self, trainer: Trainer, nt: int, loss: float) -> bool:
        self.display.step(nt, loss, trainer.state)
        return bool(self.stop.signal)

    def _stage(self, total: int) -> Callable[[str], Callable[[int], None]]:
        return lambda title: self.display.stage(title, total)

    def _save(self, trainer: Trainer, outcome: Outcome) -> None:
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
