"""Training of one trial, and the runner of all trials of a study in one directory."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from isoclr.errors import InputError
from isoclr.finetuning.config import Hyperparameters
from isoclr.finetuning.data import Trial
from isoclr.finetuning.models import Advance, Backbone, BatchBuilder, Head, ModelFactory, SalukiHead
from isoclr.finetuning.report import PREDICTIONS_SCHEMA, TrialResult
from isoclr.models.packing import Rows
from isoclr.tasks.dataset import Array, LabelledRnas
from isoclr.tasks.metrics import QUANTITY
from isoclr.training.checkpoint import (
    damaged,
    load_checkpoint,
    optimizer_tensors,
    restore_modules,
    restore_optimizer,
    save_checkpoint,
)
from isoclr.training.logging import Log, ProgressDisplay
from isoclr.training.rng import RngStream, keyed_rng, torch_seed
from isoclr.training.run import DivergedError, GracefulStop

FORMAT = "isoclr fine-tuning 2"
CHECKPOINT = "checkpoint.safetensors"
RESULTS = "results"
CURRENT, BEST = "current.", "best."  # Prefixes of tensors in a checkpoint
LONG_EPOCH = 20.0  # Seconds of an epoch that is worth a line above the progress bar


@dataclass
class TrainerState:
    """Progress of one trial."""

    trial: str  # Name of the trial
    epoch: int = 0  # Epochs done
    best_epoch: int = 0  # Epoch with the highest validation R; 0: none yet
    best: float = float("-inf")  # Highest validation R
    seconds: float = 0.0  # Time of training and validation, over all sessions
    history: list[dict[str, float]] = field(default_factory=list)  # Record of each epoch


class Trainer:
    """Trains one backbone and head on one split.

    Args:
        new_backbone: Whether the backbone's weights are random and get the L2 penalty of new weights.
    """

    def __init__(
        self,
        trial: Trial,
        rnas: LabelledRnas,
        backbone: Backbone,
        head: Head | SalukiHead,
        parameters: Hyperparameters,
        *,
        new_backbone: bool,
    ) -> None:
        self.trial, self.rnas, self.parameters = trial, rnas, parameters
        self.backbone, self.head = backbone, head
        labels = rnas.targets[trial.split.train]
        self.mean, self.std = np.nanmean(labels, axis=0), np.nanstd(labels, axis=0)
        """``(labels,)`` mean and standard deviation of the training labels."""
        self.targets = (rnas.targets - self.mean) / self.std  # (n, labels) standardized labels
        self.lengths = np.array([len(codes) for codes in rnas.sequences], np.int64)  # (n,) nt of each RNA
        self.modules = nn.ModuleDict({"encoder": backbone.trained, "head": head})
        """Everything that training changes."""
        self.optimizer = _make_optimizer(self.modules, parameters)
        self.penalized = [*head.penalized(), *(_weight_matrices(backbone.trained) if new_backbone else ())]
        self.state = TrainerState(trial.name)
        self.best: dict[str, Tensor] = {}  # Weights of the best epoch
        self._device = next(head.parameters()).device

    @property
    def finished(self) -> bool:
        """Whether training is stopped early or all epochs are done."""
        state, parameters = self.state, self.parameters
        waited = state.epoch - state.best_epoch
        early = state.epoch >= parameters.min_epochs and waited >= parameters.patience
        return state.epoch >= parameters.epochs or early

    def epoch(self, after_step: Callable[[int, float], bool]) -> bool:
        """One pass over the training RNAs, and validation.

        Args:
            after_step: Called with the nt of the batch and its loss; returns whether to stop.

        Returns:
            Whether the epoch was finished; otherwise it must be repeated from the state before.

        Raises:
            DivergedError: The loss or the gradient is not finite.
        """
        start, number = time.monotonic(), self.state.epoch
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self.parameters.lr_decay**number
        losses, nt = [], 0
        for step, rows in enumerate(self._batches(number)):
            losses.append(self._step(number, step, rows))
            batch_nt = int(self.lengths[rows].sum())
            nt += batch_nt
            if after_step(batch_nt, losses[-1]):
                return False
        rate = nt / max(time.monotonic() - start, 1e-9)
        self._validate({"loss": float(np.mean(losses)), "nt": nt, "nt_per_second": rate}, start)
        return True

    def predict(self, rows: Rows) -> Array:
        """``(n, labels)`` in standard deviations of the training labels from their mean, in evaluation mode."""
        self.modules.eval()
        with torch.inference_mode():
            predicted: Array = self.head(self.backbone.evaluate(rows)).double().cpu().numpy()
        return predicted

    def measure(self, rows: Rows, predicted: Array) -> list[dict[str, float]]:
        """For every label, the metrics on the RNAs that have it, and their number ``n``."""
        metrics = []
        for true, guess in zip(self.targets[rows].T, predicted.T, strict=True):
            known = np.isfinite(true)
            values = {name: metric(true[known], guess[known]) for name, metric in QUANTITY.items()}
            metrics.append({**values, "n": int(known.sum())})
        return metrics

    def restore_best_weights(self) -> None:
        """Take the weights of the best epoch."""
        self.modules.load_state_dict(self.best)

    def save(self, path: Path) -> None:
        """Write a checkpoint atomically."""
        tensors = {CURRENT + name: tensor for name, tensor in self.modules.state_dict().items()}
        tensors |= {BEST + name: tensor for name, tensor in self.best.items()}
        tensors |= optimizer_tensors(self.optimizer, self.modules)
        save_checkpoint(path, FORMAT, tensors, {"state": asdict(self.state)})

    def restore(self, state: TrainerState, tensors: Mapping[str, Tensor], source: Path) -> None:
        """Continue from a checkpoint."""
        self.state = state
        restore_modules(self.modules, tensors, source, prefix=CURRENT)
        restore_optimizer(self.optimizer, self.modules, tensors, source)
        best = {name: t for name, t in tensors.items() if name.startswith(BEST)}
        self.best = {name.removeprefix(BEST): t.to(self._device) for name, t in best.items()}

    def _batches(self, epoch: int) -> Iterator[Rows]:
        """The training RNAs in random order, in batches of similar size with two RNAs or more."""
        rng = keyed_rng(self.trial.seed, RngStream.BATCH_ORDER, self.trial.number, epoch)
        rows = rng.permutation(self.trial.split.train)
        count = min(math.ceil(len(rows) / self.parameters.batch_size), len(rows) // 2)
        yield from np.array_split(rows, max(count, 1))

    def _step(self, epoch: int, step: int, rows: Rows) -> float:
        seed, key = self.trial.seed, (self.trial.number, epoch, step)
        torch.manual_seed(torch_seed(seed, RngStream.TRIAL_DROPOUT, *key))
        self.modules.train()
        features = self.backbone(rows, keyed_rng(seed, RngStream.TRIAL_SHIFT, *key))
        loss = self._loss(self.head(features), rows)
        penalty = sum(weight.square().sum() for weight in self.penalized)
        self.optimizer.zero_grad(set_to_none=True)
        (loss + self.parameters.l2 * penalty).backward()
        weights = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = float(nn.utils.clip_grad_norm_(weights, self.parameters.max_grad_norm))
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise DivergedError(
                f"{self.trial.name}: epoch {epoch + 1}: loss {value:g}, gradient norm {norm:g}; training has "
                "diverged, try a lower --learning-rate or --encoder-learning-rate, or --precision float32"
            )
        self.optimizer.step()
        return value

    def _loss(self, predicted: Tensor, rows: Rows) -> Tensor:
        """Mean squared error over the known labels."""
        true = torch.from_numpy(self.targets[rows]).to(predicted)
        known = torch.isfinite(true)
        return (predicted - true.nan_to_num()).square()[known].mean()

    def _validate(self, record: dict[str, float], start: float) -> None:
        """Measure the validation part, and keep the weights if they are the best so far."""
        rows = self.trial.split.valid
        metrics = self.measure(rows, self.predict(rows))
        score = float(np.mean([values["pearson"] for values in metrics]))
        score = score if math.isfinite(score) else -1.0
        state = self.state
        state.epoch += 1
        if score > state.best:
            state.best, state.best_epoch = score, state.epoch
            self.best = {k: v.detach().clone() for k, v in self.modules.state_dict().items()}
        state.seconds += time.monotonic() - start
        mse = float(np.mean([values["mse"] for values in metrics]))
        rate = self.optimizer.param_groups[-1]["lr"]
        state.history.append(
            {"epoch": state.epoch, "learning_rate": rate, **record}
            | {"valid_pearson": score, "valid_mse": mse, "seconds": state.seconds}
        )


def _make_optimizer(modules: nn.ModuleDict, parameters: Hyperparameters) -> torch.optim.Adam:
    rates = {"encoder": parameters.encoder_learning_rate, "head": parameters.learning_rate}
    groups = [{"params": list(modules[name].parameters()), "initial_lr": rate} for name, rate in rates.items()]
    used = [group for group in groups if group["params"]]
    return torch.optim.Adam(used, lr=parameters.learning_rate, betas=parameters.betas, fused=True)


def _weight_matrices(backbone: nn.Module) -> list[nn.Parameter]:
    """Weights without biases, norms, and recurrent weights, which no paper penalizes."""
    named = backbone.named_parameters()
    return [p for name, p in named if p.ndim > 1 and "weight_hh" not in name]


def evaluate_on_test(trainer: Trainer) -> tuple[TrialResult, pl.DataFrame]:
    """Predict the test part with the trainer's current weights."""
    trial, state, rnas = trainer.trial, trainer.state, trainer.rnas
    rows = trial.split.test
    predicted = trainer.predict(rows)
    result = TrialResult(
        trial=trial.name,
        split=trial.split.name,
        seed=trial.seed,
        train=len(trial.split.train),
        valid=len(trial.split.valid),
        test=len(rows),
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        best=state.best,
        seconds=state.seconds,
        metrics=dict(zip(rnas.labels, trainer.measure(rows, predicted), strict=True)),
        history=state.history,
    )
    return result, _predictions(trainer, predicted)


