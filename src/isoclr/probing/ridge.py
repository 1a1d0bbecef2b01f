"""Ridge regression that chooses its own penalty, leaving out one gene or gene set at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Array = NDArray[np.float64]
PENALTIES = np.logspace(-2, 6, 17)


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression.

    Attributes:
        coefficients: ``(d,)``.
        intercept: value where all features are zero.
        penalty: the α that was chosen.
    """

    coefficients: Array
    intercept: float
    penalty: float

    def predict(self, features: Array) -> Array:
        """Predictions ``(m,)`` for features ``(m, d)``."""
        return features @ self.coefficients + self.intercept


def fit_ridge(
    features: Array, values: Array, groups: NDArray[np.str_], penalties: Array = PENALTIES
) -> Ridge:
    """Fit ‖y − Xb − c‖² + α‖b‖² with the α whose leave-one-group-out error is least.

    The error of leaving a group out is exact and needs no refit. With H the matrix that maps the values to the fitted
    ones, leaving out the rows g changes their residuals from r to (I − H[g, g])⁻¹ r. One eigendecomposition of the
    smaller of XᵀX and XXᵀ serves all penalties.

    Args:
        features: ``(n, d)``, each of mean 0 (the intercept is not penalised).
        values: ``(n,)``.
        groups: ``(n,)`` what is left out together, so that an isoform or a homolog does not vouch for another.
        penalties: the α to choose from, all positive.
    """
    centred = values - values.mean()
    scores, spectrum, axes = _principal_scores(features)
    projections = scores.T @ centred
    errors = _left_out_errors(scores, spectrum, projections, centred, groups, penalties)
    best = float(penalties[int(np.argmin(errors))])
    coefficients = axes @ (projections / (spectrum + best))
    return Ridge(coefficients, float(values.mean()), best)


def _principal_scores(features: Array) -> tuple[Array, Array, Array]:
    """Scores Q ``(n, r)`` = X·axes, eigenvalues ``(r,)`` and axes ``(d, r)`` of XᵀX, from the smaller Gram matrix."""
    n, d = features.shape
    if d <= n:
        spectrum, axes = linalg.eigh(features.T @ features)
        scores = features @ axes
    else:
        spectrum, left = linalg.eigh(features @ features.T)
        keep = spectrum > spectrum[-1] * n * np.finfo(np.float64).eps
        spectrum, left = spectrum[keep], left[:, keep]
        scores = left * np.sqrt(spectrum)
        axes = features.T @ (left / np.sqrt(spectrum))
    return scores, np.maximum(spectrum, 0.0), axes


def _left_out_errors(
    scores: Array,
    spectrum: Array,
    projections: Array,
    centred: Array,
    groups: NDArray[np.str_],
    penalties: Array,
) -> Array:
    """Mean squared error of every penalty when a group at a time is left out; 1/n in H is the intercept."""
    n = len(centred)
    shrinkage = 1.0 / (spectrum[:, None] + penalties)  # (r, a)
    residuals = centred[:, None] - scores @ (projections[:, None] * shrinkage)  # (n, a)
    leverage = scores**2 @ shrinkage + 1.0 / n
    left_out = residuals / np.maximum(1.0 - leverage, 1e-12)
    for rows in _larger_groups(groups):
        part = scores[rows]
        for i in range(len(penalties)):
            hat = (part * shrinkage[:, i]) @ part.T + 1.0 / n
            left_out[rows, i] = linalg.solve(np.eye(len(rows)) - hat, residuals[rows, i])
    return np.asarray((left_out**2).mean(axis=0))


def _larger_groups(groups: NDArray[np.str_]) -> list[NDArray[np.int64]]:
    """The rows of every group that has more than one."""
    _, numbers = np.unique(groups, return_inverse=True)
    sizes = np.bincount(numbers)
    rows = np.split(np.argsort(numbers, kind="stable"), np.cumsum(sizes)[:-1])
    return [member for member in rows if len(member) > 1]
