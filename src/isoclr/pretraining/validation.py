"""How well the encoder does on gene sets it never trains on: loss, retrieval, alignment and uniformity."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.losses import decoupled_contrastive_loss
from isoclr.views import Stream, generator

MOST_PAIRS = 1024
"""Retrieval gets harder with every candidate; this many are enough to measure it."""


def hold_out(counts: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Gene sets to keep out of training: a random share of those with a true pair of transcripts.

    Args:
        counts: ``(g,)`` transcripts of each gene set.
        share: share of the gene sets with at least two transcripts.
        seed: the run's seed.

    Returns:
        Their numbers, sorted; at most :data:`MOST_PAIRS`, and none when the share is less than two gene sets
        (nothing can be retrieved among one).
    """
    paired = np.flatnonzero(counts >= 2)
    size = min(MOST_PAIRS, round(share * len(paired)))
    if size < 2:
        return np.empty(0, np.int64)
    return np.sort(generator(seed, Stream.HELD_OUT).choice(paired, size, replace=False))


def measure(z1: Tensor, z2: Tensor, weights: Tensor, temperature: float) -> dict[str, float]:
    """What the projections of held-out pairs say.

    Args:
        z1: (N, k) float32, first views.
        z2: (N, k) float32, second views.
        weights: (N,) of the gene sets.
        temperature: of the loss.

    Returns:
        ``loss``; ``retrieval``: how often the nearest of the N other views is the partner, from either side;
        ``alignment``: mean squared distance of partners on the unit sphere (0 is best); ``uniformity``: log of
        the mean of exp(−2 d²) over all pairs of one side (lower is better; Wang and Isola 2020); ``pairs``: N.
    """
    loss = decoupled_contrastive_loss(z1, z2, weights, temperature=temperature)
    u1 = torch.nn.functional.normalize(z1.float(), dim=1)
    u2 = torch.nn.functional.normalize(z2.float(), dim=1)
    similarity = u1 @ u2.T  # (N, N)
    partner = torch.arange(len(u1), device=u1.device)
    hits = [(similarity.argmax(dim) == partner).float().mean() for dim in (0, 1)]
    return {
        "loss": float(loss),
        "retrieval": float(torch.stack(hits).mean()),
        "alignment": float((u1 - u2).square().sum(1).mean()),
        "uniformity": float((_uniformity(u1) + _uniformity(u2)) / 2),
        "pairs": float(len(u1)),
    }


def _uniformity(u: Tensor) -> Tensor:
    distance = torch.pdist(u)  # (N (N − 1) / 2,)
    return distance.square().mul(-2).exp().mean().log()
