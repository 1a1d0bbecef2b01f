"""Prediction intervals without assumptions on the label's distribution: CV+ with normalized scores.

Each training RNA i is predicted by the fold model that was fitted without its fold. Its score is the error in units of
the expected error: s_i = |y_i − ŷ_i| / e_i. For a new RNA x, each score gives the ends ŷ(x) ± s_i·e(x), with ŷ and e
from the fold model that did not see i. An interval of coverage c runs from the ⌊(1 − c)(n + 1)⌋-th smallest of the
lower ends to the ⌈c(n + 1)⌉-th smallest of the upper ends (Barber et al. 2021).

An interval of coverage 1 − α usually contains a fraction 1 − α of new labels. The theoretical guarantee, for RNAs that
are exchangeable with the training RNAs, is about 1 − 2α.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from isoclr.probing.linear import Array, Features, LinearModel, decompose, fit_classes, in_raw_units, standardize
from isoclr.tasks.metrics import Interval, Metric, bootstrap, mse, over_folds, pearson, roc_auc, spearman
from isoclr.tasks.splits import Groups

BLOCK = 4096  # RNAs whose intervals are computed at a time
BISECTIONS = 9
"""Halvings of the range in which an end of an interval must lie; the few scores left are tried one by one."""


@dataclass(frozen=True)
class FoldModel:
    """Prediction of a label, and of its expected absolute error.

    The expected error is a ridge regression of |y − ŷ| on the same features, where ŷ is predicted without the RNA's own
    gene (or gene set).
    """

    value: LinearModel
    error: LinearModel
    narrowest: float  # Lower bound of the expected error, which a linear function does not have
    widest: float  # Upper bound
    penalties: tuple[float, float]  # Penalties of value and error

    def expected_error(self, features: Features) -> Array:
        """Expected |y − ŷ| ``(n,)``, always positive."""
        return np.clip(self.error(features), self.narrowest, self.widest)


NARROWEST, WIDEST = 0.2, 0.99
"""Bounds of the expected error: this fraction of the mean error, and this quantile over the training RNAs."""


def fit_fold_model(features: Features, values: Array, groups: Groups) -> FoldModel:
    """Fit ridge regressions of a label and of its absolute error, with penalties chosen by leaving out groups."""
    wide = np.asarray(features, np.float64)
    mean, scale = standardize(wide)
    axes = decompose((wide - mean) * scale)
    label = axes.fit(values, groups)
    errors = np.abs(label.left_out)
    error = axes.fit(errors, groups)
    expected = in_raw_units(error, mean, scale)
    narrowest = max(NARROWEST * float(errors.mean()), float(np.finfo(np.float64).tiny))
    widest = max(float(np.quantile(expected(wide), WIDEST)), narrowest)
    penalties = (label.penalty, error.penalty)
    return FoldModel(in_raw_units(label, mean, scale), expected, narrowest, widest, penalties)


@dataclass(frozen=True)
class CVPlusRegressor:
    """A predictor of a quantity, with intervals."""

    value: LinearModel  # The prediction, fitted on all training RNAs
    members: tuple[FoldModel, ...]  # One model per fold, fitted without it
    scores: tuple[Array, ...]  # For each fold (n_k,) scores of its RNAs
    penalty: float  # Penalty of value

    def predict(self, features: Features, coverage: float) -> tuple[Array, Array, Array]:
        """Value and both ends of its interval, each ``(n,)``, for embeddings ``(n, d)``.

        Args:
            coverage: Fraction 1 − α of RNAs like the training ones whose label usually lies in the interval, at most
                :attr:`largest`; guaranteed is about 1 − 2α.
        """
        members = self.members
        models = [self.value, *(one.value for one in members), *(one.error for one in members)]
        coefficients = np.stack([one.coefficients for one in models], axis=1)
        outputs = np.asarray(features, np.float64) @ coefficients
        outputs += [one.intercept for one in models]
        value, centers, errors = np.split(outputs, [1, 1 + len(members)], axis=1)
        bounds = np.array([[one.narrowest, one.widest] for one in members]).T
        value, errors = value[:, 0], np.clip(errors, *bounds)
        scores = [np.sort(own) for own in self.scores]
        rank = upper_rank(self.n, coverage)
        lower, upper = np.empty(len(value)), np.empty(len(value))
        for start in range(0, len(value), BLOCK):
            rows = slice(start, start + BLOCK)
            lower[rows] = -order_statistic(-centers[rows], errors[rows], scores, rank)
            upper[rows] = order_statistic(centers[rows], errors[rows], scores, rank)
        return value, np.minimum(lower, value), np.maximum(upper, value)

    @property
    def n(self) -> int:
        """Number of scores, which is that of the training RNAs."""
        return sum(map(len, self.scores))

    @property
    def largest(self) -> float:
        """The largest possible coverage, see :func:`largest_coverage`."""
        return largest_coverage(self.n)


def order_statistic(centers: Array, errors: Array, scores: Sequence[Array], rank: int) -> NDArray[np.float64]:
    """The value of a rank (from 1) among all ``centers + errors · scores`` of each row, without computing them all.

    The values of a fold are sorted as its scores are. Bisection finds how many of each fold are among the smallest
    ``rank``, up to a few; single values are then added, removed or exchanged until it is exactly the smallest.

    Args:
        centers: ``(n, k)``, one per fold.
        errors: ``(n, k)``, positive.
        scores: For each of the k folds, sorted scores.
        rank: From 1 to the number of scores.
    """
    sizes = np.array([len(own) for own in scores])
    first = np.cumsum(sizes) - sizes
    flat = np.concatenate(scores)

    def value(taken: NDArray[np.int64]) -> Array:
        return np.asarray(centers + errors * flat[first + np.clip(taken, 0, sizes - 1)])

    def count(limit: Array) -> NDArray[np.int64]:
        standard = ((limit[:, None] - centers) / errors).T
        return np.stack([own.searchsorted(to, "right") for own, to in zip(scores, standard, strict=True)], 1)

    share = rank * sizes / sizes.sum()
    low = value(np.floor(share).astype(np.int64) - 2).min(axis=1)
    high = value(np.ceil(share).astype(np.int64)).max(axis=1)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        few = count(middle).sum(axis=1) < rank
        low, high = np.where(few, middle, low), np.where(few, high, middle)
    taken = count(high)
    rows = np.arange(len(taken))
    while True:
        inside = np.where(taken > 0, value(taken - 1), -np.inf)
        outside = np.where(taken < sizes, value(taken), np.inf)
        last, following = inside.argmax(axis=1), outside.argmin(axis=1)
        largest = inside[rows, last]
        missing = rank - taken.sum(axis=1)
        swapped = largest > outside[rows, following]
        remove, add = (missing < 0) | (swapped & (missing == 0)), (missing > 0) | swapped
        add &= missing >= 0
        if not (remove | add).any():
            return np.asarray(largest)
        taken[rows[remove], last[remove]] -= 1
        taken[rows[add], following[add]] += 1


def upper_rank(n: int, coverage: float) -> int:
    """Rank, from 1, of the upper end of an interval among n sorted values; more than n if they are too few.

    >>> upper_rank(99, 0.9), upper_rank(8, 0.9)
    (90, 9)
    """
    return ceil(coverage * (n + 1) - 1e-9)  # 0.9·10 is a little more than 9 in floating point


def largest_coverage(n: int) -> float:
    """The largest coverage for which n scores give a finite interval."""
    return n / (n + 1)


@dataclass(frozen=True, eq=False)
class CrossFitter:
    """Fold models that leave out one or two folds, each fitted once.

    Testing a predictor on a fold that neither fitting nor calibration used needs models without two folds; the model
    without f and g serves both.
    """

    features: Features
    values: Array
    groups: Groups
    folds: NDArray[np.int64]
    advance: Callable[[], None] = lambda: None
    _fitted: dict[frozenset[int], FoldModel] = field(default_factory=dict)

    @property
    def num_folds(self) -> int:
        """Number of folds."""
        return int(self.folds.max()) + 1

    @property
    def fits(self) -> int:
        """Number of fits: without one fold, without two, and of all."""
        return 1 + self.num_folds * (self.num_folds + 1) // 2

    def regression(self, held_out: int | None = None) -> CVPlusRegressor:
        """The predictor fitted and calibrated on all folds, or on all but one."""
        outside = frozenset() if held_out is None else frozenset({held_out})
        model = self._without(outside)
        members, scores = [], []
        for fold in range(self.num_folds):
            if fold != held_out:
                members.append(self._without(outside | {fold}))
                scores.append(self._scores(members[-1], fold))
        return CVPlusRegressor(model.value, tuple(members), tuple(scores), model.penalties[0])

    def _scores(self, member: FoldModel, fold: int) -> Array:
        rows = self.folds == fold
        features = self.features[rows]
        errors = np.abs(self.values[rows] - member.value(features))
        return np.asarray(errors / member.expected_error(features))

    def _without(self, outside: frozenset[int]) -> FoldModel:
        if outside not in self._fitted:
            rows = ~np.isin(self.folds, list(outside))
            self._fitted[outside] = fit_fold_model(self.features[rows], self.values[rows], self.groups[rows])
            self.advance()
        return self._fitted[outside]


@dataclass(frozen=True)
class Coverage:
    """Coverage of intervals on held-out folds."""

    nominal: float
    achieved: Interval  # Fraction of held-out labels in their intervals, with its 95 % interval
    method: str  # Method of that 95 % interval
    by_fold: Sequence[float]  # The fraction in each fold
    width: float  # Mean width, in the label's units
    without_features: float
    """Width of the interval between quantiles of the training labels, which ignores the RNA."""

    def to_dict(self) -> dict[str, Any]:
        """Flat, as JSON holds it."""
        achieved = self.achieved
        return {
            "nominal": self.nominal,
            "achieved": achieved.mean,
            "low": achieved.low,
            "high": achieved.high,
            "interval": self.method,
            "by_fold": list(self.by_fold),
            "width": self.width,
            "width_without_features": self.without_features,
        }


@dataclass(frozen=True)
class CrossValidation:
    """Accuracy of a predictor on held-out folds."""

    metrics: dict[str, Interval]
    """Metric → mean over the folds with its 95 % interval (Student's t), the main one first."""
    baseline: dict[str, float]  # The error when every RNA gets the mean of the training labels, by metric
    coverages: Sequence[Coverage]  # One per nominal coverage; none for classes

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {
            "metrics": {name: vars(value) for name, value in self.metrics.items()},
            "metrics_of_the_mean": self.baseline,
            "coverage": [coverage.to_dict() for coverage in self.coverages],
        }


def rmse(true: Array, predicted: Array) -> float:
    """Root of the mean squared error, in the label's units."""
    return float(np.sqrt(mse(true, predicted)))


def log_loss(true: Array, predicted: Array) -> float:
    """Mean −ln of the predicted probability of the true class."""
    clipped = np.clip(predicted, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(true == 1, np.log(clipped), np.log1p(-clipped))))


