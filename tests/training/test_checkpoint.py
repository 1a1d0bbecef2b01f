import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from isoclr.errors import InputError
from isoclr.training.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    restore_modules,
    restore_optimizer,
    save_checkpoint,
    take,
)

KIND = "training 2"
TENSORS = {
    "network.weight": torch.arange(6.0).view(2, 3).T,  # not contiguous
    "optimizer.weight.step": torch.tensor(7.0),
    "count": torch.tensor([3], dtype=torch.int64),
    "empty": torch.zeros(0, 4),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "checkpoint.safetensors", KIND, TENSORS, {"state": {"step": 3}})
    return tmp_path / "checkpoint.safetensors"


def test_round_trip(path: Path) -> None:
    tensors, metadata = load_checkpoint(path, KIND)
    assert metadata["state"] == {"step": 3}
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_its_permissions_are_those_that_the_umask_allows(path: Path) -> None:
    (path.parent / "other").touch()
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode


def test_failed_write_keeps_the_previous_checkpoint(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_checkpoint(path, KIND, TENSORS, {"state": object()})
    with pytest.raises(RuntimeError, match="share memory"):
        save_checkpoint(path, KIND, {"a": TENSORS["count"], "b": TENSORS["count"]}, {})
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "none.safetensors", KIND)


@pytest.mark.parametrize("size", [0, 5, 200, -1])
def test_truncated_file(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match="not readable as safetensors"):
        load_checkpoint(path, KIND)


def test_flipped_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-30] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match="SHA-256"):
        load_checkpoint(path, KIND)


@pytest.mark.parametrize("changed", [{"weight": torch.ones(4)}, {"other": torch.ones(2, 2)}])
def test_hash_covers_names_and_shapes(path: Path, changed: dict[str, torch.Tensor]) -> None:
    save_checkpoint(path, KIND, {"weight": torch.ones(2, 2)}, {})
    with safe_open(path, framework="pt") as file:
        save_file(changed, path, metadata=file.metadata())
    with pytest.raises(InputError, match="SHA-256"):
        load_checkpoint(path, KIND)


def test_other_format(path: Path) -> None:
    with pytest.raises(InputError, match="'training 2', expected 'training 3'") as error:
        load_checkpoint(path, "training 3")
    assert "\n" not in str(error.value)
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(InputError, match="format is None"):
        load_checkpoint(path, KIND)


@pytest.mark.parametrize("metadata", [None, "{", "[]", json.dumps({"state": {}})])
def test_damaged_metadata(path: Path, metadata: str | None) -> None:
    header = {"format": KIND} if metadata is None else {"format": KIND, "metadata": metadata}
    save_file({"x": torch.ones(1)}, path, metadata=header)
    with pytest.raises(InputError, match="metadata is damaged"):
        load_checkpoint(path, KIND)


def test_take() -> None:
    source = Path("c.safetensors")
    with pytest.raises(InputError, match=r"'x' is missing, expected shape \(2,\)"):
        take({}, "x", torch.Size([2]), source)
    with pytest.raises(InputError, match=r"'x' is of shape \(3,\), expected shape \(2,\)"):
        take({"x": torch.ones(3)}, "x", torch.Size([2]), source)


def linear() -> tuple[torch.nn.Linear, torch.optim.AdamW]:
    module = torch.nn.Linear(3, 2)
    return module, torch.optim.AdamW(module.parameters(), 0.1, fused=True)


def step(module: torch.nn.Linear, optimizer: torch.optim.AdamW) -> None:
    module(torch.arange(6.0).view(2, 3)).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_restored_optimizer_continues() -> None:
    (module, optimizer), (other, other_optimizer) = linear(), linear()
    step(module, optimizer)
    tensors = {**module.state_dict(), **optimizer_tensors(optimizer, module)}
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    restore_modules(other, tensors, Path("c"))
    restore_optimizer(other_optimizer, other, tensors, Path("c"))
    for pair in ((module, optimizer), (other, other_optimizer)):
        step(*pair)
    assert torch.equal(module.weight, other.weight)
    del tensors["optimizer.bias.step"]
    with pytest.raises(InputError, match=r"optimizer\.bias\.step"):
        restore_optimizer(other_optimizer, other, tensors, Path("c"))


def test_a_loaded_checkpoint_is_closed(path: Path) -> None:
    """A mapped file would need its space on the disk until the run ends."""
    tensors, _ = load_checkpoint(path, KIND)
    assert str(path) not in Path("/proc/self/maps").read_text()
    assert len(tensors) == len(TENSORS)
