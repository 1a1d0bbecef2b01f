"""Tensors and facts in one safetensors file, from which a training goes on; each kind of training says which facts.

The facts are JSON in the file's metadata. With them is the SHA-256 of the tensors: a disk's flipped bit does not become
a strange model.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from isoclr._io import atomic_path
from isoclr.errors import InputError


def write(path: Path, kind: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint whole or not at all; the one before stays until the new one is on the disk.

    Args:
        path: of the file.
        kind: of training, with the version of its facts.
        tensors: everything that training changes, by name.
        facts: whatever else the training needs to go on, as JSON has it.
    """
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps({"sha256": _digest(plain), **facts})
    with atomic_path(path) as partial:
        save_file(plain, partial, metadata={"format": kind, "facts": text})


def read(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of a checkpoint.

    Raises:
        InputError: no such file, no checkpoint of this kind, or one that was damaged.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint")
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as safetensors ({error})") from None
    if metadata.get("format") != kind:
        raise InputError(
            f"{path}: format is {metadata.get('format')!r}, expected a checkpoint ({kind!r})"
        )
    try:
        facts: dict[str, Any] = json.loads(metadata["facts"])
        expected = facts["sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(path, error) from None
    found = _digest(tensors)
    if found != expected:
        raise InputError(f"{path}: SHA-256 of the tensors is {found}, expected {expected}; damaged")
    return tensors, facts


def damaged(path: Path, error: Exception) -> InputError:
    """The error of facts that are not what the training wrote."""
    return InputError(f"{path}: its metadata is damaged ({error!r})")


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def take(tensors: Mapping[str, Tensor], name: str, shape: torch.Size, source: Path) -> Tensor:
    """One tensor of a checkpoint.

    Raises:
        InputError: it is missing, or of another shape than the model's.
    """
    found = tensors.get(name)
    if found is None or found.shape != shape:
        shown = "missing" if found is None else f"of shape {tuple(found.shape)}"
        raise InputError(f"{source}: tensor {name!r} is {shown}, expected shape {tuple(shape)}")
    return found
