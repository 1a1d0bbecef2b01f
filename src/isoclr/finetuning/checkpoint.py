"""The state of one training after an epoch: one safetensors file from which it goes on as if never stopped."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor

from isoclr.errors import InputError
from isoclr.models.checkpoint import damaged, read, write

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
    write(path, FORMAT, tensors, {"state": asdict(state)})


def load(path: Path) -> tuple[State, dict[str, Tensor]]:
    """Read a checkpoint.

    Raises:
        InputError: not a checkpoint, or one that was damaged.
    """
    try:
        tensors, facts = read(path, FORMAT)
        return State(**facts["state"]), tensors
    except (TypeError, KeyError) as error:
        reason = damaged(path, error)
    except InputError as error:
        reason = error
    raise InputError(f"{reason}; remove it to start this training anew")
