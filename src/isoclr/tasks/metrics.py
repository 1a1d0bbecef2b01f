"""Intervals of many means at once, from resampled gene sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

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


Values = NDArray[np.float64]
Rows = NDArray[np.int64]
Metric = Callable[[Values, Values], float]


@dataclass(frozen=True)
class Interval:
    """A mean with a 95 % interval.

    Attributes:
        mean: the estimate.
        low: lower end of the interval; NaN when it cannot be known.
        high: upper end of the interval.
    """

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Difference(Interval):
    """A mean difference of two methods on the same test samples.

    Attributes:
        p: two-sided p-value of there being none; NaN when it cannot be known.
    """

    p: float

    def __str__(self) -> str:
        if np.isnan(self.p):
            return f"{self.mean:+.3f}"
        return f"{self.mean:+.3f} (p {'< 0.001' if self.p < 0.001 else f'= {self.p:.3f}'})"


def mse(true: Values, predicted: Values) -> float:
    """Mean squared error; of z-scored labels, 1 is what predicting the mean gives."""
    return float(np.mean((true - predicted) ** 2))


def pearson(true: Values, predicted: Values) -> float:
    """Pearson's R; 0 when the prediction is constant, NaN when the truth is."""
    return _correlation(true, predicted)


def spearman(true: Values, predicted: Values) -> float:
    """Spearman's R: Pearson's R of the ranks, ties sharing their mean rank."""
    return _correlation(stats.rankdata(true), stats.rankdata(predicted))


def roc_auc(true: Values, predicted: Values) -> float:
    """Area under the ROC curve: the chance that a random positive ranks above a random negative, ties counting half."""
    positive = true == true.max()
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    rank_sum = stats.rankdata(predicted)[positive].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def cross_entropy(true: Values, predicted: Values) -> float:
    """Mean negative log-likelihood of classes 0 and 1 in nats, given log-odds; ln 2 = 0.693 is what a coin gives.

    >>> round(cross_entropy(np.array([1.0, 0.0]), np.zeros(2)), 3)
    0.693
    """
    return float(np.logaddexp(0.0, np.where(true == 1, -predicted, predicted)).mean())


def _correlation(true: Values, predicted: Values) -> float:
    if len(true) < 2 or np.ptp(true) == 0:
        return float("nan")
    if np.ptp(predicted) == 0:
        return 0.0
    a, b = true - true.mean(), predicted - predicted.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


QUANTITY: dict[str, Metric] = {"pearson": pearson, "spearman": spearman, "mse": mse}
"""Metrics of a measured quantity, the one to report first being the first."""

CLASSES: dict[str, Metric] = {"roc_auc": roc_auc}
"""Metrics of a two-class label, whose prediction is the positive class's score."""


def over_folds(values: Sequence[float]) -> Interval:
    """Mean over cross-validation folds with the 95 % interval of Student's t.

    >>> str(over_folds([0.4, 0.5, 0.6]))
    '0.500 [0.252, 0.748]'
    """
    return _t_interval(values, 1 / len(values))


def over_seeds(values: Sequence[float], train: float, test: float) -> Interval:
    """Mean over repeated random splits with a 95 % interval that allows for their overlap.

    The training parts of random splits share most samples, so their results vary together and the plain interval is too
    narrow; the variance of the mean is taken as (1/k + test/train) times that of the results (Nadeau and Bengio 2003).

    Args:
        values: the metric on each of the k splits.
        train: mean number of training samples.
        test: mean number of test samples.
    """
    return _t_interval(values, 1 / len(values) + test / train)


def paired(differences: Sequence[float], train: float, test: float) -> Difference:
    """The mean difference of two methods over the same splits, tested with the corrected resampled t-test.

    The methods see the same training and test samples in every split, so the differences are paired. The training parts
    of the splits overlap, of cross-validation folds too, which makes the differences vary together and the plain
    paired t-test find differences where there are none; as in :func:`over_seeds`, the variance of the mean is taken as
    (1/k + test/train) times theirs (Nadeau and Bengio 2003; for folds Bouckaert and Frank 2004). The interval excludes
    0 exactly when p is below 0.05.

    Args:
        differences: of the metric on each of the k splits.
        train: mean number of training samples.
        test: mean number of test samples.

    >>> str(paired([0.10, 0.11, 0.12, 0.09], train=75, test=25))
    '+0.105 (p = 0.002)'
    """
    found = over_seeds(differences, train, test)
    array = np.asarray(differences, np.float64)
    spread = (
        float(np.sqrt((1 / len(array) + test / train) * array.var(ddof=1)))
        if len(array) > 1
        else np.nan
    )
    if np.isnan(spread):
        p = float("nan")
    elif spread == 0:
        p = 1.0 if found.mean == 0 else 0.0
    else:
        p = float(2 * stats.t.sf(abs(found.mean) / spread, len(array) - 1))
    return Difference(found.mean, found.low, found.high, p)


def _t_interval(values: Sequence[float], share: float) -> Interval:
    array = np.asarray(values, np.float64)
    if len(array) < 2:
        return Interval(float(array.mean()), float("nan"), float("nan"))
    half = stats.t.ppf(0.975, len(array) - 1) * float(np.sqrt(share * array.var(ddof=1)))
    return Interval(float(array.mean()), float(array.mean() - half), float(array.mean() + half))


def bootstrap(
    statistic: Callable[[Rows], float],
    groups: NDArray[np.str_],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """A statistic of one test part with the 95 % percentile interval of resampled groups.

    Args:
        statistic: of the samples whose numbers it is given, such as Pearson's R of truth and prediction there.
        groups: ``(n,)`` what is drawn whole, with replacement: the gene, or the gene set, of every sample.
        resamples: number of bootstrap samples.
        seed: of the draws.
    """
    low, high = _central(_resampled(statistic, groups, resamples, seed))
    return Interval(statistic(np.arange(len(groups))), low, high)


def bootstrap_difference(
    statistic: Callable[[Rows], float],
    groups: NDArray[np.str_],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Difference:
    """The same for a difference of two methods on one test part; p is twice the share of draws beyond 0."""
    known = _resampled(statistic, groups, resamples, seed)
    beyond = min((known <= 0).sum(), (known >= 0).sum())
    p = min(1.0, 2 * (1 + int(beyond)) / (1 + len(known))) if len(known) else float("nan")
    return Difference(statistic(np.arange(len(groups))), *_central(known), p)


def _central(values: Values) -> tuple[float, float]:
    """Where the middle 95 % of the draws begin and end."""
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    return float(low), float(high)


def _resampled(
    statistic: Callable[[Rows], float], groups: NDArray[np.str_], resamples: int, seed: int
) -> Values:
    """The statistic of every bootstrap sample in which it is known."""
    _, numbers = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    rng = np.random.default_rng(seed)
    values = [
        statistic(
            np.concatenate([members[g] for g in rng.integers(len(members), size=len(members))])
        )
        for _ in range(resamples)
    ]
    return np.asarray(values)[np.isfinite(values)]  # a draw may have no positive, or one gene only
