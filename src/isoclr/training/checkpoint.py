"""Checkpoints: tensors and JSON metadata in one safetensors file, with the SHA-256 of the tensors."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from isoclr._io import atomic_path
from isoclr.errors import InputError

ADAM_STATE = ("exp_avg", "exp_avg_sq", "step")


def save_checkpoint(path: Path, kind: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically; the previous one stays until the new one is on the disk.

    Args:
        kind: Name and version of the format.
    """
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"sha256": _sha256(on_cpu), **metadata})
    with atomic_path(path) as partial:
        save_file(on_cpu, partial, metadata={"format": kind, "metadata": text})


def load_checkpoint(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and metadata of a checkpoint."""
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            # copies: a mapped file would keep its space on the disk when the next checkpoint replaces it
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as safetensors ({error})") from None
    if header.get("format") != kind:
        raise InputError(
            f"{path}: format is {header.get('format')!r}, expected {kind!r}; a checkpoint is resumed by the version "
            "of isoclr that wrote it"
        )
    try:
        metadata: dict[str, Any] = json.loads(header["metadata"])
        expected = metadata["sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(path, error) from None
    if (actual := _sha256(tensors)) != expected:
        raise InputError(f"{path}: SHA-256 of the tensors is {actual}, expected {expected}; the file is damaged")
    return tensors, metadata


def damaged(path: Path, error: Exception) -> InputError:
    """The error for metadata that training did not write."""
    return InputError(f"{path}: its metadata is damaged ({error!r})")


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def restore_modules(modules: nn.Module, tensors: Mapping[str, Tensor], source: Path, *, prefix: str = "") -> None:
    """Copy the tensors of a checkpoint into modules."""
    modules.load_state_dict(
        {name: take(tensors, prefix + name, tensor.shape, source) for name, tensor in modules.state_dict().items()}
    )


def optimizer_tensors(optimizer: torch.optim.Optimizer, modules: nn.Module) -> dict[str, Tensor]:
    """The state of Adam or AdamW as ``optimizer.PARAMETER.KIND`` tensors."""
    return {
        f"optimizer.{name}.{kind}": tensor
        for name, parameter in modules.named_parameters()
        for kind, tensor in optimizer.state[parameter].items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, modules: nn.Module, tensors: Mapping[str, Tensor], source: Path
) -> None:
    """Restore what :func:`optimizer_tensors` returned."""
    for name, parameter in modules.named_parameters():
        for kind in ADAM_STATE:
            shape = torch.Size(()) if kind == "step" else parameter.shape
            tensor = take(tensors, f"optimizer.{name}.{kind}", shape, source)
            optimizer.state[parameter][kind] = tensor.to(parameter.device)


def take(tensors: Mapping[str, Tensor], name: str, shape: torch.Size, source: Path) -> Tensor:
    """One tensor of a checkpoint."""
    tensor = tensors.get(name)
    if tensor is None or tensor.shape != shape:
        actual = "missing" if tensor is None else f"of shape {tuple(tensor.shape)}"
        raise InputError(f"{source}: tensor {name!r} is {actual}, expected shape {tuple(shape)}")
    return tensor
