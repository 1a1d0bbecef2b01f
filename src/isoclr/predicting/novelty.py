"""Is an RNA like those a head was trained on? How far its embedding lies from theirs."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoclr.predicting.linear import Features
from isoclr.probing.fitting import Array, scaling
from isoclr.probing.ridge import decompose

AXES = 128
"""Principal axes that are kept: a full covariance would be larger than the rest of the head, and tells little more."""
USUAL = 0.999
"""Share of RNAs like the training ones that lie within the limit."""


@dataclass(frozen=True)
class Novelty:
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
    """

    mean: Array
    scale: Array
    axes: NDArray[np.float32]
    spread: Array
    rest: float
    limit: float

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
        """Which embeddings ``(n, d)`` lie beyond the limit, ``(n,)``."""
        return np.asarray(self.distance(features) > self.limit)


def fit_novelty(features: Features, folds: NDArray[np.int64]) -> Novelty:
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


def _cloud(features: Array) -> Novelty:
    """Mean, deviations and axes, without a limit."""
    mean, scale = scaling(features)
    found = decompose((features - mean) * scale)
    variances = found.spectrum[::-1] / len(features)
    real = int((variances > 1e-9 * variances.max(initial=0.0)).sum())
    kept = min(AXES, real, max(1, len(features) // 10))
    spread = np.sqrt(variances[:kept])
    others = variances[kept:real]
    return Novelty(
        mean=mean,
        scale=scale,
        axes=(found.axes[:, ::-1][:, :kept] / spread).astype(np.float32),
        spread=spread,
        rest=float(np.sqrt(others.mean())) if len(others) else 0.0,
        limit=np.inf,
    )
