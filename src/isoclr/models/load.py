"""Loading a trained model: from a directory, by the name of a bundled model, or from the Hugging Face hub."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from isoclr._config import read_json
from isoclr._tensors import read_tensors
from isoclr.errors import InputError
from isoclr.models.encoder import CONFIG, MODELS, WEIGHTS, Encoder, ModelConfig
from isoclr.models.resnet import DilatedResNet

PRETRAINED_DIR = Path(__file__).parents[1] / "weights"
"""Bundled models: one directory per version, such as ``isoclr-s.v1``."""


def load(model: Path | str, *, revision: str | None = None, endpoint: str | None = None) -> Encoder:
    """A trained encoder, ready to embed.

    Args:
        model: Directory that :meth:`Encoder.save` or ``isoclr pretrain`` wrote; or a bundled model (``isoclr-s`` is its
            newest version, ``isoclr-s.v1`` that one); or a model of the Hugging Face hub, ``user/name`` with a
            revision, also written ``user/name@revision``.
        revision: Revision of a model of the hub: a commit (40 hex digits; always the same weights, downloaded once), a
            tag or a branch.
        endpoint: Address of the hub; by default ``HF_ENDPOINT``, or the public hub. A saved login or ``HF_TOKEN`` is
            sent only to that default. Only models of the hub use the network.

    Raises:
        InputError: There is no such model, or its files cannot be used.

    >>> import isoclr, tempfile
    >>> folder = tempfile.mkdtemp() + "/model"
    >>> _ = isoclr.create("isoclr-s", seed=0).save(folder)
    >>> isoclr.load(folder)
    Encoder('isoclr-s', tracks=6, dim=256, parameters=787,264)
    """
    name = str(model)
    directory = Path(model) if Path(model).exists() else _bundled(name)
    if directory is None:
        return _load_from_hub(name, revision, endpoint)
    if revision is not None:
        raise InputError(
            f"{name}: is on this machine and has no revision {revision!r}; "
            "a model of the hub is user/name@revision"
        )
    return read_model(directory)


class SkipInit(TorchFunctionMode):
    """Networks built inside get no random weights, because a file's weights replace them.

    Random initialization on the meta device would import torch's compiler, which takes longer than all the rest.
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


def read_config(path: Path) -> ModelConfig:
    """Content of a model's ``config.json``.

    Raises:
        InputError: The file is missing or describes no model.
    """
    return read_json(path, ModelConfig, what=f"a model: a directory with {CONFIG} and {WEIGHTS}")


def read_model(directory: Path) -> Encoder:
    """The encoder that :meth:`Encoder.save` wrote.

    Raises:
        InputError: A file is missing or damaged, or config and weights do not belong together.
    """
    config = read_config(directory / CONFIG)
    path = directory / WEIGHTS
    tensors = read_tensors(path, config.sha256)
    for name, tensor in tensors.items():
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise InputError(f"{path}: tensor {name!r} holds a negative variance")
    with torch.device("meta"), SkipInit():
        network = DilatedResNet(config.architecture, tracks=config.tracks)
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path}: does not fit {CONFIG}: {reason}") from error
    network.stem.fill_tracks(config.tracks)
    network.requires_grad_(True).eval()
    return Encoder(network, name=config.name, tracks=config.tracks)


def _bundled(name: str) -> Path | None:
    """The directory of a bundled version, or of the newest version of a model."""
    if not PRETRAINED_DIR.is_dir():
        return None
    versions = {}
    for directory in PRETRAINED_DIR.iterdir():
        if directory.name == name and directory.is_dir():
            return directory
        if match := re.fullmatch(re.escape(name) + r"\.v(\d+)", directory.name):
            versions[int(match[1])] = directory
    return versions[max(versions)] if versions else None


def _load_from_hub(name: str, revision: str | None, endpoint: str | None) -> Encoder:
    """A name without a revision may be a mistyped path: no request is sent for it."""
    from isoclr.models.hub import NEEDS_REVISION, Address, fetch_model, is_repo

    if "@" not in name and revision is None:
        if name in MODELS:
            raise InputError(
                f"{name}: no trained weights ship with this version; train some with `isoclr pretrain`, "
                f"or use isoclr.create({name!r}) for an untrained encoder"
            )
        hint = f"; {NEEDS_REVISION.format(name)}" if is_repo(name) else ""
        raise InputError(f"{name}: no such directory or bundled model{hint}")
    address = Address.parse(name, revision)
    directory = fetch_model(address, endpoint=endpoint)
    try:
        return read_model(directory)
    except InputError as error:
        raise InputError(f"{address}: {error}") from None
