"""Loading a trained model: from a directory, by the name of a bundled model, or from the Hugging Face hub."""

import re
from pathlib import Path

from isoclr.errors import InputError
from isoclr.models.encoder import MODELS, Encoder, read_model

PRETRAINED_DIR = Path(__file__).parents[1] / "weights"
"""Bundled models: one directory per version, such as ``isoclr-s.v1``."""


def load(
    model: Path | str | Encoder, *, revision: str | None = None, endpoint: str | None = None
) -> Encoder:
    """A trained encoder, ready to embed.

    Args:
        model: Directory that :meth:`Encoder.save` or ``isoclr pretrain`` wrote; or a bundled model (``isoclr-s`` is its
            newest version, ``isoclr-s.v1`` that one); or a model of the Hugging Face hub, ``user/name`` with a
            revision, also written ``user/name@revision``. An encoder is returned as it is.
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
    if isinstance(model, Encoder):
        return model
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
