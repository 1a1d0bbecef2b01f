"""A checkpoint: one safetensors file from which a run goes on as if it had never stopped.

It holds every tensor that training changes (encoder, projector, optimiser), the recipe, the plan, the corpus and how
far the run has come. Random numbers need no state: they are keyed by seed and step (:mod:`isoclr.views`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.models.checkpoint import damaged, read, write
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
    facts = {
        "isoclr": __version__,
        "recipe": checkpoint.recipe,
        "plan": asdict(checkpoint.plan),
        "corpus": checkpoint.corpus,
        "state": asdict(checkpoint.state),
    }
    write(path, FORMAT, checkpoint.tensors, facts)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InputError: no such file, not a checkpoint, or one that was damaged.
    """
    tensors, facts = read(path, FORMAT)
    try:
        plan, state = Plan(**facts["plan"]), State(**facts["state"])
        return Checkpoint(tensors, dict(facts["recipe"]), plan, str(facts["corpus"]), state)
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(path, error) from None


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
