from pathlib import Path

import pytest
import torch

from isoclr.errors import InputError
from isoclr.models.checkpoint import read, write
from isoclr.pretraining.checkpoint import FORMAT, Checkpoint, State, load, save, take
from isoclr.pretraining.schedule import Plan

TENSORS = {
    "network.weight": torch.arange(6.0).view(2, 3),
    "optimizer.weight.step": torch.tensor(7.0),
}
STATE = State(7, 12_345, 1.5, 0.25, {"step": 5, "retrieval": 0.5}, {"step": 5, "retrieval": 0.5})
SAVED = Checkpoint(TENSORS, {"seed": 3, "mask": 0.15}, Plan("epochs", 4), "corpus", STATE)


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
    tensors, facts = read(path, FORMAT)
    del facts[lost]
    write(path, FORMAT, tensors, facts)
    with pytest.raises(InputError, match=rf"metadata is damaged \(KeyError\('{lost}'\)\)"):
        load(path)


def test_facts_of_another_version(path: Path) -> None:
    tensors, facts = read(path, FORMAT)
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
