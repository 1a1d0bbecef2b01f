"""Options of dealing that make no sense are refused at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.finetuning.config import ISOCLR, SALUKI, SplitConfig, rules_of

MakeDealing = Callable[..., SplitConfig]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "fold", "folds": 5}, "--folds is for random, homology and chromosome splits"),
        ({"splits": 0}, "--splits 0: expected 1 or more"),
        ({"seeds": 0}, "--seeds 0: expected 1 or more"),
        ({"seed": -1}, "--seed -1: expected 0 or more"),
        ({"train_share": 0.0}, "--train-share 0: expected above 0 and up to 1"),
        ({"train_share": 1.1}, "--train-share 1.1: expected above 0 and up to 1"),
    ],
)
def test_bad_options(dealing: MakeDealing, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        dealing(**options)
    assert message in str(error.value)


def test_folds_are_trained_once_and_random_splits_three_times_unless_said(
    dealing: MakeDealing,
) -> None:
    assert dealing(split="fold", seeds=None).repeats == 1
    assert dealing(folds=5, seeds=None).repeats == 1
    assert dealing(split="homology", seeds=None).repeats == 3
    assert dealing(split="fold", seeds=4).repeats == 4


def test_the_rules_are_the_papers() -> None:
    assert (ISOCLR.learning_rate, ISOCLR.decay, ISOCLR.l2) == (0.01, 0.95, 1e-5)
    assert (ISOCLR.clip, ISOCLR.batch_size, ISOCLR.dropout) == (0.5, 128, 0.3)
    assert (SALUKI.learning_rate, SALUKI.betas, SALUKI.l2) == (1e-4, (0.9, 0.998), 1e-3)
    assert (SALUKI.batch_size, SALUKI.clip, SALUKI.shift) == (64, 0.5, 3)
    assert (SALUKI.min_epochs, SALUKI.epochs, SALUKI.patience) == (100, 250, 25)


def test_random_weights_learn_as_fast_as_the_head() -> None:
    assert rules_of("isoclr-s", scratch=True).encoder_learning_rate == ISOCLR.learning_rate
    assert rules_of("isoclr-s", scratch=False).encoder_learning_rate < ISOCLR.learning_rate
    assert rules_of("saluki", scratch=False) is SALUKI


def test_what_is_not_given_stays() -> None:
    assert ISOCLR.changed(epochs=3, patience=None) == replace(ISOCLR, epochs=3)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("learning_rate", -1.0, "--learning-rate is -1, expected at least 0"),
        ("decay", 1.5, "--decay is 1.5, expected 0 to 1"),
        ("batch_size", 1, "--batch-size is 1, expected at least 2"),
        ("clip", 0.0, "--clip is 0, expected at least 1e-12"),
        ("patience", 0, "--patience is 0, expected at least 1"),
        ("hidden", 0, "--hidden is 0, expected 1 to 65536"),
        ("dropout", float("nan"), "--dropout is nan, expected 0 to 0.99"),
    ],
)
def test_values_that_no_training_can_use(option: str, value: float, message: str) -> None:
    with pytest.raises(InputError) as error:
        ISOCLR.changed(**{option: value})
    assert str(error.value) == message
