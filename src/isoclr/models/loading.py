"""Finding a trained model by path or name."""

from importlib import resources
from pathlib import Path

from isoclr.errors import InputError
from isoclr.models import weights
from isoclr.models.encoder import Encoder
from isoclr.models.registry import MODELS


def load(model: Path | str) -> Encoder:
    """A trained encoder, from a directory that :meth:`Encoder.save` or ``isoclr pretrain`` wrote.

    Args:
        model: the directory, or the name of a model whose weights ship with this package.

    Raises:
        InputError: there is no such model, or its files cannot be used.

    >>> import isoclr, tempfile
    >>> folder = tempfile.mkdtemp() + "/model"
    >>> _ = isoclr.create("isoclr-s", seed=0).save(folder)
    >>> isoclr.load(folder)
    Encoder('isoclr-s', tracks=6, dim=256, parameters=787,264)
    """
    directory = Path(model)
    if not directory.exists():
        directory = _shipped(str(model))
    network, settings = weights.read(directory)
    return Encoder(network, name=settings["name"], tracks=settings["tracks"])


def _shipped(name: str) -> Path:
    directory = Path(str(resources.files("isoclr"))) / "weights" / name
    if directory.is_dir():
        return directory
    if name in MODELS:
        raise InputError(
            f"{name}: no trained weights ship with this version; train some with `isoclr pretrain`, "
            f"or use isoclr.create({name!r}) for an untrained encoder"
        )
    raise InputError(f"{name}: no such directory, and no model of that name ships with isoclr")
