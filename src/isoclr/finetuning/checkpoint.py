"""The state of one training after an epoch: one safetensors file from which it goes on as if never stopped."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from isoclr.errors import InputError
from isoclr.files import atomic_path

FORMAT = "isoclr fine-tuning 1"


@dataclass
class State:
    """How far a training has come."""

    job: str
    """Its name."""
    epoch: int = 0
    """Epochs done."""
    best_epoch: int = 0
    """The epoch with the highest validation R; 0: none so far."""
    best: float = float("-inf")
    """That R."""
    seconds: float = 0.0
    """Time spent on training and validation, over all sessions."""
    history: list[dict[str, float]] = field(default_factory=list)
    """What each epoch gave."""


def save(path: Path, state: State, tensors: Mapping[str, Tensor]) -> None:
    """Write a checkpoint whole or not at all; the one before stays until then."""
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    facts = json.dumps({"sha256": _digest(plain), "state": asdict(state)})
    with atomic_path(path) as partial:
        save_file(plain, partial, metadata={"format": FORMAT, "facts": facts})


def load(path: Path) -> tuple[State, dict[str, Tensor]]:
    """Read a checkpoint.

    Raises:
        InputError: not a checkpoint, or one that was damaged.
    """
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (no iterator)
        if metadata.get("format") != FORMAT:
            raise ValueError(f"format is {metadata.get('format')!r}, expected {FORMAT!r}")
        facts: dict[str, Any] = json.loads(metadata["facts"])
        state = State(**facts["state"])
        if facts["sha256"] != _digest(tensors):
            raise ValueError("SHA-256 of the tensors differs")
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path}: not a whole checkpoint of fine-tuning ({error}); remove it to start this training anew"
        ) from None
    return state, tensors


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
