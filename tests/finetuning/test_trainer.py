import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from isoclr.errors import InputError
from isoclr.finetuning.config import Hyperparameters
from isoclr.finetuning.data import Trial
from isoclr.finetuning.models import BatchBuilder, FrozenBackbone, FullBackbone, Head
from isoclr.finetuning.trainer import FORMAT, Trainer, load_state
from isoclr.models.encoder import Encoder
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.tasks.dataset import LabelledRnas
from isoclr.training.checkpoint import load_checkpoint, save_checkpoint
from isoclr.training.run import DivergedError


def damaged_checkpoints(path: Path) -> Iterator[str]:
    """Damages a checkpoint in several ways; for each, what the error says."""
    whole = path.read_bytes()
    tensors, metadata = load_checkpoint(path, FORMAT)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    yield "SHA-256 of the tensors"
    path.write_bytes(whole[:-4])
    yield "not readable"
    save_file(tensors, path)
    yield "format is None"
    save_checkpoint(path, "isoclr fine-tuning 1", tensors, metadata)
    yield "format is 'isoclr fine-tuning 1'"
    save_checkpoint(path, FORMAT, tensors, {"state": {"moment": 3}})
    yield "metadata is damaged .*moment"
    save_checkpoint(path, FORMAT, tensors, {})
    yield r"KeyError\('state'\)"


def test_damaged_checkpoint(trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    assert load_state(path) is None
    trainer = frozen(trial, rnas, parameters)
    trainer.epoch(never)
    trainer.save(path)
    for message in damaged_checkpoints(path):
        with pytest.raises(InputError, match=rf"{message}.*; remove it to start"):
            load_state(path)


def never(_nt: int, _loss: float) -> bool:
    return False


def encoder() -> Encoder:
    torch.manual_seed(0)
    architecture = Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8))
    return Encoder(DilatedResNet(architecture, dropout=0.0).eval(), name="tiny")


def frozen(trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters, dim: int = 4) -> Trainer:
    """On features that know the label."""
    torch.manual_seed(0)
    features = np.random.default_rng(0).normal(size=(len(rnas), dim)).astype(np.float32)
    features[:, 0] = rnas.targets[:, 0]
    backbone = FrozenBackbone(encoder().network, features, torch.device("cpu"))
    head = Head(dim, rnas.targets.shape[1], hidden=parameters.hidden, dropout=parameters.dropout)
    return Trainer(trial, rnas, backbone, head, parameters, new_backbone=False)


@pytest.mark.parametrize("new_backbone", [False, True])
def test_pretrained_weights_have_no_penalty(
    trial: Trial, rnas: LabelledRnas, builder: BatchBuilder, parameters: Hyperparameters, new_backbone: bool
) -> None:
    """The last layer begins at zero, so the first step moves the encoder by its L2 term or not at all."""
    backbone = FullBackbone(encoder(), builder)
    before = {name: p.detach().clone() for name, p in backbone.network.named_parameters()}
    head = Head(backbone.dim, 1, hidden=16, dropout=0.0)
    trainer = Trainer(trial, rnas, backbone, head, replace(parameters, l2=1.0), new_backbone=new_backbone)
    hidden = head.penalized()[0].detach().clone()
    trainer._step(0, 0, trial.split.train[:16])
    moved = {name: float((p.detach() - before[name]).abs().max()) for name, p in backbone.network.named_parameters()}
    if new_backbone:
        assert all(moved[name] > 0 for name, p in before.items() if p.ndim > 1)
        assert all(moved[name] == 0 for name, p in before.items() if p.ndim == 1)
    else:
        assert max(moved.values()) == 0
    assert not torch.equal(head.penalized()[0], hidden)


def test_labels_are_standardized_by_the_training_part(
    trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters
) -> None:
    trainer = frozen(trial, rnas, parameters)
    known = rnas.targets[trial.split.train, 0]
    assert trainer.mean[0] == known.mean()
    assert trainer.std[0] == known.std()
    np.testing.assert_allclose(trainer.targets[trial.split.train].std(), 1)