def cross_validate_regression(fitter: CrossFitter, coverages: Sequence[float]) -> CrossValidation:
    """Predict each fold by a predictor fitted and calibrated on the other folds only.

    The fold models that are fitted here serve the final predictor too.
    """
    value = np.empty(len(fitter.values))
    mean = np.empty(len(fitter.values))
    ends = np.empty((len(coverages), 4, len(fitter.values)))
    for fold, train, test in parts(fitter.folds):
        predictor = fitter.regression(held_out=fold)
        mean[test] = fitter.values[train].mean()
        for i, coverage in enumerate(coverages):
            value[test], *own = predictor.predict(fitter.features[test], coverage)
            tail = (1 - coverage) / 2
            quantiles = np.quantile(fitter.values[train], [tail, 1 - tail])
            ends[i, :, test] = np.column_stack([*own, *np.tile(quantiles[:, None], test.sum())])
    names: dict[str, Metric] = {"pearson": pearson, "spearman": spearman, "rmse": rmse}
    return CrossValidation(
        metrics={name: _over_folds(metric, fitter.values, value, fitter.folds) for name, metric in names.items()},
        baseline={"rmse": _over_folds(rmse, fitter.values, mean, fitter.folds).mean},
        coverages=[_coverage(nominal, fitter, ends[i]) for i, nominal in enumerate(coverages)],
    )


