"""The state of one training after an epoch: one safetensors file from which it goes on as if never stopped."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.errors import InputError, IsoclrError
from isoclr.finetuning.config import FinetuneConfig
from isoclr.finetuning.data import Dataset, Trial
from isoclr.finetuning.models import Backbone, Head, Rows, SalukiHead
from isoclr.tasks.metrics import QUANTITY
from isoclr.training.checkpoint import damaged, read, write
from isoclr.training.rng import Purpose, drawn, torch_seed

FORMAT = "isoclr fine-tuning 1"


@dataclass
class TrainerState:
    """How far a training has come."""

    job: str
    """Its name."""
    epoch: int = 0
    """Epochs done."""
    best_epoch: int = 0
    """The epoch with the highest validation R; 0: none so far."""
    best: float = float("-inf")
    """That R."""
    seconds: float = 0.0
    """Time spent on training and validation, over all sessions."""
    history: list[dict[str, float]] = field(default_factory=list)
    """What each epoch gave."""


def save(path: Path, state: TrainerState, tensors: Mapping[str, Tensor]) -> None:
    """Write a checkpoint whole or not at all; the one before stays until then."""
    write(path, FORMAT, tensors, {"state": asdict(state)})


def load(path: Path) -> tuple[TrainerState, dict[str, Tensor]]:
    """Read a checkpoint.

    Raises:
        InputError: not a checkpoint, or one that was damaged.
    """
    try:
        tensors, facts = read(path, FORMAT)
        return TrainerState(**facts["state"]), tensors
    except (TypeError, KeyError) as error:
        reason = damaged(path, error)
    except InputError as error:
        reason = error
    raise InputError(f"{reason}; remove it to start this training anew")


Array = NDArray[np.float64]


class DivergedError(IsoclrError):
    """Training has led to a loss that is no number."""


class Trainer:
    """Trains one body and head on one split.

    Args:
        job: the split and the seed.
        dataset: RNAs and labels.
        body: RNAs to features.
        head: features to labels.
        rules: how to train.
        new_body: whether the body's weights are random, and so fall under the rules for new weights.

    Attributes:
        mean: ``(tasks,)`` mean of the training labels.
        deviation: ``(tasks,)`` their standard deviation.
        modules: everything that training changes.
    """

    def __init__(
        self,
        job: Trial,
        dataset: Dataset,
        body: Backbone,
        head: Head | SalukiHead,
        rules: FinetuneConfig,
        *,
        new_body: bool,
    ) -> None:
        self.job, self.dataset, self.body, self.head, self.rules = job, dataset, body, head, rules
        known = dataset.targets[job.split.train]
        self.mean, self.deviation = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
        self.scaled = (dataset.targets - self.mean) / self.deviation
        self.modules = nn.ModuleDict({"encoder": body.learning, "head": head})
        self.optimizer = _optimizer(self.modules, rules)
        self.penalised = [*head.penalised(), *(_matrices(body.learning) if new_body else ())]
        self.state = TrainerState(job.name)
        self.best: dict[str, Tensor] = {}
        self._device = next(head.parameters()).device

    @property
    def finished(self) -> bool:
        """Whether validation has stopped the training, or the epochs are over."""
        state, rules = self.state, self.rules
        waited = state.epoch - state.best_epoch
        early = state.epoch >= rules.min_epochs and waited >= rules.patience
        return state.epoch >= rules.epochs or early

    def epoch(self, tick: Callable[[int, float], bool]) -> bool:
        """One pass over the training RNAs, then validation.

        Args:
            tick: called after every step with the nt of the batch and its loss; true asks to stop.

        Returns:
            Whether the epoch was finished. An epoch that was not must be done again from the state before.

        Raises:
            DivergedError: the loss or the gradient is not finite.
        """
        begun, number = time.monotonic(), self.state.epoch
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self.rules.decay**number
        losses, nt = [], 0
        for step, rows in enumerate(self._batches(number)):
            losses.append(self._step(number, step, rows))
            done = sum(len(self.dataset.codes[row]) for row in rows)
            nt += done
            if tick(done, losses[-1]):
                return False
        seconds = time.monotonic() - begun
        self._validate(
            {"loss": float(np.mean(losses)), "nt": nt, "nt_per_second": nt / max(seconds, 1e-9)},
            begun,
        )
        return True

    def predict(self, rows: Rows) -> Array:
        """``(n, tasks)`` in standard deviations of the training labels from their mean; evaluation mode."""
        self._train(False)
        with torch.inference_mode():
            predicted: Array = self.head(self.body.evaluate(rows)).double().cpu().numpy()
        return predicted

    def measure(self, rows: Rows, predicted: Array) -> list[dict[str, float]]:
        """For every task the metrics on the RNAs that have its label."""
        found = []
        for true, guess in zip(self.scaled[rows].T, predicted.T, strict=True):
            known = np.isfinite(true)
            values = {name: metric(true[known], guess[known]) for name, metric in QUANTITY.items()}
            found.append({**values, "n": int(known.sum())})
        return found

    def recall_best(self) -> None:
        """Take the weights of the best epoch."""
        self.modules.load_state_dict(self.best)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a stopped training needs, by name."""
        found = {f"now.{name}": tensor for name, tensor in self.modules.state_dict().items()}
        found |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for name, parameter in self.modules.named_parameters():
            for kind, tensor in self.optimizer.state[parameter].items():
                found[f"optimizer.{name}.{kind}"] = tensor
        return found

    def restore(self, state: TrainerState, tensors: dict[str, Tensor]) -> None:
        """Go on from a checkpoint's tensors."""
        self.state = state
        self.modules.load_state_dict(_under("now.", tensors))
        self.best = {name: t.to(self._device) for name, t in _under("best.", tensors).items()}
        saved = _under("optimizer.", tensors)
        for name, parameter in self.modules.named_parameters():
            for kind, tensor in _under(f"{name}.", saved).items():
                self.optimizer.state[parameter][kind] = tensor.to(self._device)

    def _train(self, on: bool) -> None:
        self.modules.train(on)

    def _batches(self, epoch: int) -> Iterator[Rows]:
        """The training RNAs in random order, in batches of about one size, none of a single RNA."""
        rng = drawn(self.job.seed, Purpose.ORDER, self.job.number, epoch)
        rows = rng.permutation(self.job.split.train)
        count = min(math.ceil(len(rows) / self.rules.batch_size), len(rows) // 2)
        yield from np.array_split(rows, max(count, 1))

    def _step(self, epoch: int, step: int, rows: Rows) -> float:
        key = (self.job.number, epoch, step)
        torch.manual_seed(torch_seed(self.job.seed, Purpose.DROPOUT, *key))
        self._train(True)
        features = self.body(rows, drawn(self.job.seed, Purpose.SHIFT, *key))
        loss = self._error(self.head(features), rows)
        penalty = sum(weight.square().sum() for weight in self.penalised)
        self.optimizer.zero_grad(set_to_none=True)
        (loss + self.rules.l2 * penalty).backward()
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.rules.clip)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(norm))):
            raise DivergedError(
                f"{self.job.name}: epoch {epoch + 1}: loss {value:g}, gradient norm {float(norm):g}; training "
                "has diverged, try a lower --learning-rate or --encoder-learning-rate, or --precision float32"
            )
        self.optimizer.step()
        return value

    def _error(self, predicted: Tensor, rows: Rows) -> Tensor:
        """Mean squared error over the labels that are known."""
        true = torch.from_numpy(self.scaled[rows]).to(predicted)
        known = torch.isfinite(true)
        return (predicted - true.nan_to_num()).square()[known].mean()

    def _validate(self, record: dict[str, float], begun: float) -> None:
        """Measure the validation part, and keep the weights when it was never better."""
        rows = self.job.split.valid
        found = self.measure(rows, self.predict(rows))
        score = float(np.mean([metrics["pearson"] for metrics in found]))
        score = score if math.isfinite(score) else -1.0
        state = self.state
        state.epoch += 1
        if score > state.best:
            state.best, state.best_epoch = score, state.epoch
            self.best = {k: v.detach().clone() for k, v in self.modules.state_dict().items()}
        state.seconds += time.monotonic() - begun
        mse = float(np.mean([metrics["mse"] for metrics in found]))
        rate = self.optimizer.param_groups[-1]["lr"]
        state.history.append(
            {"epoch": state.epoch, "learning_rate": rate, **record}
            | {"valid_pearson": score, "valid_mse": mse, "seconds": state.seconds}
        )


def _optimizer(modules: nn.ModuleDict, rules: FinetuneConfig) -> torch.optim.Adam:
    """Adam with one learning rate for the body's weights and one for the head's."""
    groups = [
        {
            "params": list(modules["encoder"].parameters()),
            "initial_lr": rules.encoder_learning_rate,
        },
        {"params": list(modules["head"].parameters()), "initial_lr": rules.learning_rate},
    ]
    used = [group for group in groups if group["params"]]
    return torch.optim.Adam(used, lr=rules.learning_rate, betas=rules.betas, fused=True)


def _matrices(body: nn.Module) -> list[nn.Parameter]:
    """A body's weights without biases, norms and the recurrent weights, which no paper penalises."""
    named = body.named_parameters()
    return [p for name, p in named if p.ndim > 1 and "weight_hh" not in name]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
