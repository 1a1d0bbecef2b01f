"""Models on disk: ``config.json`` and ``model.safetensors`` in a directory. No pickle is read or written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch.overrides import TorchFunctionMode

from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.files import atomic_path, sha256
from isoclr.models.resnet import Architecture, DilatedResNet, Pooling

if TYPE_CHECKING:
    from isoclr.models.encoder import Encoder

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SCHEMA = 1
_EXPECTED = f"a model is a directory with {CONFIG} and {WEIGHTS}"
_LARGEST = {"filters": 65_536, "blocks": 1_000, "dilations": 65_536}
"""No network is larger; a damaged config must not fill the memory."""


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


class Unfilled(TorchFunctionMode):
    """A network made inside gets no random weights: they would be replaced at once.

    Drawing them on the meta device would also make torch import its compiler, which takes longer than all the rest.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0]
        return func(*args, **(kwargs or {}))


def read(directory: Path) -> tuple[DilatedResNet, dict[str, Any]]:
    """The network and the config of a saved model.

    Raises:
        InputError: a file is missing, is not what it should be, or does not fit the other.
    """
    settings = read_config(directory / CONFIG)
    architecture = _architecture(directory / CONFIG, settings)
    path = directory / WEIGHTS
    try:
        state = load_file(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: not found; {_EXPECTED}") from error
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from error
    if sha256(path) != settings.get("sha256"):
        raise InputError(f"{path}: not the weights that {CONFIG} names (SHA-256 differs)")
    with torch.device("meta"), Unfilled():
        network = DilatedResNet(architecture, tracks=settings["tracks"])
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path}: does not fit {CONFIG}: {reason}") from error
    network.stem.fill_tracks(settings["tracks"])
    return network.requires_grad_(True).eval(), settings


def read_config(path: Path) -> dict[str, Any]:
    """A model's config, in a schema that is known.

    Raises:
        InputError: the file is missing or says something else.
    """
    try:
        settings = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: not found; {_EXPECTED}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a model's config ({error})") from error
    if not isinstance(settings, dict) or settings.get("format") != "isoclr-model":
        raise InputError(f"{path}: not a model's config (no format: isoclr-model)")
    if settings.get("schema") not in range(1, SCHEMA + 1):
        raise InputError(
            f"{path}: schema is {settings.get('schema')!r}, this isoclr reads 1 to {SCHEMA}"
        )
    return settings


def _architecture(path: Path, settings: dict[str, Any]) -> Architecture:
    """The network's shape; every setting is checked, because a network is made of it before the weights can object."""
    shape = settings.get("architecture")
    found = shape if isinstance(shape, dict) else {}
    checks = {
        "name": isinstance(settings.get("name"), str),
        "tracks": settings.get("tracks") in (4, 5, 6),
        **{key: _four_sizes(found.get(key), most) for key, most in _LARGEST.items()},
        "growing": isinstance(found.get("growing"), bool),
        "pooling": found.get("pooling", "last") in get_args(Pooling),
    }
    for key, good in checks.items():
        if not good:
            value = settings.get(key, found.get(key))
            raise InputError(f"{path}: {key} is {value!r}, expected what `isoclr pretrain` wrote")
    filters, blocks, dilations = (tuple(found[key]) for key in _LARGEST)
    return Architecture(filters, blocks, dilations, found["growing"], found.get("pooling", "last"))


def _four_sizes(value: Any, most: int) -> bool:
    """Whether this is one size a stage, each of them possible."""
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(type(size) is int and 0 < size <= most for size in value)
    )
