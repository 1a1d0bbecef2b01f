import tomllib
from pathlib import Path
from typing import Any

import pytest

from isoclr._config import RECIPES, read_recipe
from isoclr._options import run
from isoclr.errors import InputError
from isoclr.pretraining.config import Budget, LoggingConfig, PretrainConfig, PretrainRuntime, learning_rate


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"mask": 1.5}, "--mask is 1.5, expected 0 to 1"),
        ({"batch_size": 0}, "--batch-size is 0, expected at least 1"),
        ({"seed": -1}, "--seed is -1"),
        ({"temperature": 0.0}, "--temperature is 0.0, expected more than 0"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"max_grad_norm": float("inf")}, "--max-grad-norm is inf"),
        ({"contrast_weight": 0.0}, "--contrast-weight and --aux-weight are both 0"),
        ({"aux_weight": -1.0}, "--aux-weight is -1.0, expected at least 0"),
        ({"ema": 1.0}, "--ema is 1.0"),
        ({"drop_splice": -0.1}, "--drop-splice is -0.1, expected 0 to 1"),
        ({"contrast_on": "first"}, "--contrast-on is 'first', expected embedding or last"),
        ({"precision": "fp8"}, "--precision is 'fp8', expected auto, bf16 or float32"),
        ({"model": "isoclr-x"}, "--model is 'isoclr-x', expected isoclr-xs, isoclr-s, isoclr-m or isoclr-l"),
        ({"tracks": 3}, "--tracks is 3, expected 4, 5 or 6"),
    ],
)
def test_invalid_option(option: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PretrainConfig(**option)


def test_dropped_tracks_exclude_each_other() -> None:
    assert PretrainConfig(drop_splice=0.5, drop_tracks=0.5).drop_tracks == 0.5
    with pytest.raises(InputError, match=r"--drop-splice 0.6 and --drop-tracks 0.5"):
        PretrainConfig(drop_splice=0.6, drop_tracks=0.5)


@pytest.mark.parametrize(
    ("config", "option"),
    [
        (LoggingConfig, {"log_every": 0}),
        (LoggingConfig, {"validate_every": 0}),
        (LoggingConfig, {"checkpoint_steps": 0}),
        (LoggingConfig, {"checkpoint_minutes": -1.0}),
        (LoggingConfig, {"checkpoint_minutes": float("nan")}),
        (PretrainRuntime, {"chunk_nt": 0}),
        (PretrainRuntime, {"threads": 0}),
        (PretrainRuntime, {"compile": "perhaps"}),
        (Budget, {"steps": 0}),
        (Budget, {"steps": -3}),
        (Budget, {"epochs": 0}),
        (Budget, {"minutes": 0.0}),
        (Budget, {"minutes": float("nan")}),
        (Budget, {"minutes": float("inf")}),
    ],
)
def test_invalid_runtime_option(config: Any, option: dict[str, Any]) -> None:
    (name, value), *_ = option.items()
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} is '?{value}'?, expected"):
        config(**option)


def test_warmup() -> None:
    rates = [learning_rate(s, 0.0, peak=0.01, warmup_steps=10) for s in range(12)]
    assert rates == pytest.approx([0.001 * min(s + 1, 10) for s in range(12)])
    assert learning_rate(0, 0.0, peak=0.5, warmup_steps=0) == 0.5


def test_cosine() -> None:
    rates = [learning_rate(100, x, peak=1.0, warmup_steps=10) for x in (0, 1 / 3, 0.5, 1, 2)]
    assert rates == pytest.approx([1, 0.75, 0.5, 0, 0], abs=1e-12)


def test_progress() -> None:
    assert Budget(steps=200).progress(50, 1e9, 7) == 0.25
    assert Budget(epochs=4).progress(14, 1e9, 7) == 0.5
    assert Budget(minutes=2).progress(10**9, 30, 7) == 0.25


def test_budget_of_a_resumed_run() -> None:
    saved = Budget(steps=5)
    assert Budget(epochs=3).or_else(saved) == Budget(epochs=3)
    assert Budget().or_else(saved) == saved
    assert Budget().or_else(None) == Budget(epochs=1000)
    assert (str(saved), str(Budget(minutes=1.5))) == ("5 steps", "1.5 minutes")


def test_two_lengths() -> None:
    with pytest.raises(InputError, match=r"--steps 5 and --minutes 1\.5"):
        Budget(steps=5, minutes=1.5)


DEFAULTS = {"config": PretrainConfig(), "budget": Budget(), "runtime": PretrainRuntime(), "logging": LoggingConfig()}


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_recipes(path: Path) -> None:
    options = tomllib.loads(path.read_text())
    configs = read_recipe(path.stem, DEFAULTS)
    values = {name: v for config in configs.values() for name, v in config.flat().items()}
    assert options
    for name, value in options.items():
        assert values[name.replace("-", "_")] == value, name


def test_a_given_length_replaces_that_of_the_recipe() -> None:
    def command(
        *,
        config: PretrainConfig = PretrainConfig(),
        budget: Budget = Budget(),
        logging: LoggingConfig = LoggingConfig(),
    ) -> Budget:
        """A command."""
        assert logging.validate_every == 250
        assert config.batch_size == 64  # the rest of the recipe stays
        return budget

    recipe = ["--config", "isoclr-s.v1"]
    assert run(command, recipe, name="x").steps == 6389
    assert run(command, [*recipe, "--epochs", "50"], name="x") == Budget(epochs=50)
    assert run(command, [*recipe, "--minutes=2"], name="x") == Budget(minutes=2)
    with pytest.raises(InputError, match="expected one of --steps"):
        run(command, [*recipe, "--minutes=2", "--epochs=1"], name="x")


def test_paper_recipe() -> None:
    configs = read_recipe("isoclr-s.paper", DEFAULTS)
    assert configs["config"] == PretrainConfig()
    assert configs["budget"] == Budget(epochs=1000)
