"""The head and the model that a user asks for: as given, or as they ship."""

import json
import re
from pathlib import Path
from typing import Any

from isoclr.errors import InputError
from isoclr.models import load as pretrained
from isoclr.models.encoder import Encoder
from isoclr.probing.head import Head, load_head, read_metadata

HEADS = "heads"


def shipped_models() -> list[Path]:
    """Directories of the models that ship with this package, by name, the newest version of each first."""
    found = [path.parent for path in pretrained.PRETRAINED_DIR.glob("*/config.json")]
    return sorted(found, key=lambda path: (path.name.partition(".")[0], -_version(path)))


def shipped_model(sha256: str) -> Path | None:
    """The shipped model whose weights have this SHA-256; None when there is none."""
    for directory in shipped_models():
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        if config.get("sha256") == sha256:
            return directory
    return None


def shipped_heads() -> list[Path]:
    """Directories of all heads that ship, model by model; each is named ``TASK-SPECIES``."""
    return [
        path.parent
        for model in shipped_models()
        for path in sorted(model.glob(f"{HEADS}/*/head.json"))
    ]


def find_head(task: str, species: str, model: str | None = None) -> Path:
    """The shipped head for a task and a species.

    Args:
        task: such as half-life.
        species: such as human.
        model: a shipped model's name, with or without its version; None takes the model whose head did best on
            held-out folds.

    Raises:
        InputError: no such head ships; the message lists those that do.
    """
    heads = [head for head in shipped_heads() if model is None or _is_of(head, model)]
    fitting = [head for head in heads if head.name == f"{task}-{species}"]
    if not fitting:
        raise InputError(_none_fits(task, species, model, heads))
    if model is not None:
        return fitting[0]
    return max(fitting, key=lambda head: _quality(read_metadata(head)))


def _none_fits(task: str, species: str, model: str | None, heads: list[Path]) -> str:
    of_model = "" if model is None else f" of {model}"
    wanted = f"--task {task} --species {species or '(none)'}"
    if not heads:
        return f"{wanted}: no head{of_model} ships with this version; make one with `isoclr fit` and give --head"
    known = ", ".join(sorted({_spoken(head.name) for head in heads}))
    return f"{wanted}: no such head{of_model} ships; there are {known}"


def _spoken(name: str) -> str:
    task, _, species = name.rpartition("-")
    return f"--task {task} --species {species}"


def _is_of(head: Path, model: str) -> bool:
    directory = head.parent.parent.name
    return directory == model or directory.partition(".")[0] == model


def _quality(facts: dict[str, Any]) -> float:
    """The main metric of the first label, on held-out folds."""
    metrics = facts["targets"][0]["held_out"]["metrics"]
    return float(next(iter(metrics.values()))["mean"])


def _version(directory: Path) -> int:
    found = re.search(r"\.v(\d+)$", directory.name)
    return int(found[1]) if found else 0


def resolve_head(
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
    encoder, sha256 = pretrained.load(model), head.model["sha256"]
    if (encoder.sha256, encoder.dim) != (sha256, head.dim):
        raise InputError(
            f"{model}: weights {encoder.sha256[:12]}, embeddings of {encoder.dim}; head {head.name!r} belongs to "
            f"weights {sha256[:12]} of {head.model['model']}, embeddings of {head.dim}"
        )
    return encoder
