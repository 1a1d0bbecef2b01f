"""The loop: steps, and between them the log, validation, checkpoints and the question whether to stop."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.pretraining.config import Budget, learning_rate
from isoclr.pretraining.data import Batch
from isoclr.pretraining.model import ContrastiveModel, StepResult
from isoclr.training.checkpoint import damaged, read, write
from isoclr.training.distributed import Distributed
from isoclr.training.logging import Log, ProgressDisplay
from isoclr.training.signals import GracefulStop

FORMAT = "isoclr pre-training 2"


@dataclass
class State:
    """How far a run has come."""

    step: int = 0
    """Steps done."""
    nt: int = 0
    """Nucleotides seen, both views counted."""
    seconds: float = 0.0
    """Time spent, over all sessions."""
    loss: float | None = None
    """Loss of the last step."""
    validation: dict[str, float] | None = None
    """The last measurement on the held-out gene sets."""
    best: dict[str, float] | None = None
    """The measurement with the highest retrieval accuracy."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds."""

    tensors: Mapping[str, Tensor]
    recipe: dict[str, Any]
    plan: Budget
    corpus: str
    """What names the corpus by its content."""
    state: State


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole or not at all; the one before stays until the new one is on the disk."""
    facts = {
        "isoclr": __version__,
        "recipe": checkpoint.recipe,
        "plan": asdict(checkpoint.plan),
        "corpus": checkpoint.corpus,
        "state": asdict(checkpoint.state),
    }
    write(path, FORMAT, checkpoint.tensors, facts)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InputError: no such file, not a checkpoint, or one that was damaged.
    """
    tensors, facts = read(path, FORMAT)
    try:
        plan, state = Budget(**facts["plan"]), State(**facts["state"])
        return Checkpoint(tensors, dict(facts["recipe"]), plan, str(facts["corpus"]), state)
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(path, error) from None


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """How often something is done besides training, in steps; checkpoints also by the clock."""

    log: int
    validate: int
    checkpoint_steps: int | None
    checkpoint_minutes: float

    def __post_init__(self) -> None:
        """Refuse steps and times that never come.

        Raises:
            InputError: an interval below one step, or a time between checkpoints that is none.
        """
        intervals = {
            "--log-every": self.log,
            "--validate-every": self.validate,
            "--checkpoint-steps": self.checkpoint_steps,
        }
        for option, steps in intervals.items():
            if steps is not None and steps < 1:
                raise InputError(f"{option} is {steps}, expected at least 1")
        if not self.checkpoint_minutes >= 0:
            raise InputError(
                f"--checkpoint-minutes is {self.checkpoint_minutes}, expected at least 0"
            )


@dataclass(kw_only=True)
class Trainer:
    """All that a run consists of."""

    learner: ContrastiveModel
    world: Distributed
    plan: Budget
    state: State
    cadence: Intervals
    corpus: str
    """What names the corpus by its content."""
    steps_per_epoch: int
    batch_of: Callable[[int], Batch]
    """The batch of a step, counted from the start of the run."""
    held_out: Batch | None
    """The pairs that are never trained on."""
    checkpoint_path: Path
    log: Log | None
    """None on ranks that do not lead."""
    display: ProgressDisplay

    def __post_init__(self) -> None:
        """Start the clock where the run's earlier sessions stopped it."""
        self._origin = time.monotonic() - self.state.seconds
        self._saved = self.state.seconds

    def train(self, stop: GracefulStop) -> int:
        """Train until the plan is done or a signal asks to stop; then write a checkpoint.

        Args:
            stop: notes signals.

        Returns:
            The signal that ended the run, 0 when the plan is done.
        """
        signal, share = self._agree(stop)
        following = None
        while share < 1 and not signal:
            batch = following or self.batch_of(self.state.step)
            rate = self._learning_rate(share)
            launched = self.learner.step(batch, self.state.step, rate)
            # a GPU is at work on this step while the host draws the next one
            following = self.batch_of(self.state.step + 1)
            record = self._advance(batch, launched.result(), rate)
            signal, share = self._agree(stop)
            self._report(record, share)
            self._validate(last=share >= 1)
            if self._checkpoint_is_due():
                self._save()
        self._save()
        return signal if share < 1 else 0

    def _agree(self, stop: GracefulStop) -> tuple[int, float]:
        """A signal that any rank has received, and the share of the plan that is done."""
        signal, seconds = self.world.highest([stop.signal, self.state.seconds])
        return int(signal), self.plan.share(self.state.step, seconds, self.steps_per_epoch)

    def _learning_rate(self, share: float) -> float:
        recipe = self.learner.recipe
        return learning_rate(
            self.state.step, share, peak=recipe.learning_rate, warmup_steps=recipe.warmup_steps
        )

    def _advance(self, batch: Batch, result: StepResult, rate: float) -> dict[str, float]:
        """Count a finished step; what the log says about it."""
        before, state = self.state.seconds, self.state
        state.step += 1
        state.nt += batch.nt
        state.seconds = time.monotonic() - self._origin
        state.loss = result.loss
        return {
            "step": state.step,
            "epoch": round(state.step / self.steps_per_epoch, 4),
            "loss": result.loss,
            "learning_rate": rate,
            "gradient_norm": result.gradient_norm,
            "nt": batch.nt,
            "waste": round(batch.waste, 4),
            "nt_per_second": round(batch.nt / max(state.seconds - before, 1e-9)),
            "seconds": round(state.seconds, 3),
        }

    def _report(self, record: dict[str, float], share: float) -> None:
        if self.log and (self.state.step % self.cadence.log == 0 or share >= 1):
            self.log.write(record)
        self.display.step(
            self.state.step,
            round(self.state.step / share),
            loss=record["loss"],
            learning_rate=record["learning_rate"],
            nt_per_second=record["nt_per_second"],
        )

    def _validate(self, *, last: bool) -> None:
        state = self.state
        if self.held_out is None or not (last or state.step % self.cadence.validate == 0):
            return
        figures = self.learner.validate(self.held_out)
        state.validation = {"step": state.step, **figures}
        if state.best is None or figures["retrieval"] > state.best["retrieval"]:
            state.best = state.validation
        if self.log:
            named = {f"held_out_{name}": value for name, value in figures.items()}
            self.log.write({"step": state.step, **named})
        self.display.validation(state.step, figures)

    def _checkpoint_is_due(self) -> bool:
        every = self.cadence.checkpoint_steps
        minutes = (self.state.seconds - self._saved) / 60
        return minutes >= self.cadence.checkpoint_minutes or bool(
            every and self.state.step % every == 0
        )

    def _save(self) -> None:
        """Write a checkpoint, on the leading rank; before the first step there is nothing to keep."""
        self._saved = self.state.seconds
        if self.world.leads and self.state.step:
            recipe = self.learner.recipe.as_dict()
            tensors = self.learner.tensors()
            save(
                self.checkpoint_path,
                Checkpoint(tensors, recipe, self.plan, self.corpus, self.state),
            )
