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
        left_out: ``(n,)`` error y − ŷ of every training sample when its group is left out.
    """

    coefficients: Array
    intercept: float
    penalty: float
    left_out: Array

    def predict(self, features: Array) -> Array:
        """Predictions ``(m,)`` for features ``(m, d)``."""
        return features @ self.coefficients + self.intercept


@dataclass(frozen=True)
class Decomposition:
    """Features along their principal axes: made once, it serves every penalty and every label.

    Attributes:
        scores: ``(n, r)`` X·axes.
        spectrum: ``(r,)`` eigenvalues of XᵀX, ascending.
        axes: ``(d, r)`` its eigenvectors.
    """

    scores: Array
    spectrum: Array
    axes: Array

    def fit(self, values: Array, groups: NDArray[np.str_], penalties: Array = PENALTIES) -> Ridge:
        """The ridge regression of :func:`fit_ridge`."""
        centred = values - values.mean()
        projections = self.scores.T @ centred
        left_out = self._left_out(projections, centred, groups, penalties)
        chosen = int(np.argmin((left_out**2).mean(axis=0)))
        best = float(penalties[chosen])
        coefficients = self.axes @ (projections / (self.spectrum + best))
        return Ridge(coefficients, float(values.mean()), best, left_out[:, chosen])

    def _left_out(
        self, projections: Array, centred: Array, groups: NDArray[np.str_], penalties: Array
    ) -> Array:
        """Errors ``(n, a)`` under every penalty when a group at a time is left out; 1/n in H is the intercept."""
        n = len(centred)
        shrinkage = 1.0 / (self.spectrum[:, None] + penalties)  # (r, a)
        residuals = centred[:, None] - self.scores @ (projections[:, None] * shrinkage)  # (n, a)
        leverage = self.scores**2 @ shrinkage + 1.0 / n
        left_out: Array = residuals / np.maximum(1.0 - leverage, 1e-12)
        for rows in _larger_groups(groups):
            part = self.scores[rows]  # (g, m, r)
            for i in range(len(penalties)):
                hat = (part * shrinkage[:, i]) @ part.transpose(0, 2, 1) + 1.0 / n
                solved = np.linalg.solve(np.eye(rows.shape[1]) - hat, residuals[rows, i][..., None])
                left_out[rows, i] = solved[..., 0]
        return left_out


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
    return decompose(features).fit(values, groups, penalties)


def decompose(features: Array) -> Decomposition:
    """Principal axes of features ``(n, d)``, each of mean 0, from the smaller Gram matrix."""
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
    return Decomposition(scores, np.maximum(spectrum, 0.0), axes)


def _larger_groups(groups: NDArray[np.str_]) -> list[NDArray[np.int64]]:
    """The rows of every group that has more than one: an array ``(g, m)`` for the groups of each size m."""
    _, numbers = np.unique(groups, return_inverse=True)
    sizes = np.bincount(numbers)
    rows = np.argsort(numbers, kind="stable")
    size_of_row = sizes[numbers[rows]]
    return [rows[size_of_row == m].reshape(-1, m) for m in np.unique(sizes) if m > 1]