def cross_validate_classes(
    features: Features,
    values: Array,
    groups: Groups,
    folds: NDArray[np.int64],
    advance: Callable[[], None] = lambda: None,
) -> CrossValidation:
    """Predict each fold by a logistic regression fitted on the others."""
    probability, mean = np.empty(len(values)), np.empty(len(values))
    for _, train, test in parts(folds):
        model, _ = fit_classes(features[train], values[train] == 1, groups[train])
        probability[test] = expit(model(features[test]))
        mean[test] = values[train].mean()
        advance()
    names: dict[str, Metric] = {"roc_auc": roc_auc, "log_loss": log_loss}
    return CrossValidation(
        metrics={n: _over_folds(one, values, probability, folds) for n, one in names.items()},
        baseline={"log_loss": _over_folds(log_loss, values, mean, folds).mean},
        coverages=[],
    )


def parts(folds: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Each fold with the masks of its training and test samples."""
    for fold in range(int(folds.max()) + 1):
        test = folds == fold
        yield fold, ~test, test


def _over_folds(metric: Metric, true: Array, predicted: Array, folds: NDArray[np.int64]) -> Interval:
    return over_folds([metric(true[test], predicted[test]) for _, _, test in parts(folds)])


def _coverage(nominal: float, fitter: CrossFitter, ends: Array) -> Coverage:
    """Coverage of intervals ``ends (4, n)``: lower and upper ends of ours, then of the label quantiles.

    RNAs of one gene or gene set are not independent, so they are resampled together.
    """
    lower, upper, label_lower, label_upper = ends
    inside = (lower <= fitter.values) & (fitter.values <= upper)
    if len(np.unique(fitter.groups)) < len(inside):
        achieved = bootstrap(lambda rows: float(inside[rows].mean()), fitter.groups)
        method = "bootstrap over whole genes or gene sets"
    else:
        from scipy.stats import binomtest

        wilson = binomtest(int(inside.sum()), len(inside)).proportion_ci(method="wilson")
        achieved, method = Interval(float(inside.mean()), float(wilson.low), float(wilson.high)), "Wilson"
    return Coverage(
        nominal=nominal,
        achieved=achieved,
        method=method,
        by_fold=[float(inside[test].mean()) for _, _, test in parts(fitter.folds)],
        width=float((upper - lower).mean()),
        without_features=float((label_upper - label_lower).mean()),
    )
