"""The decoupled contrastive loss (Yeh et al. 2021), weighted by transcript count as IsoCLR does."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


def decoupled_contrastive_loss(
    z1: Float[Tensor, "n k"],
    z2: Float[Tensor, "n k"],
    weights: Float[Tensor, " n"] | None = None,
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """Pull the two views of a gene set together, push the views of different gene sets apart.

    With unit-length rows and ``s(a, b)[i, j] = a_i · b_j / τ``, one direction of the loss is::

        mean_i( −w_i s12[i,i]  +  logsumexp_{j≠i} s11[i,j]  +  logsumexp_{j≠i} s12[i,j] )

    and the loss is the mean of both directions. Unlike InfoNCE, the positive pair does not stand among the
    negatives ("decoupled"), so a gradient remains when a pair is already close. Computed in float32 whatever the
    precision of the projections (in float64 if they are).

    Args:
        z1: projections of the first views, ``(N, k)``; row i belongs to gene set i of the batch.
        z2: projections of the second views.
        weights: weight of each positive term (:func:`count_weights`); 1 when None.
        temperature: τ.

    Returns:
        A scalar. With one pair there are no negatives and the negative terms are 0.
    """
    with torch.autocast(z1.device.type, enabled=False):
        dtype = torch.promote_types(z1.dtype, torch.float32)
        z1, z2 = _unit(z1.to(dtype)), _unit(z2.to(dtype))
        positive = (z1 * z2).sum(1) / temperature
        if weights is not None:
            positive = weights.to(dtype) * positive
        negative = (_negatives(z1, z2, temperature) + _negatives(z2, z1, temperature)) / 2
        return (negative - positive).mean()


def _negatives(a: Tensor, b: Tensor, temperature: float) -> Float[Tensor, " n"]:
    """Over j ≠ i: the log-sum-exp of i's similarities to its own views' side, plus to the other side."""
    if len(a) == 1:
        return a.new_zeros(1)
    others = torch.eye(len(a), dtype=torch.bool, device=a.device)
    same, cross = (
        (a @ x.T / temperature).masked_fill(others, float("-inf")).logsumexp(1) for x in (a, b)
    )
    return same + cross


def _unit(z: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Rows at unit length; a zero row stays zero and has a finite gradient."""
    return z * torch.rsqrt((z * z).sum(1, keepdim=True) + 1e-12)


def count_weights(counts: ArrayLike, offset: float = 0.4) -> NDArray[np.float32]:
    """How much each gene set's positive pair counts: more for those with many transcripts.

    ``w = ln(n + c) / R`` with R the mean of ``ln(n + c)`` over the gene sets given, so the mean weight is 1.
    A gene set of one transcript, whose two views differ only by masking, still counts a little.

    Args:
        counts: transcripts in each gene set of the corpus.
        offset: c, 0.4 in IsoCLR; above 0, or a set of one transcript would not count at all.

    >>> [round(float(w), 3) for w in count_weights([1, 1, 4])]
    [0.469, 0.469, 2.063]
    """
    logs = np.log(np.asarray(counts, np.float64) + offset)
    weights: NDArray[np.float32] = (logs / logs.mean()).astype(np.float32)
    return weights


MOST = 4.0
"""Standard deviations from the mean beyond which a target is cut off: short RNAs have extreme shares."""


def auxiliary_loss(
    predicted: Float[Tensor, "n f"],
    composition: Float[Tensor, "n f"],
    mean: Float[Tensor, " f"],
    scale: Float[Tensor, " f"],
    weights: Float[Tensor, " f"],
) -> Float[Tensor, "n 1"]:
    """Weighted mean squared error of each RNA in units of the features' variance; who knows nothing has about 1.

    Args:
        predicted: standardised features, read off the embedding of a masked view.
        composition: the features of the whole RNA (:func:`isoclr.pretraining.auxiliary`).
        mean: of each feature over RNAs.
        scale: standard deviation of each feature, or 0 for one that does not vary, which does not count.
        weights: how much each feature counts.
    """
    with torch.autocast(predicted.device.type, enabled=False):
        weights = (weights * (scale > 0)).to(predicted.dtype)
        wanted = (composition - mean) / torch.where(scale > 0, scale, 1)
        wanted = wanted.clamp(-MOST, MOST).to(predicted.dtype)
        errors = (predicted - wanted).square() @ weights[:, None]
        return errors / weights.sum().clamp(min=1e-12)


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
