"""The decoupled contrastive loss with count weights, the auxiliary loss, and metrics of projections."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

CLIP_STD = 4.0
"""Auxiliary targets are clipped to this many standard deviations: short RNAs have extreme frequencies."""


def decoupled_contrastive_loss(
    z1: Float[Tensor, "n k"],
    z2: Float[Tensor, "n k"],
    weights: Float[Tensor, " n"] | None = None,
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """Decoupled contrastive loss (Yeh et al. 2022), with the positive weights of Fradkin et al. 2023.

    With rows of unit length and similarities ``s_ab[i, j] = a_i · b_j / τ``, the loss of one direction is::

        L(1→2) = 1/N Σ_i ( −w_i s_12[i, i]  +  log Σ_{j≠i} exp s_11[i, j]  +  log Σ_{j≠i} exp s_12[i, j] )

    and the loss is the mean of ``L(1→2)`` and ``L(2→1)``. Unlike InfoNCE, the positive pair is not among the negatives
    ("decoupled"), so that the gradient does not vanish when a pair is already close. It is computed in float32 whatever
    the precision of the projections (in float64 if they are).

    Args:
        z1: ``(N, k)`` projections of the first views; row i belongs to gene set i of the batch.
        z2: ``(N, k)`` projections of the second views.
        weights: ``(N,)`` weight w of each positive pair (:func:`count_weights`); None: 1.

    Returns:
        A scalar. With one pair there are no negatives, and their terms are 0.
    """
    with torch.autocast(z1.device.type, enabled=False):
        dtype = torch.promote_types(z1.dtype, torch.float32)
        z1, z2 = _unit_length(z1.to(dtype)), _unit_length(z2.to(dtype))
        positive = (z1 * z2).sum(1) / temperature
        if weights is not None:
            positive = weights.to(dtype) * positive
        negative = (_negatives(z1, z2, temperature) + _negatives(z2, z1, temperature)) / 2
        return (negative - positive).mean()


def _negatives(a: Tensor, b: Tensor, temperature: float) -> Float[Tensor, " n"]:
    """``log Σ_{j≠i} exp s_aa[i, j] + log Σ_{j≠i} exp s_ab[i, j]`` for every row i."""
    if len(a) == 1:
        return a.new_zeros(1)
    diagonal = torch.eye(len(a), dtype=torch.bool, device=a.device)
    same, cross = ((a @ x.T / temperature).masked_fill(diagonal, float("-inf")).logsumexp(1) for x in (a, b))
    return same + cross


def _unit_length(z: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Rows at unit length; a zero row stays zero and has a finite gradient."""
    return z * torch.rsqrt((z * z).sum(1, keepdim=True) + 1e-12)


class DCLLoss(nn.Module):
    """:func:`decoupled_contrastive_loss` as a module, for other training loops.

    Args:
        temperature: Temperature τ.

    >>> loss = DCLLoss(temperature=0.1)
    >>> z1, z2 = torch.eye(3), torch.eye(3)  # projections of three pairs
    >>> round(float(loss(z1, z2)), 3)  # 2 ln 2 − 1 / τ
    -8.614
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(
        self, z1: Float[Tensor, "n k"], z2: Float[Tensor, "n k"], weights: Float[Tensor, " n"] | None = None
    ) -> Float[Tensor, ""]:
        """The loss of the projections of N pairs."""
        return decoupled_contrastive_loss(z1, z2, weights, self.temperature)


def count_weights(counts: ArrayLike, offset: float = 0.4, *, among: ArrayLike | None = None) -> NDArray[np.float32]:
    """Weight of each gene set's positive pair: higher for gene sets with many transcripts.

    ``w = ln(n + c) / R``, where R is the mean of ``ln(n + c)`` over all gene sets, so that the mean weight is 1. A gene
    set with one transcript, whose two views differ only by augmentation, has a small weight.

    Args:
        counts: ``(g,)`` number of transcripts n of each gene set.
        offset: Offset c, above 0 or a gene set with one transcript would have no weight.
        among: Number of transcripts of each gene set that R is the mean of; None: ``counts``.

    >>> [round(float(w), 3) for w in count_weights([1, 1, 4])]
    [0.469, 0.469, 2.063]
    """
    logs, all_logs = (np.log(np.asarray(n, np.float64) + offset) for n in (counts, counts if among is None else among))
    weights: NDArray[np.float32] = (logs / all_logs.mean()).astype(np.float32)
    return weights


def auxiliary_loss(
    predicted: Float[Tensor, "n f"],
    features: Float[Tensor, "n f"],
    mean: Float[Tensor, " f"],
    std: Float[Tensor, " f"],
    weights: Float[Tensor, " f"],
) -> Float[Tensor, "n 1"]:
    """Weighted mean squared error of each RNA's standardized features; a constant prediction scores about 1.

    Args:
        predicted: ``(n, f)`` standardized features predicted from the embedding of a masked view.
        features: ``(n, f)`` features of the whole RNA (:func:`isoclr.pretraining.auxiliary.sequence_features`).
        mean: ``(f,)`` mean of each feature over RNAs.
        std: ``(f,)`` standard deviation of each feature; a feature with 0 is ignored.
        weights: ``(f,)`` weight of each feature.
    """
    with torch.autocast(predicted.device.type, enabled=False):
        weights = (weights * (std > 0)).to(predicted.dtype)
        targets = (features - mean) / torch.where(std > 0, std, 1)
        targets = targets.clamp(-CLIP_STD, CLIP_STD).to(predicted.dtype)
        errors = (predicted - targets).square() @ weights[:, None]
        return errors / weights.sum().clamp(min=1e-12)


def contrastive_metrics(
    z1: Float[Tensor, "n k"], z2: Float[Tensor, "n k"], weights: Tensor, temperature: float
) -> dict[str, float]:
    """Metrics of the projections of the two views of N validation pairs.

    Returns:
        ``loss``; ``retrieval``, the fraction of views whose nearest neighbor among the N other views is the partner;
        ``alignment``; ``uniformity``; and ``pairs``, N.
    """
    loss = decoupled_contrastive_loss(z1, z2, weights, temperature=temperature)
    u1, u2 = normalize(z1.float(), dim=1), normalize(z2.float(), dim=1)
    similarity = u1 @ u2.T
    partner = torch.arange(len(u1), device=u1.device)
    hits = [(similarity.argmax(dim) == partner).float().mean() for dim in (0, 1)]
    return {
        "loss": float(loss),
        "retrieval": float(torch.stack(hits).mean()),
        "alignment": float(alignment(u1, u2)),
        "uniformity": float((uniformity(u1) + uniformity(u2)) / 2),
        "pairs": float(len(u1)),
    }


def alignment(u1: Float[Tensor, "n k"], u2: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
    """Mean squared distance of partners on the unit sphere; 0 is best (Wang and Isola 2020)."""
    return (u1 - u2).square().sum(1).mean()


def uniformity(u: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
    """``log mean exp(−2 d²)`` over all pairs on the unit sphere; lower is better (Wang and Isola 2020)."""
    distances = torch.pdist(u)  # (N (N − 1) / 2,)
    return distances.square().mul(-2).exp().mean().log()
