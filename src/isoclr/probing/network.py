"""Predictions by the layers that fine-tuning puts behind an encoder, with intervals by split conformal prediction.

The interval of coverage 1 − α is ŷ ± q, where q is the ⌈(1 − α)(n + 1)⌉-th smallest |y − ŷ| of n RNAs that took part
in neither training nor early stopping. For RNAs that are exchangeable with those, it contains a fraction of at least
1 − α of new labels (Vovk et al. 2005).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.probing.conformal import largest_coverage, upper_rank
from isoclr.probing.linear import Array, Features


@dataclass(frozen=True)
class Dense:
    """One fully connected layer."""

    weight: NDArray[np.floating]  # (outputs, inputs)
    bias: NDArray[np.floating]  # (outputs,)

    def __call__(self, features: Features) -> Array:
        """``(n, inputs)`` → ``(n, outputs)``."""
        return np.asarray(features @ self.weight.T + self.bias)


@dataclass(frozen=True)
class NetworkRegressor:
    """Fully connected layers with ReLUs between them that predict a quantity, with intervals."""

    layers: Sequence[Dense]  # The last has one output
    errors: Array  # (n,) sorted |y − ŷ| of held-out RNAs, in the label's units

    def value(self, features: Features) -> Array:
        """The prediction ``(n,)`` for embeddings ``(n, d)``, in the label's units."""
        x = np.asarray(features, np.float64)
        for layer in self.layers[:-1]:
            x = np.maximum(layer(x), 0)
        return self.layers[-1](x)[:, 0]

    def predict(self, features: Features, coverage: float) -> tuple[Array, Array, Array]:
        """Value and both ends of its interval, each ``(n,)``, for embeddings ``(n, d)``.

        Args:
            coverage: Fraction of RNAs like the held-out ones whose label lies in the interval, at most
                :attr:`largest`.
        """
        value = self.value(features)
        half = self.errors[upper_rank(len(self.errors), coverage) - 1]
        return value, value - half, value + half

    @property
    def largest(self) -> float:
        """The largest possible coverage."""
        return largest_coverage(len(self.errors))
