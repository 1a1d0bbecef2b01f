"""A checkpoint holds a state and its tensors; a damaged one is refused."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from isoclr.errors import InputError
from isoclr.finetuning.config import FinetuneConfig
from isoclr.finetuning.data import Dataset, Trial
from isoclr.finetuning.models import BatchBuilder, FrozenBackbone, FullBackbone, Head
from isoclr.finetuning.trainer import FORMAT, DivergedError, Trainer, TrainerState, load, save
from isoclr.models.encoder import Encoder
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.training.checkpoint import write

TENSORS = {"now.a": torch.arange(6.0).view(2, 3), "optimizer.a.step": torch.tensor(3.0)}
STATE = TrainerState("fold-1.0", 3, 2, 0.25, 1.5, [{"epoch": 1, "loss": 0.5}])


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save(path, STATE, TENSORS)
    state, tensors = load(path)
    assert state == STATE
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save(path, STATE, TENSORS)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match=r"SHA-256 of the tensors.*; remove it to start"):
        load(path)
    path.write_bytes(whole[:-4])
    with pytest.raises(InputError, match=r"not readable.*; remove it to start"):
        load(path)
    save_file(TENSORS, path)
    with pytest.raises(InputError, match=r"format is None.*; remove it to start"):
        load(path)
    write(path, FORMAT, TENSORS, {"state": {"moment": 3}})
    with pytest.raises(InputError, match=r"metadata is damaged .*moment.*; remove it to start"):
        load(path)
    write(path, FORMAT, TENSORS, {})
    with pytest.raises(InputError, match=r"KeyError\('state'\).*; remove it to start"):
        load(path)


def never(_nt: int, _loss: float) -> bool:
    return False


def encoder() -> Encoder:
    torch.manual_seed(0)
    architecture = Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8))
    return Encoder(DilatedResNet(architecture, dropout=0.0).eval(), name="tiny")


def frozen(job: Trial, dataset: Dataset, rules: FinetuneConfig, dim: int = 4) -> Trainer:
    """On features that know the label."""
    torch.manual_seed(0)
    features = np.random.default_rng(0).normal(size=(len(dataset), dim)).astype(np.float32)
    features[:, 0] = dataset.targets[:, 0]
    body = FrozenBackbone(encoder().network, features, torch.device("cpu"))
    head = Head(dim, dataset.targets.shape[1], hidden=rules.hidden, dropout=rules.dropout)
    return Trainer(job, dataset, body, head, rules, new_body=False)


@pytest.mark.parametrize("new_body", [False, True])
def test_pretrained_weights_get_no_decay(
    job: Trial, dataset: Dataset, feed: BatchBuilder, rules: FinetuneConfig, new_body: bool
) -> None:
    """The last layer begins at zero, so the first step moves the encoder by its L2 term or not at all."""
    body = FullBackbone(encoder(), feed)
    before = {name: p.detach().clone() for name, p in body.network.named_parameters()}
    head = Head(body.dim, 1, hidden=16, dropout=0.0)
    trainer = Trainer(job, dataset, body, head, replace(rules, l2=1.0), new_body=new_body)
    hidden = head.penalised()[0].detach().clone()
    trainer._step(0, 0, job.split.train[:16])
    moved = {
        name: float((p.detach() - before[name]).abs().max())
        for name, p in body.network.named_parameters()
    }
    if new_body:
        assert all(moved[name] > 0 for name, p in before.items() if p.ndim > 1)
        assert all(moved[name] == 0 for name, p in before.items() if p.ndim == 1)
    else:
        assert max(moved.values()) == 0
    assert not torch.equal(head.penalised()[0], hidden)


def test_labels_are_scaled_by_the_training_part_alone(
    job: Trial, dataset: Dataset, rules: FinetuneConfig
) -> None:
    trainer = frozen(job, dataset, rules)
    known = dataset.targets[job.split.train, 0]
    assert trainer.mean[0] == known.mean()
    assert trainer.deviation[0] == known.std()
    np.testing.assert_allclose(trainer.scaled[job.split.train].std(), 1)


def test_an_epoch_sees_every_training_rna_once(
    job: Trial, dataset: Dataset, rules: FinetuneConfig
) -> None:
    trainer = frozen(job, dataset, replace(rules, batch_size=33))
    first, second = list(trainer._batches(0)), list(trainer._batches(1))
    for batches in (first, second):
        assert np.array_equal(np.sort(np.concatenate(batches)), job.split.train)
        assert {len(batch) for batch in batches} == {25}
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    assert np.array_equal(np.concatenate(first), np.concatenate(list(trainer._batches(0))))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_no_batch_is_a_single_rna(
    job: Trial, dataset: Dataset, rules: FinetuneConfig, count: int
) -> None:
    few = replace(job, split=replace(job.split, train=job.split.train[:count]))
    trainer = frozen(few, dataset, replace(rules, batch_size=2))
    assert min(len(batch) for batch in trainer._batches(0)) >= 2
    assert trainer.epoch(never)


def test_the_learning_rates_fall_after_every_epoch(
    job: Trial, dataset: Dataset, feed: BatchBuilder, rules: FinetuneConfig
) -> None:
    body = FullBackbone(encoder(), feed)
    head = Head(body.dim, 1, hidden=16, dropout=0.0)
    trainer = Trainer(job, dataset, body, head, rules, new_body=False)
    for rates in ((0.001, 0.01), (0.0009, 0.009)):
        trainer.epoch(never)
        found = [group["lr"] for group in trainer.optimizer.param_groups]
        np.testing.assert_allclose(found, rates)
    assert trainer.state.history[1]["learning_rate"] == pytest.approx(0.009)


def test_training_stops_when_validation_no_longer_rises_and_takes_the_best_back(
    job: Trial, dataset: Dataset, rules: FinetuneConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = frozen(job, dataset, replace(rules, epochs=50, patience=2))
    scores = iter([0.1, 0.4, 0.3, 0.35, 0.9])
    kept: dict[int, torch.Tensor] = {}

    def measured(*_: Any) -> list[dict[str, float]]:
        kept[trainer.state.epoch + 1] = trainer.head.penalised()[0].detach().clone()
        return [{"pearson": next(scores), "spearman": 0.0, "mse": 1.0, "n": 1}]

    monkeypatch.setattr(trainer, "measure", measured)
    while not trainer.finished:
        trainer.epoch(never)
    assert trainer.state.epoch == 4
    assert (trainer.state.best_epoch, trainer.state.best) == (2, 0.4)
    trainer.recall_best()
    assert torch.equal(trainer.head.penalised()[0], kept[2])
    assert not torch.equal(kept[4], kept[2])


def test_early_stopping_waits_for_the_least_number_of_epochs(
    job: Trial, dataset: Dataset, rules: FinetuneConfig
) -> None:
    trainer = frozen(job, dataset, replace(rules, epochs=50, min_epochs=9, patience=2))
    trainer.state.epoch, trainer.state.best_epoch = 8, 1
    assert not trainer.finished
    trainer.state.epoch = 9
    assert trainer.finished


def test_a_label_that_is_not_known_teaches_nothing(
    job: Trial, dataset: Dataset, rules: FinetuneConfig
) -> None:
    targets = np.hstack([dataset.targets, np.full_like(dataset.targets, np.nan)])
    targets[:8, 1] = np.arange(8)
    targets[100:140:5, 1] = np.arange(8)
    two = replace(dataset, targets=targets, tasks=("half_life", "other"))
    trainer = frozen(job, two, rules)
    predicted = torch.zeros(16, 2, requires_grad=True)
    trainer._error(predicted, np.arange(16)).backward()  # type: ignore[no-untyped-call]
    assert predicted.grad is not None
    assert torch.equal(predicted.grad[8:, 1], torch.zeros(8))
    assert float(predicted.grad[:8, 1].abs().min()) > 0
    trainer.epoch(never)
    assert math.isfinite(trainer.state.history[0]["loss"])
    found = trainer.measure(job.split.test, trainer.predict(job.split.test))
    assert [metrics["n"] for metrics in found] == [30, 2]


def test_a_stopped_epoch_is_not_counted(
    job: Trial, dataset: Dataset, rules: FinetuneConfig
) -> None:
    trainer = frozen(job, dataset, rules)
    assert not trainer.epoch(lambda _nt, _loss: True)
    assert trainer.state.epoch == 0
    assert not trainer.state.history


def test_a_loss_that_is_no_number_ends_the_training(
    job: Trial, dataset: Dataset, rules: FinetuneConfig
) -> None:
    trainer = frozen(job, dataset, rules)
    torch.nn.init.constant_(trainer.head.penalised()[-1], float("inf"))
    with pytest.raises(DivergedError, match=r"fold-1\.0: epoch 1: loss (inf|nan)"):
        trainer.epoch(never)


def test_what_is_saved_brings_a_training_back(
    job: Trial, dataset: Dataset, rules: FinetuneConfig
) -> None:
    rules = replace(rules, dropout=0.3)
    whole, stopped, resumed = (frozen(job, dataset, rules) for _ in range(3))
    for trainer in (whole, stopped):
        trainer.epoch(never)
    whole.epoch(never)
    resumed.restore(stopped.state, {k: t.clone() for k, t in stopped.tensors().items()})
    resumed.epoch(never)
    mine, theirs = resumed.modules.state_dict(), whole.modules.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert resumed.state.best == whole.state.best


def test_all_that_the_optimizer_knows_comes_back_to_the_device(
    job: Trial, dataset: Dataset, rules: FinetuneConfig
) -> None:
    """The fused Adam of a GPU wants its step there too; a device without memory stands in for one."""
    stopped, resumed = (frozen(job, dataset, rules) for _ in range(2))
    stopped.epoch(never)
    resumed._device = torch.device("meta")
    resumed.restore(stopped.state, stopped.tensors())
    states = resumed.optimizer.state.values()
    assert {t.device.type for state in states for t in state.values()} == {"meta"}
    assert all("step" in state for state in states)
