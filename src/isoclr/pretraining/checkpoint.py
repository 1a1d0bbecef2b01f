"""A checkpoint: one safetensors file from which a run goes on as if it had never stopped.

It holds every tensor that training changes (encoder, projector, optimiser) and, as JSON in the file's metadata,
the recipe, the plan, the corpus and how far the run has come. Random numbers need no state: they are keyed by
seed and step (:mod:`isoclr.views`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.files import atomic_path
from isoclr.pretraining.schedule import Plan

FORMAT = "isoclr pre-training 2"


@dataclass
class State:
    """How far a run has come."""

    step: int = 0
    """Steps done."""
    nt: int = 0
    """Nucleotides seen, both views counted."""
    seconds: float = 0.0
    """Time spent, over all sessions."""
    loss: float | None = None
    """Loss of the last step."""
    validation: dict[str, float] | None = None
    """The last measurement on the held-out gene sets."""
    best: dict[str, float] | None = None
    """The measurement with the highest retrieval accuracy."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds."""

    tensors: Mapping[str, Tensor]
    recipe: dict[str, Any]
    plan: Plan
    corpus: str
    """What names the corpus by its content."""
    state: State


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole or not at all; the one before stays until the new one is on the disk."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in checkpoint.tensors.items()}
    facts = {
        "isoclr": __version__,
        "sha256": _digest(tensors),
        "recipe": checkpoint.recipe,
        "plan": asdict(checkpoint.plan),
        "corpus": checkpoint.corpus,
        "state": asdict(checkpoint.state),
    }
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={"format": FORMAT, "facts": json.dumps(facts)})


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InputError: no such file, not a checkpoint, or one that was damaged.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint")
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as safetensors ({error})") from None
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"{path}: format is {metadata.get('format')!r}, expected a checkpoint ({FORMAT!r})"
        )
    return _checked(path, metadata.get("facts", ""), tensors)


def _checked(path: Path, text: str, tensors: dict[str, Tensor]) -> Checkpoint:
    try:
        facts = json.loads(text)
        plan, state = Plan(**facts["plan"]), State(**facts["state"])
        recipe, corpus, expected = dict(facts["recipe"]), str(facts["corpus"]), facts["sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: its metadata is damaged ({error!r})") from None
    found = _digest(tensors)
    if found != expected:
        raise InputError(f"{path}: SHA-256 of the tensors is {found}, expected {expected}; damaged")
    return Checkpoint(tensors, recipe, plan, corpus, state)


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


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, shapes and bytes: a disk's flipped bit does not become a strange model."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
