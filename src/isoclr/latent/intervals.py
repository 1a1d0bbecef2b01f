"""Intervals of many means at once, from resampled gene sets."""

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
_AT_ONCE = 100


def mean_intervals(
    values: NDArray[np.floating], groups: NDArray[np.int64], *, seed: int = 0
) -> NDArray[np.float64]:
    """Means with 95 % percentile bootstrap intervals, whole groups being drawn with replacement.

    Args:
        values: ``(n, r)``, one column a quantity; NaN where a sample does not count for it.
        groups: ``(n,)`` number of the gene set of every sample.
        seed: of the draws.

    Returns:
        ``(r, 3)`` mean, lower and upper end; NaN for a column without a value.
    """
    _, numbers = np.unique(groups, return_inverse=True)
    known = np.isfinite(values)
    sums, counts = (_by_group(x, numbers) for x in (np.where(known, values, 0.0), known))
    rng, k = np.random.default_rng(seed), len(sums)
    means = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(0, RESAMPLES, _AT_ONCE):
            drawn = rng.multinomial(k, np.full(k, 1 / k), _AT_ONCE).astype(np.float64)
            means.append((drawn @ sums) / (drawn @ counts))
        mean = sums.sum(0) / counts.sum(0)
    drawn_means = np.concatenate(means)
    found = np.full((values.shape[1], 3), np.nan)
    for column in np.flatnonzero(np.isfinite(mean)):
        some = drawn_means[np.isfinite(drawn_means[:, column]), column]
        found[column] = mean[column], *np.percentile(some, [2.5, 97.5])
    return found


def _by_group(values: NDArray[np.generic], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of every column over the samples of each group."""
    columns = [np.bincount(numbers, weights=column.astype(np.float64)) for column in values.T]
    return np.stack(columns, axis=1)
