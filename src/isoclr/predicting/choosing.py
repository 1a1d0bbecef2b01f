"""The head and the model that a user asks for: as given, or as they ship."""

from pathlib import Path

from isoclr.errors import InputError
from isoclr.models import Encoder, load
from isoclr.predicting.head import Head
from isoclr.predicting.shipped import find_head, shipped_model
from isoclr.predicting.storing import load_head


def choose(
    head: Path | None, task: str | None, species: str, model: str | None
) -> tuple[Head, str | None]:
    """Load the head that options name.

    Args:
        head: directory that ``isoclr fit`` wrote.
        task: instead, what a head that ships with isoclr predicts.
        species: of the shipped head.
        model: the head's model, when it does not ship; with ``task``, the shipped model whose head to take.

    Returns:
        The head, and the model that was given for it.

    Raises:
        InputError: no such head, or not exactly one of ``head`` and ``task``.
    """
    if (head is None) == (task is None):
        raise InputError("expected --head, or --task with --species, and not both")
    if head is not None:
        return load_head(head), model
    return load_head(find_head(str(task), species, model)), None


def model_of(head: Head, given: str | None) -> str:
    """Where a head's model is: as given, else among those that ship.

    Raises:
        InputError: none was given, and the head's does not ship.
    """
    if given is not None:
        return given
    sha256 = head.model["sha256"]
    shipped = shipped_model(sha256)
    if shipped is None:
        raise InputError(
            f"head {head.name!r} belongs to weights {sha256[:12]} of {head.model['model']}, which do not ship with "
            "this version; give that model with --model"
        )
    return str(shipped)


def encoder_of(head: Head, model: str) -> Encoder:
    """Load a head's model.

    Raises:
        InputError: there is no such model, or it has other weights than the one that the head was fitted on.
    """
    encoder, sha256 = load(model), head.model["sha256"]
    if (encoder.sha256, encoder.dim) != (sha256, head.dim):
        raise InputError(
            f"{model}: weights {encoder.sha256[:12]}, embeddings of {encoder.dim}; head {head.name!r} belongs to "
            f"weights {sha256[:12]} of {head.model['model']}, embeddings of {head.dim}"
        )
    return encoder
