"""The order of things between steps, with a learner that only counts."""

import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from isoclr.errors import InputError
from isoclr.pretraining import trainer as checkpoint
from isoclr.pretraining.config import Budget
from isoclr.pretraining.data import Batch
from isoclr.pretraining.model import ContrastiveModel, DivergedError, PendingStep, StepResult
from isoclr.pretraining.trainer import FORMAT, Checkpoint, Intervals, State, Trainer, load, save
from isoclr.training.checkpoint import read as read_checkpoint
from isoclr.training.checkpoint import take, write
from isoclr.training.distributed import Distributed
from isoclr.training.logging import Log, ProgressDisplay, read
from isoclr.training.signals import GracefulStop

TENSORS = {
    "network.weight": torch.arange(6.0).view(2, 3),
    "optimizer.weight.step": torch.tensor(7.0),
}
STATE = State(7, 12_345, 1.5, 0.25, {"step": 5, "retrieval": 0.5}, {"step": 5, "retrieval": 0.5})
SAVED = Checkpoint(TENSORS, {"seed": 3, "mask": 0.15}, Budget("epochs", 4), "corpus", STATE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save(tmp_path / "checkpoint.safetensors", SAVED)
    return tmp_path / "checkpoint.safetensors"


def test_what_is_saved_is_loaded(path: Path) -> None:
    found = load(path)
    assert (found.recipe, found.plan, found.corpus, found.state) == (
        SAVED.recipe,
        SAVED.plan,
        SAVED.corpus,
        SAVED.state,
    )
    assert found.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(found.tensors[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("lost", ["plan", "state", "recipe", "corpus"])
def test_damaged_facts(path: Path, lost: str) -> None:
    tensors, facts = read_checkpoint(path, FORMAT)
    del facts[lost]
    write(path, FORMAT, tensors, facts)
    with pytest.raises(InputError, match=rf"metadata is damaged \(KeyError\('{lost}'\)\)"):
        load(path)


def test_facts_of_another_version(path: Path) -> None:
    tensors, facts = read_checkpoint(path, FORMAT)
    write(path, FORMAT, tensors, {**facts, "state": {"moment": 3}})
    with pytest.raises(InputError, match=r"metadata is damaged .*moment"):
        load(path)
    write(path, "isoclr pre-training 1", tensors, facts)
    with pytest.raises(InputError, match="format is 'isoclr pre-training 1'"):
        load(path)


def test_take_names_what_does_not_fit() -> None:
    source = Path("c.safetensors")
    with pytest.raises(InputError, match=r"'x' is missing, expected shape \(2,\)"):
        take({}, "x", torch.Size([2]), source)
    with pytest.raises(InputError, match=r"'x' is of shape \(3,\), expected shape \(2,\)"):
        take({"x": torch.ones(3)}, "x", torch.Size([2]), source)


BATCH = Batch([], [], torch.empty(0, dtype=torch.int64), 100, 0.05)


class CountingLearner:
    """Remembers what it is asked to do."""

    def __init__(self) -> None:
        self.recipe = SimpleNamespace(
            learning_rate=1.0, warmup_steps=2, as_dict=lambda: {"learning_rate": 1.0}
        )
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


def make_run(folder: Path, plan: Budget, **changed: Any) -> Trainer:
    cadence = Intervals(log=1, validate=4, checkpoint_steps=3, checkpoint_minutes=60)
    parts: dict[str, Any] = {
        "learner": cast("ContrastiveModel", CountingLearner()),
        "world": Distributed(),
        "plan": plan,
        "state": State(),
        "cadence": cadence,
        "corpus": "corpus",
        "steps_per_epoch": 5,
        "batch_of": lambda _: BATCH,
        "held_out": BATCH,
        "checkpoint_path": folder / "checkpoint.safetensors",
        "log": Log(folder / "log.jsonl"),
        "display": ProgressDisplay(False),
    }
    return Trainer(**{**parts, **changed})


def train(run: Trainer, stop: GracefulStop | None = None) -> int:
    with cast("Log", run.log):
        return run.train(stop or GracefulStop())


def test_a_plan_in_epochs_takes_their_steps(tmp_path: Path) -> None:
    run = make_run(tmp_path, Budget("epochs", 2))
    assert train(run) == 0
    learner = cast("CountingLearner", run.learner)
    assert learner.steps == list(range(10))
    assert learner.rates == pytest.approx(
        [min(1, (s + 1) / 2) * (1 + np.cos(np.pi * s / 10)) / 2 for s in range(10)]
    )
    assert (run.state.nt, run.state.loss) == (1000, 1.0)


def test_it_goes_on_from_the_state_given(tmp_path: Path) -> None:
    run = make_run(tmp_path, Budget("steps", 6), state=State(step=4, nt=400, seconds=50.0))
    train(run)
    assert cast("CountingLearner", run.learner).steps == [4, 5]
    assert run.state.nt == 600
    assert 50 <= run.state.seconds < 60  # the clock goes on, too


def test_validation_comes_at_its_steps_and_at_the_end_and_the_best_is_kept(tmp_path: Path) -> None:
    run = make_run(tmp_path, Budget("steps", 10))
    train(run)
    measured = [r["step"] for r in read(tmp_path / "log.jsonl") if "held_out_loss" in r]
    assert measured == [4, 8, 10]
    assert run.state.best is not None
    assert (run.state.best["step"], run.state.best["retrieval"]) == (4, 0.9)


def test_checkpoints_come_at_their_steps_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    original = checkpoint.save

    def save(path: Path, found: checkpoint.Checkpoint) -> None:
        saved.append(found.state.step)
        original(path, found)

    monkeypatch.setattr("isoclr.pretraining.trainer.save", save)
    train(make_run(tmp_path, Budget("steps", 7)))
    assert saved == [3, 6, 7]
    last = load(tmp_path / "checkpoint.safetensors")
    assert (last.state.step, last.plan, int(last.tensors["steps"])) == (7, Budget("steps", 7), 7)


def test_checkpoints_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr("isoclr.pretraining.trainer.save", lambda _, c: saved.append(c.state.step))
    minute = iter(range(0, 6000, 60))
    monkeypatch.setattr("isoclr.pretraining.trainer.time.monotonic", lambda: next(minute))
    cadence = Intervals(log=1, validate=100, checkpoint_steps=None, checkpoint_minutes=2)
    train(make_run(tmp_path, Budget("steps", 5), cadence=cadence))
    assert saved == [2, 4, 5]


def test_a_signal_ends_the_run_after_the_step_with_a_checkpoint(tmp_path: Path) -> None:
    stop = GracefulStop()

    def batch_of(step: int) -> Batch:
        if step == 2:
            stop.signal = signal.SIGTERM
        return BATCH

    run = make_run(tmp_path, Budget("steps", 50), batch_of=batch_of)
    assert train(run, stop) == signal.SIGTERM
    assert 1 <= run.state.step <= 3
    assert load(tmp_path / "checkpoint.safetensors").state.step == run.state.step


def test_a_signal_before_the_first_step_leaves_no_checkpoint(tmp_path: Path) -> None:
    stop = GracefulStop()
    stop.signal = signal.SIGTERM
    run = make_run(tmp_path, Budget("steps", 5))
    assert train(run, stop) == signal.SIGTERM
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_fewer_lines_of_log_on_request(tmp_path: Path) -> None:
    cadence = Intervals(log=4, validate=100, checkpoint_steps=None, checkpoint_minutes=60)
    train(make_run(tmp_path, Budget("steps", 10), cadence=cadence, held_out=None))
    assert [r["step"] for r in read(tmp_path / "log.jsonl")] == [4, 8, 10]


def test_the_next_batch_is_drawn_while_a_step_is_under_way(tmp_path: Path) -> None:
    """On a GPU, where a step has only been queued when ``Learner.step`` returns."""
    events: list[str] = []

    class Queue(CountingLearner):
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

    learner = cast("ContrastiveModel", Queue())
    train(make_run(tmp_path, Budget("steps", 2), learner=learner, batch_of=batch_of, held_out=None))
    assert events[:6] == ["draw 0", "step 0", "draw 1", "wait 0", "step 1", "draw 2"]


def test_a_step_that_diverges_leaves_the_checkpoint_before_it(tmp_path: Path) -> None:
    class Diverging(CountingLearner):
        def step(self, _: Batch, number: int, learning_rate: float) -> PendingStep:
            super().step(_, number, learning_rate)
            return PendingStep(number, torch.tensor([torch.nan if number == 4 else 1.0, 1.0]))

    run = make_run(tmp_path, Budget("steps", 9), learner=cast("ContrastiveModel", Diverging()))
    with pytest.raises(DivergedError, match="step 5: loss nan"):
        train(run)
    assert load(tmp_path / "checkpoint.safetensors").state.step == 3
    assert [r["step"] for r in read(tmp_path / "log.jsonl") if "loss" in r] == [1, 2, 3, 4]
