from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.pretraining.options import Recipe

OPTIONS: dict[str, Any] = {
    "model": "isoclr-s",
    "tracks": 6,
    "seed": 0,
    "batch_size": 8,
    "learning_rate": 0.01,
    "weight_decay": 1e-6,
    "warmup_steps": 10,
    "clip": 1.0,
    "temperature": 0.1,
    "mask": 0.15,
    "shift": 3,
    "dropout": 0.1,
    "precision": "float32",
    "held_out": 0.05,
    "weight_offset": 0.4,
    "min_transcripts": 1,
}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mask", 1.5, "--mask is 1.5, expected 0 to 1"),
        ("batch_size", 0, "--batch-size is 0, expected at least 1"),
        ("seed", -1, "--seed is -1, expected 0 to 4294967295"),
        ("temperature", 0.0, "--temperature is 0.0, expected at least"),
        ("learning_rate", float("nan"), "--learning-rate is nan"),
    ],
)
def test_an_impossible_value_is_named(name: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recipe(**{**OPTIONS, name: value})


def test_the_same_recipe_can_be_resumed() -> None:
    Recipe(**OPTIONS).require_same(Recipe(**OPTIONS).as_dict(), "checkpoint")


def test_every_differing_option_is_named_with_both_values() -> None:
    saved = {**OPTIONS, "batch_size": 16, "seed": 5}
    message = r"--batch-size 16 \(given: 8\), --seed 5 \(given: 0\)"
    with pytest.raises(InputError, match=message):
        Recipe(**OPTIONS).require_same(saved, "checkpoint")


def test_an_option_the_checkpoint_does_not_know_is_named() -> None:
    saved = {name: value for name, value in OPTIONS.items() if name != "clip"}
    with pytest.raises(InputError, match=r"--clip None \(given: 1.0\)"):
        Recipe(**OPTIONS).require_same(saved, "checkpoint")