def _predictions(trainer: Trainer, predicted: Array) -> pl.DataFrame:
    trial, rnas = trainer.trial, trainer.rnas
    parts: list[pl.DataFrame] = []
    for number, label in enumerate(rnas.labels):
        true = trainer.targets[trial.split.test, number]
        known = np.isfinite(true)
        rows = trial.split.test[known]
        table = rnas.table[rows].select("transcript_id", "gene_id", "gene_symbol", "species")
        parts.append(
            table.with_columns(
                split=pl.lit(trial.split.name),
                seed=pl.lit(trial.seed, pl.Int64),
                task=pl.lit(label),
                group=pl.Series(rnas.groups[rows].tolist(), dtype=pl.String),
                true=pl.Series(true[known]),
                predicted=pl.Series(predicted[known, number]),
            ).select(PREDICTIONS_SCHEMA.names())
        )
    return pl.concat(parts)


@dataclass(frozen=True, kw_only=True)
class TrialRunner:
    """Runs the trials of a study."""

    out: Path  # Directory of the study
    rnas: LabelledRnas
    factory: ModelFactory  # Makes the model of each trial
    builder: BatchBuilder  # The RNAs in chunks
    save_model: Callable[[Trainer, TrialResult, pl.DataFrame], None]
    """Called with the best trial so far, which has its best weights, its result and its predictions."""
    log: Log  # One record per epoch
    display: ProgressDisplay  # Progress bar
    stop: GracefulStop  # Notes signals

    def run(self, trials: Sequence[Trial]) -> list[tuple[TrialResult, pl.DataFrame]]:
        """Run the trials that are not done; a signal ends this early.

        The model of the trial with the highest validation R is saved.

        Returns:
            Results and predictions of the trials that are done, in their order.
        """
        results = {trial.name: TrialResult.load(self.out / RESULTS, trial.name) for trial in trials}
        done = {name: result for name, result in results.items() if result is not None}
        if len(done) < len(trials):
            self.factory.prepare(self.builder, self._preparation)
        for trial in trials:
            if trial.name in done:
                continue
            trainer = self._train(trial)
            if trainer is None:
                break
            result, predictions = evaluate_on_test(trainer)
            if all(result.best > earlier.best for earlier, _ in done.values()):
                self.save_model(trainer, result, predictions)
            result.save(self.out / RESULTS, predictions)
            self._show(result)
            done[trial.name] = result, predictions
        if len(done) == len(trials):
            (self.out / CHECKPOINT).unlink(missing_ok=True)
        return [done[trial.name] for trial in trials if trial.name in done]

    def _train(self, trial: Trial) -> Trainer | None:
        """One trial from its checkpoint or from the start, with its best weights; None if a signal stops it."""
        parameters = self.factory.config.hyperparameters
        backbone, head = self.factory.make(self.builder, len(self.rnas.labels), trial.seed)
        new = self.factory.config.random_weights
        trainer = Trainer(trial, self.rnas, backbone, head, parameters, new_backbone=new)
        path = self.out / CHECKPOINT
        if (saved := load_state(path)) and saved[0].trial == trial.name:
            trainer.restore(*saved, path)
        nt = int(trainer.lengths[trial.split.train].sum())
        while not trainer.finished:
            self.display.start(f"{trial.split.name}, epoch {trainer.state.epoch + 1}", nt)
            if not trainer.epoch(self._after_step(trainer.state)):
                return None
            self.log.write({"trial": trial.name, **trainer.state.history[-1]})
            trainer.save(path)
            self._show_epoch(trainer.state)
        trainer.restore_best_weights()
        return trainer

    def _after_step(self, state: TrainerState) -> Callable[[int, float], bool]:
        start, done = time.monotonic(), 0

        def after_step(nt: int, loss: float) -> bool:
            nonlocal done
            done += nt
            numbers = f"loss {loss:.3f}  {done / max(time.monotonic() - start, 1e-9):,.0f} nt/s"
            if state.best_epoch:
                numbers += f"  best R {state.best:.3f} (epoch {state.best_epoch})"
            self.display.update(done, numbers)
            return bool(self.stop.signal)

        return after_step

    def _preparation(self, title: str) -> Advance:
        self.display.start(title, sum(map(len, self.rnas.sequences)))
        return self.display.advance

    def _show_epoch(self, state: TrainerState) -> None:
        """A line for a long epoch, because a log file does not show the bar."""
        before = state.history[-2]["seconds"] if len(state.history) > 1 else 0.0
        last = state.history[-1]
        if last["seconds"] - before > LONG_EPOCH:
            self.display.message(f"epoch {state.epoch}: validation R {last['valid_pearson']:.3f}")

    def _show(self, result: TrialResult) -> None:
        scores = ", ".join(f"{metrics['pearson']:.3f}" for metrics in result.metrics.values())
        self.display.message(
            f"{result.split}, seed {result.seed}: R {scores} on {result.test:,} test RNAs, validation R "
            f"{result.best:.3f} in epoch {result.best_epoch} of {result.epochs}"
        )


def load_state(path: Path) -> tuple[TrainerState, dict[str, Tensor]] | None:
    """Read the checkpoint of a trial; None without one."""
    if not path.exists():
        return None
    try:
        tensors, metadata = load_checkpoint(path, FORMAT)
        return TrainerState(**metadata["state"]), tensors
    except (TypeError, KeyError) as error:
        reason = damaged(path, error)
    except InputError as error:
        reason = error
    raise InputError(f"{reason}; remove it to start this trial anew")
