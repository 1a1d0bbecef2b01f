"""Detection of RNAs unlike the training RNAs of a head, by the Mahalanobis distance of their embeddings."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoclr.probing.linear import Array, Features, decompose, standardize

AXES = 64
"""Number of principal axes; a full covariance would be larger than the rest of the head and hardly better."""
QUANTILE = 0.999  # Fraction of RNAs like the training ones within the limit

MARGIN = 10.0
"""Tolerated distance from the training range of a dead feature, in standard deviations of a typical feature."""


@dataclass(frozen=True)
class OODDetector:
    """Distribution of training embeddings, as probabilistic principal components.

    Distances along the first axes are in standard deviations along each; the remainder of an embedding is in the
    average standard deviation of the remaining directions.
    """

    mean: Array  # (d,)
    scale: Array  # (d,) 1 / standard deviation; 0 for a dead feature
    axes: NDArray[np.floating]
    """``(d, r)`` principal axes of the standardized features, divided by the standard deviation along them."""
    spread: Array  # (r,) that standard deviation
    rest: float  # Standard deviation along each other direction, 0 if there is none
    limit: float
    """Distance within which 99.9 % of the training RNAs lie when they are left out of the fit."""
    low: Array  # (d,) lower bound of a dead feature; −∞ for the others
    high: Array  # (d,) upper bound of a dead feature; ∞ for the others

    def distance(self, features: Features) -> Array:
        """Mahalanobis distance ``(n,)`` of embeddings ``(n, d)`` from the mean of the training RNAs."""
        standard = (np.asarray(features, np.float64) - self.mean) * self.scale
        along = standard @ self.axes  # (n, r), in standard deviations
        squared = (along**2).sum(axis=1)
        if self.rest:
            left = (standard**2).sum(axis=1) - ((along * self.spread) ** 2).sum(axis=1)
            squared += np.maximum(left, 0.0) / self.rest**2
        return np.asarray(np.sqrt(squared))

    def __call__(self, features: Features) -> NDArray[np.bool_]:
        """Mask ``(n,)`` of embeddings ``(n, d)`` beyond the limit, or with a dead feature far outside its range."""
        outside = ((features < self.low) | (features > self.high)).any(axis=1)
        return np.asarray((self.distance(features) > self.limit) | outside)


def fit_ood_detector(features: Features, folds: NDArray[np.int64]) -> OODDetector:
    """Fit the distribution of training embeddings.

    The limit is the distance of RNAs that were left out, because an RNA is closer to a distribution fitted on it.
    """
    wide = np.asarray(features, np.float64)
    distances = np.empty(len(wide))
    for fold in range(int(folds.max()) + 1):
        left_out = folds == fold
        distances[left_out] = _fit_distribution(wide[~left_out]).distance(wide[left_out])
    limit = float(np.quantile(distances, QUANTILE, method="higher"))
    return replace(_fit_distribution(wide), limit=limit)


def _fit_distribution(features: Array) -> OODDetector:
    """Mean, standard deviations and axes, without a limit."""
    mean, scale = standardize(features)
    decomposition = decompose((features - mean) * scale)
    variances = decomposition.spectrum[::-1] / len(features)
    rank = int((variances > 1e-9 * variances.max(initial=0.0)).sum())
    kept = min(AXES, rank, max(1, len(features) // 10))
    spread = np.sqrt(variances[:kept])
    axes = (decomposition.axes[:, ::-1][:, :kept] / spread).astype(np.float16)
    others = variances[kept:rank]
    return OODDetector(
        mean=mean,
        scale=scale,
        axes=axes,
        spread=1 / np.linalg.norm(axes.astype(np.float64), axis=0),  # of the rounded axes
        rest=float(np.sqrt(others.mean())) if len(others) else 0.0,
        limit=np.inf,
        **_dead_feature_bounds(features, scale),
    )


def _dead_feature_bounds(features: Array, scale: Array) -> dict[str, Array]:
    """Bounds of dead features: the training range and a margin.

    A dead feature has no useful standard deviation. Its margin is as wide as its training range, and at least
    :data:`MARGIN` standard deviations of a typical feature of the same embedding, as all come from the same layer.
    """
    dead, least, largest = scale == 0, features.min(axis=0), features.max(axis=0)
    typical = 0.0 if dead.all() else float(np.median(1 / scale[~dead]))
    margin = np.maximum(largest - least, MARGIN * typical)
    low, high = np.where(dead, least - margin, -np.inf), np.where(dead, largest + margin, np.inf)
    return {"low": low, "high": high}
