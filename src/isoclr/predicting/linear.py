"""Linear functions of an embedding, fitted on standardised features and kept in the embedding's own units."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.probing.fitting import Array, fit_logistic, scaling
from isoclr.probing.ridge import Ridge, decompose

Features = NDArray[np.floating]


@dataclass(frozen=True)
class Line:
    """b·x + c of an embedding x as it comes from the encoder.

    Attributes:
        coefficients: ``(d,)``.
        intercept: the value where all of x is zero.
    """

    coefficients: Array
    intercept: float

    def __call__(self, features: Features) -> Array:
        """Values ``(n,)`` for embeddings ``(n, d)``."""
        return np.asarray(features @ self.coefficients + self.intercept)


@dataclass(frozen=True)
class Member:
    """What one set of training RNAs says of another RNA: its label, and how large an error to expect.

    The expected error is a ridge regression of |y − ŷ| on the same features, where ŷ comes from leaving out the RNA's
    own gene (or gene set), as the regression of the label is always too good on what it was fitted on.

    Attributes:
        value: the label.
        error: the absolute error.
        narrowest: the least error that is believed, as a linear function knows no floor.
        widest: the largest.
        penalties: chosen for ``value`` and for ``error``.
    """

    value: Line
    error: Line
    narrowest: float
    widest: float
    penalties: tuple[float, float]

    def expected_error(self, features: Features) -> Array:
        """Expected |y − ŷ| ``(n,)``, always positive."""
        return np.clip(self.error(features), self.narrowest, self.widest)


NARROWEST, WIDEST = 0.2, 0.99
"""An expected error is kept between this share of the mean error and this quantile over the training RNAs."""


def fit_member(features: Features, values: Array, groups: NDArray[np.str_]) -> Member:
    """Ridge regressions of a label and of its absolute error, each with the penalty that leaving groups out prefers.

    Args:
        features: ``(n, d)``.
        values: ``(n,)``, not all equal.
        groups: ``(n,)`` gene or gene set of every RNA.
    """
    wide = np.asarray(features, np.float64)
    mean, scale = scaling(wide)
    axes = decompose((wide - mean) * scale)
    label = axes.fit(values, groups)
    errors = np.abs(label.left_out)
    error = axes.fit(errors, groups)
    line = _in_raw_units(error, mean, scale)
    narrowest = max(NARROWEST * float(errors.mean()), float(np.finfo(np.float64).tiny))
    widest = max(float(np.quantile(line(wide), WIDEST)), narrowest)
    penalties = (label.penalty, error.penalty)
    return Member(_in_raw_units(label, mean, scale), line, narrowest, widest, penalties)


def fit_classes(
    features: Features, positive: NDArray[np.bool_], groups: NDArray[np.str_]
) -> tuple[Line, float]:
    """The log-odds of the positive class, by logistic regression, and the penalty.

    Args:
        features: ``(n, d)``.
        positive: ``(n,)``, both classes among them.
        groups: ``(n,)`` gene or gene set of every RNA.
    """
    wide = np.asarray(features, np.float64)
    mean, scale = scaling(wide)
    weights, intercept, penalty = fit_logistic((wide - mean) * scale, positive, groups)
    coefficients = weights * scale
    return Line(coefficients, intercept - float(mean @ coefficients)), penalty


def _in_raw_units(fitted: Ridge, mean: Array, scale: Array) -> Line:
    coefficients = fitted.coefficients * scale
    return Line(coefficients, fitted.intercept - float(mean @ coefficients))