def test_batches_of_an_epoch(trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters) -> None:
    trainer = frozen(trial, rnas, replace(parameters, batch_size=33))
    first, second = list(trainer._batches(0)), list(trainer._batches(1))
    for batches in (first, second):
        assert np.array_equal(np.sort(np.concatenate(batches)), trial.split.train)
        assert {len(batch) for batch in batches} == {25}
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    assert np.array_equal(np.concatenate(first), np.concatenate(list(trainer._batches(0))))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_small_training_parts(trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters, count: int) -> None:
    few = replace(trial, split=replace(trial.split, train=trial.split.train[:count]))
    trainer = frozen(few, rnas, replace(parameters, batch_size=2))
    assert min(len(batch) for batch in trainer._batches(0)) >= 2
    assert trainer.epoch(never)


def test_lr_decay(trial: Trial, rnas: LabelledRnas, builder: BatchBuilder, parameters: Hyperparameters) -> None:
    backbone = FullBackbone(encoder(), builder)
    head = Head(backbone.dim, 1, hidden=16, dropout=0.0)
    few = replace(trial, split=replace(trial.split, train=trial.split.train[:16]))
    trainer = Trainer(few, rnas, backbone, head, parameters, new_backbone=False)
    for rates in ((0.001, 0.01), (0.0009, 0.009)):
        trainer.epoch(never)
        found = [group["lr"] for group in trainer.optimizer.param_groups]
        np.testing.assert_allclose(found, rates)
    assert trainer.state.history[1]["learning_rate"] == pytest.approx(0.009)


def test_early_stopping(
    trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = frozen(trial, rnas, replace(parameters, epochs=50, patience=2))
    scores = iter([0.1, 0.4, 0.3, 0.35, 0.9])
    kept: dict[int, torch.Tensor] = {}

    def measured(*_: Any) -> list[dict[str, float]]:
        kept[trainer.state.epoch + 1] = trainer.head.penalized()[0].detach().clone()
        return [{"pearson": next(scores), "spearman": 0.0, "mse": 1.0, "n": 1}]

    monkeypatch.setattr(trainer, "measure", measured)
    while not trainer.finished:
        trainer.epoch(never)
    assert trainer.state.epoch == 4
    assert (trainer.state.best_epoch, trainer.state.best) == (2, 0.4)
    trainer.restore_best_weights()
    assert torch.equal(trainer.head.penalized()[0], kept[2])
    assert not torch.equal(kept[4], kept[2])


def test_min_epochs(trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters) -> None:
    trainer = frozen(trial, rnas, replace(parameters, epochs=50, min_epochs=9, patience=2))
    trainer.state.epoch, trainer.state.best_epoch = 8, 1
    assert not trainer.finished
    trainer.state.epoch = 9
    assert trainer.finished


def test_missing_labels(trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters) -> None:
    targets = np.hstack([rnas.targets, np.full_like(rnas.targets, np.nan)])
    targets[:8, 1] = np.arange(8)
    targets[100:140:5, 1] = np.arange(8)
    two = replace(rnas, targets=targets, labels=("half_life", "other"))
    trainer = frozen(trial, two, parameters)
    predicted = torch.zeros(16, 2, requires_grad=True)
    trainer._loss(predicted, np.arange(16)).backward()  # type: ignore[no-untyped-call]
    assert predicted.grad is not None
    assert torch.equal(predicted.grad[8:, 1], torch.zeros(8))
    assert float(predicted.grad[:8, 1].abs().min()) > 0
    trainer.epoch(never)
    assert math.isfinite(trainer.state.history[0]["loss"])
    found = trainer.measure(trial.split.test, trainer.predict(trial.split.test))
    assert [metrics["n"] for metrics in found] == [30, 2]


def test_stopped_epoch(trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters) -> None:
    trainer = frozen(trial, rnas, parameters)
    assert not trainer.epoch(lambda _nt, _loss: True)
    assert trainer.state.epoch == 0
    assert not trainer.state.history


def test_divergence(trial: Trial, rnas: LabelledRnas, parameters: Hyperparameters) -> None:
    trainer = frozen(trial, rnas, parameters)
    torch.nn.init.constant_(trainer.head.penalized()[-1], float("inf"))
    with pytest.raises(DivergedError, match=r"fold-1\.0: epoch 1: loss (inf|nan)"):
        trainer.epoch(never)
