"""A checkpoint holds a state and its tensors; a damaged one is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from isoclr.errors import InputError
from isoclr.finetuning.checkpoint import FORMAT, State, load, save
from isoclr.models.checkpoint import write

TENSORS = {"now.a": torch.arange(6.0).view(2, 3), "optimizer.a.step": torch.tensor(3.0)}
STATE = State("fold-1.0", 3, 2, 0.25, 1.5, [{"epoch": 1, "loss": 0.5}])


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save(path, STATE, TENSORS)
    state, tensors = load(path)
    assert state == STATE
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save(path, STATE, TENSORS)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match=r"SHA-256 of the tensors.*; remove it to start"):
        load(path)
    path.write_bytes(whole[:-4])
    with pytest.raises(InputError, match=r"not readable.*; remove it to start"):
        load(path)
    save_file(TENSORS, path)
    with pytest.raises(InputError, match=r"format is None.*; remove it to start"):
        load(path)
    write(path, FORMAT, TENSORS, {"state": {"moment": 3}})
    with pytest.raises(InputError, match=r"metadata is damaged .*moment.*; remove it to start"):
        load(path)
    write(path, FORMAT, TENSORS, {})
    with pytest.raises(InputError, match=r"KeyError\('state'\).*; remove it to start"):
        load(path)
