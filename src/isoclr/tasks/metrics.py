"""Metrics of predictions, and their confidence intervals over folds, splits and resampled groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

RESAMPLES = 1000
BLOCK = 100  # Bootstrap samples computed at a time


def mean_intervals(values: NDArray[np.floating], groups: NDArray[np.int64], *, seed: int = 0) -> NDArray[np.float64]:
    """Means of many quantities with 95 % percentile bootstrap intervals over whole groups.

    Args:
        values: ``(n, r)``, one column per quantity; NaN where a sample has no value.

    Returns:
        ``(r, 3)`` mean, lower and upper end; NaN for a column without values.
    """
    _, numbers = np.unique(groups, return_inverse=True)
    known = np.isfinite(values)
    sums, counts = (
        np.stack([np.bincount(numbers, column) for column in x.T], axis=1)
        for x in (np.where(known, values, 0.0), known)
    )
    rng, k = np.random.default_rng(seed), len(sums)
    means = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(0, RESAMPLES, BLOCK):
            weights = rng.multinomial(k, np.full(k, 1 / k), BLOCK).astype(np.float64)
            means.append((weights @ sums) / (weights @ counts))
        mean = sums.sum(0) / counts.sum(0)
    resampled = np.concatenate(means)
    intervals = np.full((values.shape[1], 3), np.nan)
    for column in np.flatnonzero(np.isfinite(mean)):
        finite = resampled[np.isfinite(resampled[:, column]), column]
        intervals[column] = mean[column], *np.percentile(finite, [2.5, 97.5])
    return intervals


Values = NDArray[np.float64]
Rows = NDArray[np.int64]
Metric = Callable[[Values, Values], float]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval; the ends are NaN if there is none, as for a single value."""

    mean: float
    low: float
    high: float

    def row(self) -> dict[str, float]:
        """Its columns in a tidy row."""
        return {"value": self.mean, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Difference(Interval):
    """The mean difference of two methods on the same test samples."""

    p: float  # Two-sided p-value; NaN if there is none

    def __str__(self) -> str:
        if np.isnan(self.p):
            return f"{self.mean:+.3f}"
        return f"{self.mean:+.3f} (p {'< 0.001' if self.p < 0.001 else f'= {self.p:.3f}'})"


def mse(true: Values, predicted: Values) -> float:
    """Mean squared error; predicting the mean of z-scored labels gives 1."""
    return float(np.mean((true - predicted) ** 2))


def pearson(true: Values, predicted: Values) -> float:
    """Pearson's R; 0 for a constant prediction, NaN for constant labels."""
    if len(true) < 2 or np.ptp(true) == 0:
        return float("nan")
    if np.ptp(predicted) == 0:
        return 0.0
    a, b = true - true.mean(), predicted - predicted.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def spearman(true: Values, predicted: Values) -> float:
    """Spearman's R: Pearson's R of the ranks, with the mean rank for ties."""
    return pearson(_ranks(true), _ranks(predicted))


def roc_auc(true: Values, predicted: Values) -> float:
    """Area under the ROC curve; the larger value is the positive class. NaN if there is only one class."""
    positive = true == true.max()
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    rank_sum = _ranks(predicted)[positive].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def _ranks(values: Values) -> Values:
    from scipy.stats import rankdata  # half a second to import, too long for a help text

    return np.asarray(rankdata(values))


def cross_entropy(true: Values, predicted: Values) -> float:
    """Mean negative log-likelihood of classes 0 and 1 in nats, given log-odds; ln 2 = 0.693 is what a coin gives.

    >>> round(cross_entropy(np.array([1.0, 0.0]), np.zeros(2)), 3)
    0.693
    """
    return float(np.logaddexp(0.0, np.where(true == 1, -predicted, predicted)).mean())


QUANTITY: dict[str, Metric] = {"pearson": pearson, "spearman": spearman, "mse": mse}
"""Metrics of a quantity, the main one first."""

CLASSES: dict[str, Metric] = {"roc_auc": roc_auc}
"""Metrics of a two-class label, predicted by a score of the positive class."""


TITLES = {
    "pearson": "Pearson R",
    "spearman": "Spearman R",
    "mse": "MSE",
    "roc_auc": "ROC AUC",
    "cross_entropy": "cross-entropy",
}
"""Names of metrics in tables and figures."""


def over_folds(values: Sequence[float]) -> Interval:
    """Mean over cross-validation folds with its 95 % interval (Student's t).

    >>> str(over_folds([0.4, 0.5, 0.6]))
    '0.500 [0.252, 0.748]'
    """
    return _t_interval(values, 1 / len(values))


def over_seeds(values: Sequence[float], train: float, test: float) -> Interval:
    """Mean over repeated random splits with a 95 % interval that accounts for their overlap.

    The training parts of random splits share most samples, so their results are correlated and the plain interval is
    too narrow. The variance of the mean is taken as (1/k + test/train) times that of the results (Nadeau and Bengio
    2003).
    """
    return _t_interval(values, 1 / len(values) + test / train)


def paired(differences: Sequence[float], train: float, test: float) -> Difference:
    """The mean difference of two methods over the same splits, with the corrected resampled t-test.

    Both methods use the same training and test samples in each split, so the differences are paired. The training parts
    of splits and of cross-validation folds overlap, which correlates the differences, so the plain paired t-test would
    find too many. As in :func:`over_seeds`, the variance of the mean is taken as (1/k + test/train) times theirs
    (Nadeau and Bengio 2003; for folds Bouckaert and Frank 2004). The interval excludes 0 exactly if p is below 0.05.

    >>> str(paired([0.10, 0.11, 0.12, 0.09], train=75, test=25))
    '+0.105 (p = 0.002)'
    """
    interval = over_seeds(differences, train, test)
    k, p = len(differences), float("nan")
    if k > 1:
        variance = np.asarray(differences, np.float64).var(ddof=1)
        error = float(np.sqrt((1 / k + test / train) * variance))
        p = float(2 * special.stdtr(k - 1, -abs(interval.mean) / error)) if error else float(interval.mean == 0)
    return Difference(interval.mean, interval.low, interval.high, p)


def _t_interval(values: Sequence[float], share: float) -> Interval:
    array = np.asarray(values, np.float64)
    mean, half = float(array.mean()), float("nan")
    if len(array) > 1:
        half = float(special.stdtrit(len(array) - 1, 0.975) * np.sqrt(share * array.var(ddof=1)))
    return Interval(mean, mean - half, mean + half)


def bootstrap(statistic: Callable[[Rows], float], groups: NDArray[np.str_], *, resamples: int = RESAMPLES) -> Interval:
    """A statistic of one test part with its 95 % percentile bootstrap interval over whole groups.

    Args:
        statistic: Function of sample numbers, such as Pearson's R of these samples.
    """
    return Interval(statistic(np.arange(len(groups))), *_central(_resampled(statistic, groups, resamples)))


def bootstrap_difference(
    statistic: Callable[[Rows], float], groups: NDArray[np.str_], *, resamples: int = RESAMPLES
) -> Difference:
    """The same for a difference of two methods; p is twice the fraction of bootstrap samples beyond 0."""
    values = _resampled(statistic, groups, resamples)
    beyond = min((values <= 0).sum(), (values >= 0).sum())
    p = min(1.0, 2 * (1 + int(beyond)) / (1 + len(values))) if len(values) else float("nan")
    return Difference(statistic(np.arange(len(groups))), *_central(values), p)


def _central(values: Values) -> tuple[float, float]:
    """Ends of the central 95 %."""
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    return float(low), float(high)


def _resampled(statistic: Callable[[Rows], float], groups: NDArray[np.str_], resamples: int) -> Values:
    """The statistic of each bootstrap sample for which it is defined: one may have no positive, or one gene only."""
    _, numbers = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    rng, n = np.random.default_rng(0), len(members)
    drawn = (rng.integers(n, size=n) for _ in range(resamples))
    values: Values = np.array([statistic(np.concatenate([members[i] for i in one])) for one in drawn])
    return values[np.isfinite(values)]
