from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.finetuning.config import ISOCLR, SALUKI, FinetuneConfig


def test_published_hyperparameters() -> None:
    assert (ISOCLR.learning_rate, ISOCLR.lr_decay, ISOCLR.l2) == (0.01, 0.95, 1e-5)
    assert (ISOCLR.max_grad_norm, ISOCLR.batch_size, ISOCLR.dropout) == (0.5, 128, 0.3)
    assert (SALUKI.learning_rate, SALUKI.betas, SALUKI.l2) == (1e-4, (0.9, 0.998), 1e-3)
    assert (SALUKI.batch_size, SALUKI.max_grad_norm, SALUKI.shift) == (64, 0.5, 3)
    assert (SALUKI.min_epochs, SALUKI.epochs, SALUKI.patience) == (100, 250, 25)


def test_defaults_of_a_model() -> None:
    assert FinetuneConfig().hyperparameters == ISOCLR
    assert FinetuneConfig(model="saluki").hyperparameters == SALUKI
    changed = FinetuneConfig(epochs=3, dropout=0.0).hyperparameters
    assert (changed.epochs, changed.dropout, changed.patience) == (3, 0.0, ISOCLR.patience)


def test_random_weights_have_the_learning_rate_of_the_head() -> None:
    scratch = FinetuneConfig(scratch=True).hyperparameters
    assert scratch.encoder_learning_rate == ISOCLR.learning_rate > ISOCLR.encoder_learning_rate
    given = FinetuneConfig(scratch=True, learning_rate=0.5).hyperparameters
    assert given.encoder_learning_rate == 0.5
    saluki = FinetuneConfig(model="saluki", learning_rate=0.5).hyperparameters
    assert saluki.encoder_learning_rate == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": -1.0}, "--learning-rate is -1.0, expected at least 0"),
        ({"lr_decay": 1.5}, "--lr-decay is 1.5, expected 0 to 1"),
        ({"batch_size": 1}, "--batch-size is 1, expected at least 2"),
        ({"max_grad_norm": 0.0}, "--max-grad-norm is 0.0, expected more than 0"),
        ({"patience": 0}, "--patience is 0, expected at least 1"),
        ({"hidden": 0}, "--hidden is 0, expected 1 to 65,536"),
        ({"dropout": float("nan")}, "--dropout is nan, expected 0 to 0.99"),
        ({"train_fraction": 0.0}, "--train-fraction is 0.0"),
        ({"train_fraction": 1.1}, "--train-fraction is 1.1"),
        ({"repeats": 0}, "--repeats is 0, expected at least 1"),
        ({"max_splits": 0}, "--max-splits is 0, expected at least 1"),
        ({"precision": "half"}, "--precision is 'half'"),
        ({"train": "frozen"}, "--train is 'frozen', expected head, last-stage or full"),
        ({"scratch": True, "train": "head"}, "--train head: a model from scratch"),
        ({"model": "saluki", "train": "last-stage"}, "--train last-stage: saluki"),
        ({"model": "saluki", "pooling": "all"}, "--pooling is for IsoCLR encoders"),
        ({"model": "saluki", "hidden": 16}, "--hidden is for IsoCLR encoders"),
        ({"train": "head", "encoder_learning_rate": 0.01}, "--encoder-learning-rate 0.01"),
    ],
)
def test_invalid_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        FinetuneConfig(**options)
    assert message in str(error.value)
