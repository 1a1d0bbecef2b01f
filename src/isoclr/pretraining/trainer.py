"""The training loop of pre-training: steps, log, validation, checkpoints and stops."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from torch import Tensor

from isoclr._config import Meta
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.pretraining.config import Budget, LoggingConfig, learning_rate
from isoclr.pretraining.data import Batch
from isoclr.pretraining.model import ContrastiveModel, StepResult
from isoclr.training.checkpoint import damaged, load_checkpoint, save_checkpoint
from isoclr.training.distributed import Distributed
from isoclr.training.logging import Log, ProgressDisplay
from isoclr.training.run import GracefulStop

FORMAT = "isoclr pre-training 4"


@dataclass
class RunState:
    """Progress of a run."""

    step: Annotated[int, Meta(ge=0)] = 0  # Steps done
    nt: Annotated[int, Meta(ge=0)] = 0  # Nucleotides seen, in both views
    seconds: Annotated[float, Meta(ge=0)] = 0.0  # Time spent, over all sessions
    loss: float | None = None  # Loss of the last step
    validation: dict[str, float] | None = None  # Metrics of the last validation, with its step
    best: dict[str, float] | None = None  # Metrics of the validation with the highest retrieval


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a resumed run needs."""

    tensors: Mapping[str, Tensor]  # Weights, running statistics, optimizer state and averaged weights
    options: dict[str, Any]  # Options of the run, with the SHA-256 of its initial weights as init
    budget: Budget  # Length of the run
    corpus: str  # SHA-256 of the corpus' files
    state: RunState  # Progress of the run

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically."""
        metadata = {
            "isoclr": __version__,
            "options": self.options,
            "budget": self.budget.flat(),
            "corpus": self.corpus,
            "state": asdict(self.state),
        }
        save_checkpoint(path, FORMAT, self.tensors, metadata)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint."""
        tensors, metadata = load_checkpoint(path, FORMAT)
        try:
            msgspec.convert(metadata["state"], RunState)  # types and ranges
            return cls(
                tensors,
                dict(metadata["options"]),
                Budget(**metadata["budget"]),
                str(metadata["corpus"]),
                RunState(**metadata["state"]),
            )
        except (ValueError, TypeError, KeyError, InputError) as error:
            raise damaged(path, error) from None


@dataclass(kw_only=True)
class Trainer:
    """Trains a model until the run is done or a signal stops it."""

    model: ContrastiveModel
    world: Distributed  # The processes that train together
    budget: Budget  # Length of the run
    state: RunState  # Progress of the run
    logging: LoggingConfig  # Intervals of log, validation and checkpoints
    options: dict[str, Any]  # Options of the run, for its checkpoints
    corpus: str  # SHA-256 of the corpus' files, for its checkpoints
    steps_per_epoch: int  # Batches per epoch
    batch_of: Callable[[int], Batch]  # The batch of a step, counted from the start of the run
    validation_batch: Batch | None  # The pairs that are never trained on
    checkpoint_path: Path
    log: Log | None  # Log of the run; None on all ranks but the first
    display: ProgressDisplay  # Progress bar

    def __post_init__(self) -> None:
        """Continue the clock of earlier sessions."""
        self._started = time.monotonic() - self.state.seconds
        self._saved = self.state.seconds

    def train(self, stop: GracefulStop) -> int:
        """Train, write a checkpoint at the end, and return the signal that stopped the run; 0 when it is done."""
        signal, progress = self._agree(stop)
        config, next_batch = self.model.config, None
        while progress < 1 and not signal:
            step = self.state.step
            batch = next_batch or self.batch_of(step)
            rate = learning_rate(step, progress, peak=config.learning_rate, warmup_steps=config.warmup_steps)
            pending = self.model.step(batch, step, rate)
            # a GPU computes this step while the host makes the next batch
            next_batch = self.batch_of(step + 1)
            record = self._advance(batch, pending.result(), rate)
            signal, progress = self._agree(stop)
            self._report(record, progress)
            self._validate(last=progress >= 1)
            if self._checkpoint_is_due():
                self._save()
        self._save()
        return signal if progress < 1 else 0

    def _agree(self, stop: GracefulStop) -> tuple[int, float]:
        """A signal that any rank has received, and the fraction of the run that is done."""
        signal, seconds = self.world.all_reduce_max([stop.signal, self.state.seconds])
        return int(signal), self.budget.progress(self.state.step, seconds, self.steps_per_epoch)

    def _advance(self, batch: Batch, result: StepResult, rate: float) -> dict[str, float]:
        """Update the state after a step, and return its log record."""
        before, state = self.state.seconds, self.state
        state.step += 1
        state.nt += batch.nt
        state.seconds = time.monotonic() - self._started
        state.loss = result.loss
        return {
            "step": state.step,
            "epoch": round(state.step / self.steps_per_epoch, 4),
            "loss": result.loss,
            "learning_rate": rate,
            "gradient_norm": result.gradient_norm,
            "nt": batch.nt,
            "padding": round(batch.padding, 4),
            "nt_per_second": round(batch.nt / max(state.seconds - before, 1e-9)),
            "seconds": round(state.seconds, 3),
        }

    def _report(self, record: dict[str, float], progress: float) -> None:
        if self.log and (self.state.step % self.logging.log_every == 0 or progress >= 1):
            self.log.write(record)
        numbers = "loss {loss:.3f}  lr {learning_rate:.1e}  {nt_per_second:,.0f} nt/s"
        self.display.update(self.state.step, numbers.format_map(record), total=round(self.state.step / progress))

    def _validate(self, *, last: bool) -> None:
        state = self.state
        due = last or state.step % self.logging.validate_every == 0
        if self.validation_batch is None or not due:
            return
        metrics = self.model.validate(self.validation_batch)
        state.validation = {"step": state.step, **metrics}
        if state.best is None or metrics["retrieval"] > state.best["retrieval"]:
            state.best = state.validation
        if self.log:
            self.log.write({"step": state.step} | {f"val_{k}": v for k, v in metrics.items()})
        self.display.message(
            f"step {state.step}: validation loss {metrics['loss']:.3f}, "
            f"retrieval {metrics['retrieval']:.1%} among {metrics['pairs']:.0f} pairs"
        )

    def _checkpoint_is_due(self) -> bool:
        every = self.logging.checkpoint_steps
        minutes = (self.state.seconds - self._saved) / 60
        return minutes >= self.logging.checkpoint_minutes or bool(every and self.state.step % every == 0)

    def _save(self) -> None:
        """Write a checkpoint on the first rank, unless no step is done."""
        self._saved = self.state.seconds
        if self.world.is_main and self.state.step:
            checkpoint = Checkpoint(self.model.tensors(), self.options, self.budget, self.corpus, self.state)
            checkpoint.save(self.checkpoint_path)
