import inspect
from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.pretraining.config import Budget, PretrainConfig, choose_budget, learning_rate
from isoclr.pretraining.pretrain import pretrain

OPTIONS: dict[str, Any] = PretrainConfig(batch_size=8, init="c0ffee").as_dict()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mask", 1.5, "--mask is 1.5, expected 0 to 1"),
        ("batch_size", 0, "--batch-size is 0, expected at least 1"),
        ("seed", -1, "--seed is -1, expected 0 to 4294967295"),
        ("temperature", 0.0, "--temperature is 0.0, expected at least"),
        ("learning_rate", float("nan"), "--learning-rate is nan"),
        ("composition", -1.0, "--composition is -1.0, expected at least 0"),
        ("drop_splice", -0.1, "--drop-splice is -0.1, expected 0 to 1"),
        ("drop_tracks", 1.1, "--drop-tracks is 1.1, expected 0 to 1"),
    ],
)
def test_an_impossible_value_is_named(name: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PretrainConfig(**{**OPTIONS, name: value})


def test_no_more_than_all_views_can_lose_tracks() -> None:
    assert PretrainConfig(drop_splice=0.5, drop_tracks=0.5).drop_tracks == 0.5
    with pytest.raises(
        InputError, match=r"--drop-splice 0.6 and --drop-tracks 0.5 are more than 1"
    ):
        PretrainConfig(drop_splice=0.6, drop_tracks=0.5)


def test_the_defaults_are_those_of_the_command() -> None:
    options = inspect.signature(pretrain).parameters
    for name, value in PretrainConfig().as_dict().items():
        if name != "init":  # given as a model, kept as the SHA-256 of its weights
            assert options[name].default == value, name
    assert options["init"].default is None


def test_the_same_recipe_can_be_resumed() -> None:
    PretrainConfig(**OPTIONS).require_same(PretrainConfig(**OPTIONS).as_dict(), "checkpoint")


def test_every_differing_option_is_named_with_both_values() -> None:
    saved = {**OPTIONS, "batch_size": 16, "seed": 5}
    message = r"--batch-size 16 \(given: 8\), --seed 5 \(given: 0\)"
    with pytest.raises(InputError, match=message):
        PretrainConfig(**OPTIONS).require_same(saved, "checkpoint")


def test_another_start_is_named_by_its_weights() -> None:
    with pytest.raises(InputError, match=r"--init c0ffee \(given: \)"):
        PretrainConfig(batch_size=8).require_same(OPTIONS, "checkpoint")


def test_an_option_the_checkpoint_does_not_know_is_named() -> None:
    saved = {name: value for name, value in OPTIONS.items() if name != "clip"}
    with pytest.raises(InputError, match=r"--clip None \(given: 1.0\)"):
        PretrainConfig(**OPTIONS).require_same(saved, "checkpoint")


def test_what_is_projected_is_one_of_two() -> None:
    with pytest.raises(InputError, match="--project is 'first', expected embedding or last"):
        PretrainConfig(project="first")


def test_warmup_rises_linearly_to_the_peak() -> None:
    rates = [learning_rate(s, 0.0, peak=0.01, warmup_steps=10) for s in range(12)]
    assert rates == pytest.approx([0.001 * min(s + 1, 10) for s in range(12)])


def test_cosine_falls_from_the_peak_to_zero() -> None:
    rates = [
        learning_rate(100, share, peak=1.0, warmup_steps=10) for share in (0, 1 / 3, 0.5, 1, 2)
    ]
    assert rates == pytest.approx([1, 0.75, 0.5, 0, 0], abs=1e-12)


def test_no_warmup() -> None:
    assert learning_rate(0, 0.0, peak=0.5, warmup_steps=0) == 0.5


def test_a_plan_in_each_unit() -> None:
    assert Budget("steps", 200).share(50, 1e9, 7) == 0.25
    assert Budget("epochs", 4).share(14, 1e9, 7) == 0.5
    assert Budget("minutes", 2).share(10**9, 30, 7) == 0.25


def test_the_plan_asked_for_wins_over_the_checkpoints() -> None:
    saved = Budget("steps", 5)
    assert choose_budget(None, 3, None, saved) == Budget("epochs", 3)
    assert choose_budget(None, None, None, saved) == saved
    assert choose_budget(None, None, None) == Budget("epochs", 1000)


def test_two_lengths_are_one_too_many() -> None:
    with pytest.raises(InputError, match=r"--steps 5 and --minutes 1\.5 were given, expected one"):
        choose_budget(5, None, 1.5)


@pytest.mark.parametrize("steps", [0, -3])
def test_a_length_must_be_above_zero(steps: int) -> None:
    with pytest.raises(InputError, match=f"--steps is {steps}, expected more than 0"):
        choose_budget(steps, None, None)
