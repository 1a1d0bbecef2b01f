"""Finding a trained model by path, by name, or on the hub."""

import re
from pathlib import Path

from isoclr.errors import InputError
from isoclr.models.encoder import MODELS, Encoder, read

PRETRAINED_DIR = Path(__file__).parents[1] / "weights"
"""Where the models that ship with this package lie: one directory a version, such as ``isoclr-s.v1``."""


def load(model: Path | str, *, revision: str | None = None, endpoint: str | None = None) -> Encoder:
    """A trained encoder, ready to embed.

    Args:
        model: a directory that :meth:`Encoder.save` or ``isoclr pretrain`` wrote; or the name of a model that ships
            with this package (``isoclr-s`` is its newest version, ``isoclr-s.v1`` that one); or a model of the Hugging
            Face hub, ``user/name`` with a revision, also written ``user/name@revision``.
        revision: which state of a model of the hub: a commit (40 hex digits; the same weights for ever, and fetched
            only once), a tag or a branch.
        endpoint: address of the hub; by default ``HF_ENDPOINT``, or the public one. A saved login or ``HF_TOKEN`` is
            sent only to that default. Only a model of the hub ever touches the network.

    Raises:
        InputError: there is no such model, or its files cannot be used.

    >>> import isoclr, tempfile
    >>> folder = tempfile.mkdtemp() + "/model"
    >>> _ = isoclr.create("isoclr-s", seed=0).save(folder)
    >>> isoclr.load(folder)
    Encoder('isoclr-s', tracks=6, dim=256, parameters=787,264)
    """
    name = str(model)
    directory = Path(model) if Path(model).exists() else _shipped(name)
    if directory is None:
        return _from_hub(name, revision, endpoint)
    if revision is not None:
        raise InputError(
            f"{name}: is on this machine and has no revision {revision!r}; "
            f"a model of the hub is user/name@revision"
        )
    return _open(directory)


def _open(directory: Path) -> Encoder:
    network, settings = read(directory)
    return Encoder(network, name=settings["name"], tracks=settings["tracks"])


def _shipped(name: str) -> Path | None:
    """The directory of a version that ships, or of the newest one of a model."""
    if not PRETRAINED_DIR.is_dir():
        return None
    versions = {}
    for directory in PRETRAINED_DIR.iterdir():
        if directory.name == name and directory.is_dir():
            return directory
        if found := re.fullmatch(re.escape(name) + r"\.v(\d+)", directory.name):
            versions[int(found[1])] = directory
    return versions[max(versions)] if versions else None


def _from_hub(name: str, revision: str | None, endpoint: str | None) -> Encoder:
    """A revision of a model of the hub; a name without one may be a mistyped path, and nobody is asked."""
    if "@" not in name and revision is None:
        raise InputError(_unknown(name))
    from isoclr.models.hub import fetch, parse

    address = parse(name, revision)

    directory = fetch(address, endpoint=endpoint)
    try:
        return _open(directory)
    except InputError as error:
        raise InputError(f"{address}: {error}") from None


def _unknown(name: str) -> str:
    """What is wrong with a name that is neither a directory nor a model that ships."""
    if name in MODELS:
        return (
            f"{name}: no trained weights ship with this version; train some with `isoclr pretrain`, "
            f"or use isoclr.create({name!r}) for an untrained encoder"
        )
    from isoclr.models.hub import how_to_name, is_repo

    hint = f"; {how_to_name(name)}" if is_repo(name) else ""
    return f"{name}: no such directory, and no model of that name ships with isoclr{hint}"
