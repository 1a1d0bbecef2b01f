"""Loading a trained model: from a directory, by the name of a bundled model, or from the Hugging Face hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isoclr._config import read_json
from isoclr.errors import InputError
from isoclr.models.encoder import MODELS, Encoder, read_model

PRETRAINED_DIR = Path(__file__).parents[1] / "weights"
"""Bundled models: one directory per version, such as ``isoclr-s.v1``."""


def load(model: Path | str | Encoder, *, revision: str | None = None, endpoint: str | None = None) -> Encoder:
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
            f"{name}: is on this machine and has no revision {revision!r}; a model of the hub is user/name@revision"
        )
    return read_model(directory)


def bundled_models() -> list[Path]:
    """Directories of the bundled models, by name, the newest version of each first."""
    models = [path.parent for path in PRETRAINED_DIR.glob("*/config.json")]
    return sorted(models, key=_name_and_order)


def _name_and_order(directory: Path) -> tuple[str, int]:
    """The name without the version, and a number that is lower for newer versions."""
    name, _, version = directory.name.rpartition(".v")
    return (name, -int(version)) if version.isdecimal() else (directory.name, 0)


def bundled_model(sha256: str) -> Path | None:
    """The bundled model whose weights have this SHA-256; None if there is none."""
    configs = ((one, read_json(one / "config.json", dict[str, Any])) for one in bundled_models())
    return next((directory for directory, config in configs if config.get("sha256") == sha256), None)


def name_weights(meta: Mapping[str, str]) -> str:
    """The name of a model, from the metadata of its embeddings; only bundled weights get a bundled model's name.

    >>> name_weights({"model": "isoclr-s", "sha256": "0" * 64})
    'isoclr-s with weights of your own'
    """
    bundled = bundled_model(meta["sha256"])
    if bundled is not None:
        return bundled.name
    return meta["model"] + " with weights of your own" * (meta["model"] in MODELS)


def describe_weights(meta: Mapping[str, str], dim: int) -> str:
    """A model in words for messages, from the metadata of its embeddings and their size.

    >>> describe_weights({"model": "isoclr-s", "sha256": "0" * 64, "pooling": "last"}, 256)
    'isoclr-s with weights of your own 000000000000 (pooling last, 256 values)'
    """
    return f"{name_weights(meta)} {meta['sha256'][:12]} (pooling {meta['pooling']}, {dim:,} values)"


def _bundled(name: str) -> Path | None:
    """The directory of a bundled version, or of the newest version of a model."""
    return next((one for one in bundled_models() if name in (one.name, _name_and_order(one)[0])), None)


def _load_from_hub(name: str, revision: str | None, endpoint: str | None) -> Encoder:
    """A name without a revision may be a mistyped path: no request is sent for it."""
    from isoclr.models.hub import NEEDS_REVISION, Address, fetch_model, is_repo

    if "@" not in name and revision is None:
        if name in MODELS:
            raise InputError(
                f"{name}: no trained weights ship with this version; train some with `isoclr pretrain`, "
                f"or use isoclr.create({name!r}) for an untrained encoder"
            )
        hint = f"; {NEEDS_REVISION.format(name)}" if is_repo(name) else "; isoclr models lists those that ship"
        raise InputError(f"{name}: no such directory or bundled model{hint}")
    address = Address.parse(name, revision)
    directory = fetch_model(address, endpoint=endpoint)
    try:
        return read_model(directory)
    except InputError as error:
        raise InputError(f"{address}: {error}") from None
