"""The encoders by name; a new one is one entry."""

from dataclasses import replace
from typing import get_args

import torch

from isoclr.errors import InputError
from isoclr.models.encoder import Encoder
from isoclr.models.resnet import Architecture, DilatedResNet, Pooling

MODELS = {
    "isoclr-s": Architecture((64, 128, 128, 256), (2, 2, 2, 2), (1, 2, 4, 8)),
    "isoclr-m": Architecture((64, 128, 256, 512), (3, 4, 6, 3), (1, 2, 4, 8)),
    "isoclr-l": Architecture((128, 256, 512, 1024), (3, 4, 6, 3), (1, 4, 16, 64), growing=True),
}


def create(
    name: str,
    *,
    tracks: int = 6,
    seed: int | None = None,
    dropout: float = 0.1,
    pooling: Pooling = "last",
) -> Encoder:
    """An untrained encoder.

    Args:
        name: ``isoclr-s``, ``isoclr-m`` or ``isoclr-l``.
        tracks: 6 (sequence, codon starts, exon ends), 5 (sequence, codon starts) or 4 (sequence).
        seed: of the random weights; None draws them from torch's generator.
        dropout: probability inside the residual blocks while training.
        pooling: ``last``: an embedding is the mean of the last block's activations; ``all``: those of all blocks, one
            after the other.

    Raises:
        InputError: no such model or number of tracks.

    >>> create("isoclr-s", seed=0).num_parameters
    787264
    """
    if name not in MODELS:
        raise InputError(f"{name!r} is not a model; the models are {', '.join(MODELS)}")
    if tracks not in (4, 5, 6):
        raise InputError(f"a model has 4, 5 or 6 tracks, not {tracks}")
    if not 0 <= dropout <= 0.99:
        raise InputError(f"dropout is {dropout:g}, expected 0 to 0.99")
    if pooling not in get_args(Pooling):
        raise InputError(f"pooling is {pooling!r}, expected one of {', '.join(get_args(Pooling))}")
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        architecture = replace(MODELS[name], pooling=pooling)
        network = DilatedResNet(architecture, tracks=tracks, dropout=dropout)
    return Encoder(network.eval(), name=name, tracks=tracks)
