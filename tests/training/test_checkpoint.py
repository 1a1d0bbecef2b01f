"""A checkpoint comes back as it was, or is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from isoclr.errors import InputError
from isoclr.training.checkpoint import read, write

KIND = "training 2"
TENSORS = {
    "network.weight": torch.arange(6.0).view(2, 3).T,  # not contiguous
    "optimizer.weight.step": torch.tensor(7.0),
    "count": torch.tensor([3], dtype=torch.int64),
    "empty": torch.zeros(0, 4),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "checkpoint.safetensors", KIND, TENSORS, {"state": {"step": 3}})
    return tmp_path / "checkpoint.safetensors"


def test_what_is_written_is_read(path: Path) -> None:
    tensors, facts = read(path, KIND)
    assert facts["state"] == {"step": 3}
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_checkpoint_before(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write(path, KIND, TENSORS, {"state": object()})
    with pytest.raises(RuntimeError, match="share memory"):
        write(path, KIND, {"a": TENSORS["count"], "b": TENSORS["count"]}, {})
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such checkpoint"):
        read(tmp_path / "none.safetensors", KIND)


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_cut_short(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="not readable as safetensors"):
        read(path, KIND)


def test_a_flipped_bit_is_seen(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-30] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match="SHA-256 of the tensors"):
        read(path, KIND)


@pytest.mark.parametrize("changed", [{"weight": torch.ones(4)}, {"other": torch.ones(2, 2)}])
def test_names_and_shapes_count_too(path: Path, changed: dict[str, torch.Tensor]) -> None:
    write(path, KIND, {"weight": torch.ones(2, 2)}, {})
    with safe_open(path, framework="pt") as stream:
        save_file(changed, path, metadata=stream.metadata())
    with pytest.raises(InputError, match="SHA-256 of the tensors"):
        read(path, KIND)


def test_another_safetensors_file(path: Path) -> None:
    with pytest.raises(InputError, match="format is 'training 2', expected a checkpoint"):
        read(path, "training 1")
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(InputError, match="format is None, expected a checkpoint"):
        read(path, KIND)


@pytest.mark.parametrize("facts", [None, "{", "[]", json.dumps({"state": {}})])
def test_damaged_metadata(path: Path, facts: str | None) -> None:
    told = {"format": KIND} if facts is None else {"format": KIND, "facts": facts}
    save_file({"x": torch.ones(1)}, path, metadata=told)
    with pytest.raises(InputError, match="its metadata is damaged"):
        read(path, KIND)
