from pathlib import Path

import pytest
import torch

from isoclr.errors import InputError
from isoclr.models import create
from isoclr.pretraining.options import Recipe
from isoclr.pretraining.starting import starting_point, untrained

KIND = {"model": "isoclr-s", "tracks": 6}


def saved(folder: Path, name: str = "isoclr-s", tracks: int = 6, **options: str) -> str:
    made = create(name, tracks=tracks, seed=1, **options)  # type: ignore[arg-type]
    return str(made.save(folder / "model"))


def test_without_a_start_the_weights_are_the_seeds() -> None:
    first, second, other = (untrained(Recipe(seed=seed)).sha256 for seed in (1, 1, 2))
    assert first == second != other
    made = untrained(Recipe(model="isoclr-m", tracks=5, pooling="all"))
    assert (made.name, made.tracks) == ("isoclr-m", 5)
    assert made.network.architecture.pooling == "all"


def test_the_start_is_the_model_given(tmp_path: Path) -> None:
    start = starting_point(saved(tmp_path), **KIND)  # type: ignore[arg-type]
    assert start.sha256 == create("isoclr-s", seed=1).sha256
    assert torch.is_grad_enabled()
    assert all(parameter.requires_grad for parameter in start.network.parameters())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "isoclr-m"}, "its model is isoclr-s, the run's is isoclr-m"),
        ({"tracks": 4}, "its number of tracks is 6, the run's is 4"),
    ],
)
def test_a_model_of_another_kind_is_named(
    tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    init = saved(tmp_path)
    with pytest.raises(InputError, match=message) as error:
        starting_point(init, **{**KIND, **changed})  # type: ignore[arg-type]
    assert str(error.value).startswith(f"--init {init}: ")
    assert "\n" not in str(error.value)


def test_how_the_start_pools_does_not_matter(tmp_path: Path) -> None:
    start = starting_point(saved(tmp_path, pooling="all"), **KIND)  # type: ignore[arg-type]
    assert start.network.state_dict().keys() == create("isoclr-s").network.state_dict().keys()


def test_no_such_model_is_one_line() -> None:
    with pytest.raises(InputError, match="nowhere"):
        starting_point("nowhere", **KIND)  # type: ignore[arg-type]
