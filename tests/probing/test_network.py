import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save
from tests.probing.conftest import Heads

from isoclr._io import sha256
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError
from isoclr.probing.head import Head, load_head, save_head
from isoclr.probing.network import Dense, NetworkRegressor

Tensors = dict[str, np.ndarray[Any, Any]]


def regressor(errors: list[float], last: float = 1.0) -> NetworkRegressor:
    """Layers of 6, 3, 2 and 1 values."""
    rng = np.random.default_rng(0)
    shapes = [(3, 6), (2, 3), (1, 2)]
    layers = [Dense(rng.normal(size=shape).astype(np.float32), np.ones(shape[0], np.float32)) for shape in shapes]
    layers[-1] = replace(layers[-1], weight=layers[-1].weight * np.float32(last))
    return NetworkRegressor(tuple(layers), np.array(errors))


@pytest.fixture
def head(heads: Heads) -> Head:
    """A head with two networks whose first layers are the same."""
    (one,) = heads.one.targets
    targets = [
        replace(
            one, name=name, predictor=regressor([1.0, 2.0, 4.0], last), metadata={**one.metadata, "kind": "network"}
        )
        for name, last in (("a", 1.0), ("b", 3.0))
    ]
    entries = [{**target.metadata, "name": target.name} for target in targets]
    return Head.from_metadata({**heads.one.metadata, "coverage": 0.75, "targets": entries}, targets)


def test_relu_between_layers() -> None:
    layers = Dense(np.array([[1.0], [-1.0]]), np.zeros(2)), Dense(np.array([[2.0, 3.0]]), np.array([0.5]))
    assert NetworkRegressor(layers, np.ones(1)).value(np.array([[2.0], [-2.0]])).tolist() == [4.5, 6.5]


@pytest.mark.parametrize(("coverage", "half"), [(0.5, 2.0), (0.6, 4.0), (0.75, 4.0), (0.25, 1.0)])
def test_half_widths_are_quantiles_of_the_errors(coverage: float, half: float) -> None:
    network = regressor([1.0, 2.0, 4.0])
    value, lower, upper = network.predict(np.ones((2, 6)), coverage)
    np.testing.assert_allclose([value - lower, upper - value], half)
    assert network.largest == 0.75


def test_intervals_have_their_coverage() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        errors = np.sort(abs(rng.normal(size=19)))
        _, lower, upper = replace(regressor([0.0]), errors=errors).predict(np.zeros((1, 6)), 0.9)
        covered.append(abs(rng.normal()) <= (upper - lower)[0] / 2)
    assert 0.86 < np.mean(covered) < 0.94  # 0.9 exactly; three standard errors are 0.045


def test_round_trip(head: Head, world: Embeddings, tmp_path: Path) -> None:
    save_head(head, tmp_path / "head")
    loaded = load_head(tmp_path / "head")
    for name in ("a", "b"):
        before, after = (each.predict(world.matrix, target=name) for each in (head, loaded))
        for field in ("value", "lower", "upper", "extrapolating"):
            assert np.array_equal(getattr(before, field), getattr(after, field))
    one, other = (loaded.predict(world.matrix, target=name).value for name in ("a", "b"))
    assert not np.array_equal(one, other)
    names = load((tmp_path / "head" / "head.safetensors").read_bytes())
    assert {name for name in names if name.startswith("b/")} == {"b/layers/2/weight", "b/errors"}


def test_a_network_is_not_linear(head: Head) -> None:
    with pytest.raises(InputError, match="is that of a fine-tuned network, which is not linear; isoclr predict"):
        head.linear("a")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update({"a/layers/1/weight": np.ones((2, 4), np.float32)}), "shapes of the layers do not match"),
        (lambda t: t.update({"a/layers/0/bias": np.ones(4, np.float32)}), "shapes of the layers do not match"),
        (lambda t: t.update({"a/errors": np.array([2.0, 1.0])}), "sorted errors"),
        (lambda t: t.update({"a/errors": np.array([-1.0, 1.0])}), "sorted errors"),
        (lambda t: t.update({"a/errors": np.empty(0)}), "sorted errors"),
        (lambda t: t.pop("a/layers/2/bias"), "layers/2/bias"),
    ],
)
def test_damaged_files(head: Head, tmp_path: Path, change: Callable[[Tensors], object], message: str) -> None:
    folder = tmp_path / "head"
    save_head(head, folder)
    tensors = load((folder / "head.safetensors").read_bytes())
    change(tensors)
    (folder / "head.safetensors").write_bytes(save(tensors))
    metadata = json.loads((folder / "head.json").read_text())
    metadata["sha256"] = sha256(folder / "head.safetensors")
    (folder / "head.json").write_text(json.dumps(metadata))
    with pytest.raises(InputError, match=message):
        load_head(folder)
