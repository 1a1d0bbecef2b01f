"""Models on disk: ``config.json`` and ``model.safetensors`` in a directory. No pickle is read or written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise

from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.files import atomic_path, sha256
from isoclr.models.resnet import Architecture, DilatedResNet

if TYPE_CHECKING:
    from isoclr.models.encoder import Encoder

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SCHEMA = 1


def save(encoder: Encoder, directory: Path) -> Path:
    """Write a model's two files; the config comes last, and without it nothing opens.

    Other files in the directory, such as a training run's checkpoint, are left as they are.
    """
    if directory.is_file():
        raise InputError(f"{directory}: is a file, expected the name of a directory")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CONFIG).unlink(missing_ok=True)
    with atomic_path(directory / WEIGHTS) as partial:
        partial.write_bytes(_serialised(encoder))
    with atomic_path(directory / CONFIG) as partial:
        partial.write_text(json.dumps(config(encoder), indent=2) + "\n")
    return directory


def config(encoder: Encoder) -> dict[str, Any]:
    """What ``config.json`` holds: enough to make the network again without the registry."""
    return {
        "format": "isoclr-model",
        "schema": SCHEMA,
        "isoclr": __version__,
        "name": encoder.name,
        "tracks": encoder.tracks,
        "architecture": asdict(encoder.network.architecture),
        "sha256": encoder.sha256,
    }


def digest(encoder: Encoder) -> str:
    """SHA-256 of the weights file."""
    return hashlib.sha256(_serialised(encoder)).hexdigest()


def _serialised(encoder: Encoder) -> bytes:
    state = {k: v.detach().cpu().contiguous() for k, v in encoder.network.state_dict().items()}
    return serialise(state)


def read(directory: Path) -> tuple[DilatedResNet, dict[str, Any]]:
    """The network and the config of a saved model.

    Raises:
        InputError: a file is missing, is not what it should be, or does not fit the other.
    """
    settings = _read_config(directory / CONFIG)
    path = directory / WEIGHTS
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from error
    if sha256(path) != settings.get("sha256"):
        raise InputError(f"{path}: not the weights that {CONFIG} names (SHA-256 differs)")
    shape = settings["architecture"]
    architecture = Architecture(
        tuple(shape["filters"]), tuple(shape["blocks"]), tuple(shape["dilations"]), shape["growing"]
    )
    with torch.device("meta"):
        network = DilatedResNet(architecture, tracks=settings["tracks"])
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path}: does not fit {CONFIG}: {reason}") from error
    network.stem.fill_tracks(settings["tracks"])
    return network.requires_grad_(True).eval(), settings


def _read_config(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: not found; a model is a directory with {CONFIG} and {WEIGHTS}"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a model's config ({error})") from error
    if not isinstance(settings, dict) or settings.get("format") != "isoclr-model":
        raise InputError(f"{path}: not a model's config (no format: isoclr-model)")
    if settings.get("schema", 0) > SCHEMA:
        raise InputError(f"{path}: schema {settings['schema']}, this isoclr reads up to {SCHEMA}")
    return settings
