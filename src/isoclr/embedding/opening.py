"""Whatever can embed: a trained encoder of ours, or a language model of other groups."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.models import load
from isoclr.models.encoder import Precision


@dataclass(frozen=True)
class OpenModel:
    """A model ready to embed.

    Attributes:
        name: of the model.
        sha256: of its weights.
        dim: size of an embedding.
        tracks: how many of the six tracks it reads.
        pooling: what an embedding is the mean of.
        embed_codes: ``embed_codes(codes, progress=…)`` gives ``(n, dim)`` float32, a row an RNA.
    """

    name: str
    sha256: str
    dim: int
    tracks: int
    pooling: str
    embed_codes: Callable[..., NDArray[np.float32]]


def open_model(
    model: str,
    *,
    revision: str | None,
    model_dir: Path | None,
    precision: Precision,
    device: torch.device,
    chunk_nt: int | None,
) -> OpenModel:
    """The model of this name on this device.

    Args:
        model: what :func:`isoclr.load` takes, or a name of ``isoclr models``.
        revision: of a model of the hub.
        model_dir: folder with the files of a language model.
        precision: of the computation.
        device: where to compute.
        chunk_nt: nucleotides computed at a time.

    Raises:
        InputError: no such model, or files that cannot be used.
        MissingExtraError: a language model needs an optional package.
    """
    if not _is_language_model(model, model_dir):
        return _encoder(model, revision, precision, device, chunk_nt)
    from isoclr.baselines.language_models import open_language_model

    opened = open_language_model(
        model, revision=revision, directory=model_dir, precision=precision, device=device
    )
    return OpenModel(
        opened.name,
        opened.sha256,
        opened.dim,
        opened.tracks,
        opened.pooling,
        partial(opened.embed_codes, chunk_nt=chunk_nt),
    )


def _is_language_model(model: str, model_dir: Path | None) -> bool:
    """Whether this names a model of other groups; a model of ours in a folder of that name comes first.

    Raises:
        InputError: their files are given for something else.
    """
    if model_dir is None and (model.startswith("isoclr-") or Path(model).exists()):
        return False
    from isoclr.baselines.language_models.catalogue import is_language_model

    if model_dir is not None and not is_language_model(model):
        raise InputError(
            f"--model-dir {model_dir}: --model {model} is no language model of `isoclr models`; a folder with a model "
            "of isoclr is given as --model"
        )
    return is_language_model(model)


def _encoder(
    model: str,
    revision: str | None,
    precision: Precision,
    device: torch.device,
    chunk_nt: int | None,
) -> OpenModel:
    encoder = load(model, revision=revision)
    encoder.network.to(device)
    return OpenModel(
        encoder.name,
        encoder.sha256,
        encoder.dim,
        encoder.tracks,
        encoder.network.architecture.pooling,
        partial(encoder.embed_codes, precision=precision, chunk_nt=chunk_nt),
    )
