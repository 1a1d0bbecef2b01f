"""Is an RNA like those a head was trained on? How far its embedding lies from theirs."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoclr.probing.linear import Array, Features, decompose, standardize

AXES = 128
"""Principal axes that are kept: a full covariance would be larger than the rest of the head, and tells little more."""
USUAL = 0.999
"""Share of RNAs like the training ones that lie within the limit."""

FAR = 10.0
"""So many typical deviations outside the training range are far, for a feature that has no deviation of its own."""


@dataclass(frozen=True)
class OODDetector:
    """The cloud of training embeddings, as probabilistic principal components.

    Along the first axes a distance is counted in the cloud's own standard deviations; what is left of an embedding is
    counted in the standard deviation that the training embeddings have there on average.

    Attributes:
        mean: ``(d,)``.
        scale: ``(d,)`` 1 / standard deviation; 0 for a dead feature.
        axes: ``(d, r)`` principal axes of the standardised features, divided by the cloud's deviation along them.
        spread: ``(r,)`` that deviation.
        rest: the deviation along every other direction, 0 when there is none.
        limit: distance within which 99.9 % of the training RNAs lie when they are left out of the cloud.
        low: ``(d,)`` the least value that is not far outside a dead feature's training range; −∞ for the others.
        high: ``(d,)`` the largest; ∞ for the others.
    """

    mean: Array
    scale: Array
    axes: NDArray[np.float32]
    spread: Array
    rest: float
    limit: float
    low: Array
    high: Array

    def distance(self, features: Features) -> Array:
        """Mahalanobis distance ``(n,)`` of embeddings ``(n, d)`` from the mean of the training RNAs."""
        standard = (np.asarray(features, np.float64) - self.mean) * self.scale
        along = standard @ self.axes  # (n, r), in deviations
        squared = (along**2).sum(axis=1)
        if self.rest:
            left = (standard**2).sum(axis=1) - ((along * self.spread) ** 2).sum(axis=1)
            squared += np.maximum(left, 0.0) / self.rest**2
        return np.asarray(np.sqrt(squared))

    def __call__(self, features: Features) -> NDArray[np.bool_]:
        """Which embeddings ``(n, d)`` lie beyond the limit or wake a feature that was dead in training, ``(n,)``."""
        woken = ((features < self.low) | (features > self.high)).any(axis=1)
        return np.asarray((self.distance(features) > self.limit) | woken)


def fit_ood_detector(features: Features, folds: NDArray[np.int64]) -> OODDetector:
    """The cloud of training embeddings.

    An RNA lies nearer to a cloud that it is part of; the limit is therefore that of RNAs which were left out of it.

    Args:
        features: ``(n, d)``.
        folds: ``(n,)`` fold numbers from 0: what is left out together.
    """
    wide = np.asarray(features, np.float64)
    distances = np.empty(len(wide))
    for fold in range(int(folds.max()) + 1):
        left_out = folds == fold
        distances[left_out] = _cloud(wide[~left_out]).distance(wide[left_out])
    limit = float(np.quantile(distances, USUAL, method="higher"))
    return replace(_cloud(wide), limit=limit)


def _cloud(features: Array) -> OODDetector:
    """Mean, deviations and axes, without a limit."""
    mean, scale = standardize(features)
    found = decompose((features - mean) * scale)
    variances = found.spectrum[::-1] / len(features)
    real = int((variances > 1e-9 * variances.max(initial=0.0)).sum())
    kept = min(AXES, real, max(1, len(features) // 10))
    spread = np.sqrt(variances[:kept])
    others = variances[kept:real]
    return OODDetector(
        mean=mean,
        scale=scale,
        axes=(found.axes[:, ::-1][:, :kept] / spread).astype(np.float32),
        spread=spread,
        rest=float(np.sqrt(others.mean())) if len(others) else 0.0,
        limit=np.inf,
        **_usual_range(features, scale),
    )


def _usual_range(features: Array, scale: Array) -> dict[str, Array]:
    """Ends of what a dead feature may be: its training range, and a margin.

    A dead feature has no deviation to count in. Its margin is as wide as its training range, and at least
    :data:`FAR` deviations of a typical feature of the same embedding: all come out of the same layer.
    """
    dead, least, largest = scale == 0, features.min(axis=0), features.max(axis=0)
    typical = 0.0 if dead.all() else float(np.median(1 / scale[~dead]))
    margin = np.maximum(largest - least, FAR * typical)
    low, high = np.where(dead, least - margin, -np.inf), np.where(dead, largest + margin, np.inf)
    return {"low": low, "high": high}
