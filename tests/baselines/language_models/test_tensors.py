"""Weights of others: shards, pickles refused, and the command that the refusal gives."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from isoclr.baselines.language_models import open_language_model
from isoclr.baselines.language_models.tensors import (
    digest,
    fill,
    read_tensors,
    renamed,
    weight_files,
)
from isoclr.errors import InputError


def test_shards_are_one_model(model: Any) -> None:
    whole = open_language_model(model.name, directory=model.folder)
    tensors = load_file(model.folder / "model.safetensors")
    (model.folder / "model.safetensors").unlink()
    names = sorted(tensors)
    for i, part in enumerate((names[::2], names[1::2]), start=1):
        path = model.folder / f"model-0000{i}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, path)
    shards = open_language_model(model.name, directory=model.folder)
    assert shards.sha256 != whole.sha256
    for one, other in zip(whole.network.parameters(), shards.network.parameters(), strict=True):
        assert torch.equal(one, other)
    save_file({names[0]: tensors[names[0]]}, model.folder / "model-00003-of-00003.safetensors")
    with pytest.raises(InputError, match=r"model-00003.*is in another file too"):
        open_language_model(model.name, directory=model.folder)


def test_a_pickle_is_refused_with_a_command_that_converts_it(
    repository: Callable[[str], Any],
) -> None:
    model = repository("rna-fm")
    path = model.folder / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    shared = next(iter(tensors.values()))
    torch.save({**tensors, "cls.predictions.tied": shared}, model.folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"as a pickle \(pytorch_model\.bin\)") as caught:
        open_language_model(model.name, directory=model.folder)
    told = str(caught.value)
    assert "\n" not in told
    found = re.search(r"python (-c \".*\") and give", told)
    assert found is not None
    words = [sys.executable, *shlex.split(found[1])]
    subprocess.run(words, cwd=model.folder, check=True, timeout=120)
    converted = load_file(path)
    assert all(torch.equal(converted[name], value) for name, value in tensors.items())


def test_no_weights_and_no_safetensors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no model\.safetensors"):
        weight_files(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"x" * 99)
    with pytest.raises(InputError, match="not a safetensors file") as caught:
        read_tensors(weight_files(tmp_path))
    assert "\n" not in str(caught.value)


def test_the_sum_of_one_file_is_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    a, b = tmp_path / "a", tmp_path / "b"
    assert digest([a]).startswith("ca978112ca1bbdca")
    assert len({digest([a]), digest([b]), digest([a, b]), digest([b, a])}) == 4


def test_names_are_translated_and_the_unused_left(tmp_path: Path) -> None:
    one, two = torch.ones(2), torch.zeros(2)
    rules = ((r"^bert\.", ""), (r"\.\d+\.freq$", ".1.freq"))
    given = {"bert.f.1.freq": one, "bert.f.3.freq": one.clone(), "cls.weight": two, "w": two}
    assert set(renamed(tmp_path, given, rules, (r"cls\.",))) == {"f.1.freq", "w"}
    given["bert.f.5.freq"] = two
    with pytest.raises(
        InputError, match=r"bert\.f\.5\.freq differs from another of the same place"
    ):
        renamed(tmp_path, given, rules, ())


def test_whole_numbers_are_no_weights_and_halves_become_float32(tmp_path: Path) -> None:
    layer = nn.Linear(2, 1, bias=False)
    fill(tmp_path, layer, {"weight": torch.ones(1, 2, dtype=torch.float16)})
    assert layer.weight.dtype == torch.float32
    with pytest.raises(InputError, match=r"weight is torch\.int64, expected floating point"):
        fill(tmp_path, layer, {"weight": torch.ones(1, 2, dtype=torch.int64)})
