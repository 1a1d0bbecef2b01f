import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from isoclr.errors import InputError
from isoclr.pretraining.checkpoint import Checkpoint, State, load, save, take
from isoclr.pretraining.schedule import Plan

TENSORS = {
    "network.weight": torch.arange(6.0).view(2, 3).T,  # not contiguous
    "optimizer.weight.step": torch.tensor(7.0),
    "count": torch.tensor([3], dtype=torch.int64),
    "empty": torch.zeros(0, 4),
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
    for name, tensor in TENSORS.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name], tensor)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_checkpoint_before(path: Path) -> None:
    before = path.read_bytes()
    broken = Checkpoint(TENSORS, {"seed": object()}, SAVED.plan, "corpus", STATE)
    with pytest.raises(TypeError):
        save(path, broken)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such checkpoint"):
        load(tmp_path / "none.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_cut_short(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="not readable as safetensors"):
        load(path)


def test_a_flipped_bit_is_seen(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-30] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match="SHA-256 of the tensors"):
        load(path)


def test_another_safetensors_file(path: Path) -> None:
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(InputError, match="format is None, expected a checkpoint"):
        load(path)


def test_damaged_metadata(path: Path) -> None:
    with safe_open(path, framework="pt") as stream:
        metadata = stream.metadata()
    facts = json.loads(metadata["facts"])
    del facts["plan"]
    save_file({"x": torch.ones(1)}, path, metadata={**metadata, "facts": json.dumps(facts)})
    with pytest.raises(InputError, match=r"metadata is damaged \(KeyError\('plan'\)\)"):
        load(path)


def test_take_names_what_does_not_fit() -> None:
    source = Path("c.safetensors")
    with pytest.raises(InputError, match=r"'x' is missing, expected shape \(2,\)"):
        take({}, "x", torch.Size([2]), source)
    with pytest.raises(InputError, match=r"'x' is of shape \(3,\), expected shape \(2,\)"):
        take({"x": torch.ones(3)}, "x", torch.Size([2]), source)
