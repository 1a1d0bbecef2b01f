"""Many logistic regressions of the same features at once: every class under every penalty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from isoclr.probing.ridge import decompose

Array = NDArray[np.float64]
TOLERANCE = 1e-6
MOST_STEPS = 2000


@dataclass(frozen=True)
class Logistic:
    """Fitted logistic regressions.

    Attributes:
        weights: ``(d, m)``.
        intercepts: ``(m,)``.
        steps: how many steps the slowest took.
    """

    weights: Array
    intercepts: Array
    steps: int

    def log_odds(self, features: Array) -> Array:
        """Log-odds ``(n, m)`` of the positive class for features ``(n, d)``."""
        return np.asarray(features @ self.weights + self.intercepts)


def fit_many(features: Array, positive: NDArray[np.bool_], penalties: Array) -> Logistic:
    """Minimise Σ log(1 + exp(∓f)) + α/2 ‖w‖² for each of m problems; the intercept has no penalty.

    The curvature of the logistic loss is nowhere above XᵀX/4 (Böhning 1992), which is diagonal along the principal
    axes of the features: one eigendecomposition gives every problem steps that can only go down, and matrix products
    take them for all problems together. Nesterov's momentum, restarted when it overshoots, makes them few. It stops
    when no gradient asks for a step that moves the log-odds by more than about 10⁻⁶.

    Args:
        features: ``(n, d)``.
        positive: ``(n, m)`` which samples are of the positive class.
        penalties: ``(m,)`` the α, all positive.
    """
    mean = features.mean(axis=0)
    axes = decompose(features - mean)
    n, m = positive.shape
    design = np.hstack([axes.scores, np.ones((n, 1))])  # the last column is the intercept
    shrinkage = np.vstack([np.tile(penalties, (axes.scores.shape[1], 1)), np.zeros((1, m))])
    bound = np.append(axes.spectrum, n)[:, None] / 4 + shrinkage
    share = np.clip(positive.mean(axis=0), 0.5 / n, 1 - 0.5 / n)
    current = np.zeros((design.shape[1], m))
    current[-1] = np.log(share / (1 - share))
    ahead, momentum = current, np.ones(m)
    steps = 0
    for steps in range(1, MOST_STEPS + 1):  # noqa: B007  the count is reported
        gradient = design.T @ (expit(design @ ahead) - positive) + shrinkage * ahead
        step = gradient / bound
        if np.sqrt((bound * step**2).sum(axis=0).max() / n) < TOLERANCE:
            break
        moved = ahead - step
        overshot = ((ahead - moved) * bound * (moved - current)).sum(axis=0) > 0
        momentum = np.where(overshot, 1.0, momentum)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + np.where(overshot, 0.0, (momentum - 1) / following) * (moved - current)
        current, momentum = moved, following
    weights = axes.axes @ ahead[:-1]
    return Logistic(weights, ahead[-1] - mean @ weights, steps)
