"""The training loop with a model that only counts its steps."""

import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from isoclr.errors import InputError
from isoclr.pretraining.config import Budget, LoggingConfig
from isoclr.pretraining.data import Batch
from isoclr.pretraining.model import ContrastiveModel, PendingStep, StepResult
from isoclr.pretraining.trainer import FORMAT, Checkpoint, RunState, Trainer
from isoclr.training.checkpoint import load_checkpoint, save_checkpoint
from isoclr.training.distributed import Distributed
from isoclr.training.logging import Log, ProgressDisplay, read_log
from isoclr.training.run import DivergedError, GracefulStop

TENSORS = {"network.weight": torch.arange(6.0).view(2, 3), "optimizer.weight.step": torch.tensor(7.0)}
STATE = RunState(7, 12_345, 1.5, 0.25, {"step": 5, "retrieval": 0.5}, {"step": 5, "retrieval": 0.5})
SAVED = Checkpoint(TENSORS, {"seed": 3, "mask": 0.15}, Budget(epochs=4), "corpus", STATE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SAVED.save(tmp_path / "checkpoint.safetensors")
    return tmp_path / "checkpoint.safetensors"


def test_checkpoint_round_trip(path: Path) -> None:
    found = Checkpoint.load(path)
    assert replace(found, tensors={}) == replace(SAVED, tensors={})
    assert found.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(found.tensors[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("lost", ["budget", "state", "options", "corpus"])
def test_damaged_metadata(path: Path, lost: str) -> None:
    tensors, metadata = load_checkpoint(path, FORMAT)
    del metadata[lost]
    save_checkpoint(path, FORMAT, tensors, metadata)
    with pytest.raises(InputError, match=rf"metadata is damaged \(KeyError\('{lost}'\)\)"):
        Checkpoint.load(path)


def test_checkpoint_of_another_version(path: Path) -> None:
    tensors, metadata = load_checkpoint(path, FORMAT)
    save_checkpoint(path, FORMAT, tensors, {**metadata, "state": {"moment": 3}})
    with pytest.raises(InputError, match=r"metadata is damaged .*moment"):
        Checkpoint.load(path)
    save_checkpoint(path, FORMAT, tensors, {**metadata, "budget": {"steps": 0}})
    with pytest.raises(InputError, match=r"metadata is damaged .*--steps is 0"):
        Checkpoint.load(path)
    save_checkpoint(path, "isoclr pre-training 2", tensors, metadata)
    with pytest.raises(InputError, match="format is 'isoclr pre-training 2'"):
        Checkpoint.load(path)


BATCH = Batch([], [], torch.empty(0, dtype=torch.int64), 100, 0.05)


class CountingModel:
    """Records its steps and learning rates."""

    def __init__(self) -> None:
        self.config = SimpleNamespace(learning_rate=1.0, warmup_steps=2)
        self.steps: list[int] = []
        self.rates: list[float] = []

    def step(self, _: Batch, number: int, learning_rate: float) -> PendingStep:
        self.steps.append(number)
        self.rates.append(learning_rate)
        return PendingStep(number, torch.tensor([10.0 - number, 1.0]))

    def validate(self, _: Batch) -> dict[str, float]:
        return {"loss": 1.0, "retrieval": 0.9 if len(self.steps) == 4 else 0.2, "pairs": 2.0}

    def tensors(self) -> dict[str, torch.Tensor]:
        return {"steps": torch.tensor([len(self.steps)])}


def make_run(folder: Path, budget: Budget, **changed: Any) -> Trainer:
    parts: dict[str, Any] = {
        "model": cast("ContrastiveModel", CountingModel()),
        "world": Distributed(),
        "budget": budget,
        "state": RunState(),
        "logging": LoggingConfig(validate_every=4, checkpoint_steps=3, checkpoint_minutes=60),
        "options": {"learning_rate": 1.0},
        "corpus": "corpus",
        "steps_per_epoch": 5,
        "batch_of": lambda _: BATCH,
        "validation_batch": BATCH,
        "checkpoint_path": folder / "checkpoint.safetensors",
        "log": Log(folder / "log.jsonl"),
        "display": ProgressDisplay(False),
    }
    return Trainer(**{**parts, **changed})


def train(run: Trainer, stop: GracefulStop | None = None) -> int:
    with cast("Log", run.log):
        return run.train(stop or GracefulStop())


def test_steps_of_epochs(tmp_path: Path) -> None:
    run = make_run(tmp_path, Budget(epochs=2))
    assert train(run) == 0
    model = cast("CountingModel", run.model)
    assert model.steps == list(range(10))
    assert model.rates == pytest.approx([min(1, (s + 1) / 2) * (1 + np.cos(np.pi * s / 10)) / 2 for s in range(10)])
    assert (run.state.nt, run.state.loss) == (1000, 1.0)


def test_resumed_state(tmp_path: Path) -> None:
    run = make_run(tmp_path, Budget(steps=6), state=RunState(step=4, nt=400, seconds=50.0))
    train(run)
    assert cast("CountingModel", run.model).steps == [4, 5]
    assert run.state.nt == 600
    assert 50 <= run.state.seconds < 60  # the clock goes on, too


def test_validation_steps_and_best(tmp_path: Path) -> None:
    run = make_run(tmp_path, Budget(steps=10))
    train(run)
    measured = [r["step"] for r in read_log(tmp_path / "log.jsonl") if "val_loss" in r]
    assert measured == [4, 8, 10]
    assert run.state.best is not None
    assert (run.state.best["step"], run.state.best["retrieval"]) == (4, 0.9)


def test_checkpoint_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    original = Checkpoint.save

    def save(self: Checkpoint, path: Path) -> None:
        saved.append(self.state.step)
        original(self, path)

    monkeypatch.setattr(Checkpoint, "save", save)
    train(make_run(tmp_path, Budget(steps=7)))
    assert saved == [3, 6, 7]
    last = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert (last.state.step, last.budget, int(last.tensors["steps"])) == (7, Budget(steps=7), 7)


def test_checkpoint_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr(Checkpoint, "save", lambda self, _: saved.append(self.state.step))
    minute = iter(range(0, 6000, 60))
    monkeypatch.setattr("isoclr.pretraining.trainer.time.monotonic", lambda: next(minute))
    logging = LoggingConfig(checkpoint_minutes=2)
    train(make_run(tmp_path, Budget(steps=5), logging=logging))
    assert saved == [2, 4, 5]


def test_signal_during_a_step(tmp_path: Path) -> None:
    stop = GracefulStop()

    def batch_of(step: int) -> Batch:
        if step == 2:
            stop.signal = signal.SIGTERM
        return BATCH

    run = make_run(tmp_path, Budget(steps=50), batch_of=batch_of)
    assert train(run, stop) == signal.SIGTERM
    assert 1 <= run.state.step <= 3
    assert Checkpoint.load(tmp_path / "checkpoint.safetensors").state.step == run.state.step


def test_signal_before_the_first_step(tmp_path: Path) -> None:
    stop = GracefulStop()
    stop.signal = signal.SIGTERM
    run = make_run(tmp_path, Budget(steps=5))
    assert train(run, stop) == signal.SIGTERM
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_log_every(tmp_path: Path) -> None:
    logging = LoggingConfig(log_every=4)
    train(make_run(tmp_path, Budget(steps=10), logging=logging, validation_batch=None))
    assert [r["step"] for r in read_log(tmp_path / "log.jsonl")] == [4, 8, 10]


def test_next_batch_is_made_during_a_step(tmp_path: Path) -> None:
    """On a GPU, where a step has only been queued when ``Learner.step`` returns."""
    events: list[str] = []

    class Queue(CountingModel):
        def step(self, _: Batch, number: int, learning_rate: float) -> PendingStep:
            super().step(_, number, learning_rate)
            events.append(f"step {number}")
            return Awaited(number, torch.ones(2))

    class Awaited(PendingStep):
        def result(self) -> StepResult:
            events.append(f"wait {self.number}")
            return StepResult(1.0, 1.0)

    def batch_of(step: int) -> Batch:
        events.append(f"draw {step}")
        return BATCH

    model = cast("ContrastiveModel", Queue())
    train(make_run(tmp_path, Budget(steps=2), model=model, batch_of=batch_of, validation_batch=None))
    assert events[:6] == ["draw 0", "step 0", "draw 1", "wait 0", "step 1", "draw 2"]


def test_divergence_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    class Diverging(CountingModel):
        def step(self, _: Batch, number: int, learning_rate: float) -> PendingStep:
            super().step(_, number, learning_rate)
            return PendingStep(number, torch.tensor([torch.nan if number == 4 else 1.0, 1.0]))

    run = make_run(tmp_path, Budget(steps=9), model=cast("ContrastiveModel", Diverging()))
    with pytest.raises(DivergedError, match="step 5: loss nan"):
        train(run)
    assert Checkpoint.load(tmp_path / "checkpoint.safetensors").state.step == 3
    assert [r["step"] for r in read_log(tmp_path / "log.jsonl") if "loss" in r] == [1, 2, 3, 4]
