"""Prediction intervals whatever the label's distribution: CV+.

Every training RNA i is predicted by the member that was fitted without its fold, and scored by how many expected errors
it was off: s_i = |y_i − ŷ_i| / e_i. For a new RNA x each score says where its label would lie if it behaved like RNA i,
ŷ(x) ± s_i·e(x), with ŷ and e from the member that did not see i. An interval of coverage c runs from the
⌊(1 − c)(n + 1)⌋-th smallest of the lower ends to the ⌈c(n + 1)⌉-th smallest of the upper ones (Barber et al. 2021).

Such an interval of c = 1 − α usually holds a share 1 − α of new labels; what theory guarantees, for RNAs that are
exchangeable with the training ones, is about 1 − 2α.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from isoclr.probing.linear import (
    Array,
    Features,
    FoldModel,
    LinearModel,
    fit_classes,
    fit_fold_model,
)
from isoclr.tasks.metrics import (
    Interval,
    Metric,
    bootstrap,
    mse,
    over_folds,
    pearson,
    roc_auc,
    spearman,
)

CELLS = 500_000
"""Ends of intervals at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class CVPlusRegressor:
    """A predictor of a quantity, with intervals.

    Attributes:
        value: the prediction, fitted on all training RNAs.
        members: one a fold, fitted without it.
        scores: one array ``(n_k,)`` a fold: the scores of its RNAs.
        penalty: of ``value``.
    """

    value: LinearModel
    members: tuple[FoldModel, ...]
    scores: tuple[Array, ...]
    penalty: float

    def predict(self, features: Features, coverage: float) -> tuple[Array, Array, Array]:
        """Value and both ends of its interval, each ``(n,)``, for embeddings ``(n, d)``.

        Args:
            features: the embeddings.
            coverage: share 1 − α of RNAs like the training ones whose label usually lies in the interval, at most
                :attr:`largest`; guaranteed is about 1 − 2α.
        """
        value = self.value(features)
        centres = np.stack([member.value(features) for member in self.members], axis=1)
        errors = np.stack([member.expected_error(features) for member in self.members], axis=1)
        lower, upper = np.empty(len(value)), np.empty(len(value))
        step = max(1, CELLS // self.n)
        for start in range(0, len(value), step):
            rows = slice(start, start + step)
            lower[rows], upper[rows] = self._ends(centres[rows], errors[rows], coverage)
        return value, np.minimum(lower, value), np.maximum(upper, value)

    @property
    def n(self) -> int:
        """Number of scores: the training RNAs."""
        return sum(map(len, self.scores))

    @property
    def largest(self) -> float:
        """The largest coverage that so many scores have a rank for."""
        return largest_coverage(self.n)

    def _ends(self, centres: Array, errors: Array, coverage: float) -> tuple[Array, Array]:
        """Both ends from every member's centre and error, ``(n, k)``."""
        fold = np.repeat(np.arange(len(self.scores)), [len(scores) for scores in self.scores])
        reach = errors[:, fold] * np.concatenate(self.scores)
        rank = upper_rank(self.n, coverage)
        lower = np.partition(centres[:, fold] - reach, self.n - rank, axis=1)[:, self.n - rank]
        upper = np.partition(centres[:, fold] + reach, rank - 1, axis=1)[:, rank - 1]
        return lower, upper


def upper_rank(n: int, coverage: float) -> int:
    """Which of n sorted values, from 1, is the upper end of an interval; more than n when they are too few.

    >>> upper_rank(99, 0.9), upper_rank(8, 0.9)
    (90, 9)
    """
    return ceil(coverage * (n + 1) - 1e-9)  # 0.9·10 is a little more than 9 in floating point


def largest_coverage(n: int) -> float:
    """The largest coverage that n scores have a rank for: with a larger one the interval would have no end.

    A coverage 1 − α is what is usually seen; theory guarantees about 1 − 2α for exchangeable RNAs.
    """
    return n / (n + 1)


class CrossFitter:
    """Members that leave folds out, each fitted once.

    Judging a predictor on a fold that neither fitting nor calibration saw takes members that leave out two folds, and
    the member without f and g serves both f and g.
    """

    def __init__(
        self,
        features: Features,
        values: Array,
        groups: NDArray[np.str_],
        folds: NDArray[np.int64],
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        """Args: embeddings ``(n, d)``, labels, groups and fold numbers ``(n,)`` from 0; called after every fit."""
        self.features, self.values, self.groups, self.folds = features, values, groups, folds
        self.num_folds = int(folds.max()) + 1
        self._advance = advance
        self._fitted: dict[frozenset[int], FoldModel] = {}

    @property
    def fits(self) -> int:
        """How many members there are in all: without one fold, without two, and of all."""
        return 1 + self.num_folds * (self.num_folds + 1) // 2

    def regression(self, held_out: int | None = None) -> CVPlusRegressor:
        """The predictor of all folds, or of all but one, which then neither fitted nor calibrated anything."""
        outside = frozenset() if held_out is None else frozenset({held_out})
        whole = self._without(outside)
        members, scores = [], []
        for fold in range(self.num_folds):
            if fold != held_out:
                members.append(self._without(outside | {fold}))
                scores.append(self._scores(members[-1], fold))
        return CVPlusRegressor(whole.value, tuple(members), tuple(scores), whole.penalties[0])

    def _scores(self, member: FoldModel, fold: int) -> Array:
        rows = self.folds == fold
        features = self.features[rows]
        off = np.abs(self.values[rows] - member.value(features))
        return np.asarray(off / member.expected_error(features))

    def _without(self, outside: frozenset[int]) -> FoldModel:
        if outside not in self._fitted:
            rows = ~np.isin(self.folds, list(outside))
            self._fitted[outside] = fit_fold_model(
                self.features[rows], self.values[rows], self.groups[rows]
            )
            self._advance()
        return self._fitted[outside]


@dataclass(frozen=True)
class Coverage:
    """Whether intervals hold what they promise.

    Attributes:
        nominal: the coverage asked for.
        achieved: share of held-out labels in their intervals, with its 95 % interval.
        method: of that interval.
        by_fold: the share of every fold.
        width: mean width, in the label's units.
        without_features: width of the one interval that the training labels alone give.
    """

    nominal: float
    achieved: Interval
    method: str
    by_fold: Sequence[float]
    width: float
    without_features: float

    def as_dict(self) -> dict[str, Any]:
        """Flat, as JSON takes it."""
        found = self.achieved
        return {
            "nominal": self.nominal,
            "achieved": found.mean,
            "low": found.low,
            "high": found.high,
            "interval": self.method,
            "by_fold": list(self.by_fold),
            "width": self.width,
            "width_without_features": self.without_features,
        }


@dataclass(frozen=True)
class CrossValidation:
    """A predictor's quality, by cross-validation.

    Attributes:
        metrics: name → mean over the folds with its 95 % interval (Student's t), the main one first.
        baseline: the same error when every RNA gets the mean of the training labels: name → value.
        coverages: one a nominal coverage; none for classes.
    """

    metrics: dict[str, Interval]
    baseline: dict[str, float]
    coverages: Sequence[Coverage]

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        told = {
            name: {"mean": found.mean, "low": found.low, "high": found.high}
            for name, found in self.metrics.items()
        }
        return {
            "metrics": told,
            "metrics_of_the_mean": self.baseline,
            "coverage": [coverage.as_dict() for coverage in self.coverages],
        }


def rmse(true: Array, predicted: Array) -> float:
    """Root of the mean squared error, in the label's units."""
    return float(np.sqrt(mse(true, predicted)))


def log_loss(true: Array, predicted: Array) -> float:
    """Mean −ln of the probability that was given to the class that came true."""
    kept = np.clip(predicted, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(true == 1, np.log(kept), np.log1p(-kept))))


def cross_validate_regression(leaving: CrossFitter, coverages: Sequence[float]) -> CrossValidation:
    """Predict every fold by a predictor that was fitted and calibrated on the other folds only.

    Args:
        leaving: the members; what is fitted here serves the final predictor too.
        coverages: the nominal coverages to judge.
    """
    value = np.empty(len(leaving.values))
    mean = np.empty(len(leaving.values))
    ends = np.empty((len(coverages), 4, len(leaving.values)))
    for fold, train, test in parts(leaving.folds):
        predictor = leaving.regression(held_out=fold)
        mean[test] = leaving.values[train].mean()
        for i, coverage in enumerate(coverages):
            value[test], *own = predictor.predict(leaving.features[test], coverage)
            tail = (1 - coverage) / 2
            plain = np.quantile(leaving.values[train], [tail, 1 - tail])
            ends[i, :, test] = np.column_stack([*own, *np.tile(plain[:, None], test.sum())])
    names: dict[str, Metric] = {"pearson": pearson, "spearman": spearman, "rmse": rmse}
    return CrossValidation(
        metrics=_over_folds(names, leaving.values, value, leaving.folds),
        baseline={"rmse": _over_folds({"": rmse}, leaving.values, mean, leaving.folds)[""].mean},
        coverages=[_coverage(nominal, leaving, ends[i]) for i, nominal in enumerate(coverages)],
    )


def cross_validate_classes(
    features: NDArray[np.floating],
    values: Array,
    groups: NDArray[np.str_],
    folds: NDArray[np.int64],
    advance: Callable[[], None] = lambda: None,
) -> CrossValidation:
    """Predict every fold by a logistic regression fitted on the others.

    Args:
        features: ``(n, d)``.
        values: ``(n,)`` labels, 0 or 1.
        groups: ``(n,)`` gene or gene set.
        folds: ``(n,)`` fold numbers from 0.
        advance: called after every fit.
    """
    chance, mean = np.empty(len(values)), np.empty(len(values))
    for _, train, test in parts(folds):
        line, _ = fit_classes(features[train], values[train] == 1, groups[train])
        chance[test] = expit(line(features[test]))
        mean[test] = values[train].mean()
        advance()
    names: dict[str, Metric] = {"roc_auc": roc_auc, "log_loss": log_loss}
    return CrossValidation(
        metrics=_over_folds(names, values, chance, folds),
        baseline={"log_loss": _over_folds({"": log_loss}, values, mean, folds)[""].mean},
        coverages=[],
    )


def parts(
    folds: NDArray[np.int64],
) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Every fold with the masks of its training and its test samples."""
    for fold in range(int(folds.max()) + 1):
        test = folds == fold
        yield fold, ~test, test


def _over_folds(
    metrics: dict[str, Metric], true: Array, predicted: Array, folds: NDArray[np.int64]
) -> dict[str, Interval]:
    return {
        name: over_folds([metric(true[test], predicted[test]) for _, _, test in parts(folds)])
        for name, metric in metrics.items()
    }


def _coverage(nominal: float, leaving: CrossFitter, ends: Array) -> Coverage:
    """Judge intervals ``ends (4, n)``: lower and upper ends of ours, then of the labels alone."""
    lower, upper, plain_lower, plain_upper = ends
    inside = (lower <= leaving.values) & (leaving.values <= upper)
    achieved, method = _share(inside, leaving.groups)
    return Coverage(
        nominal=nominal,
        achieved=achieved,
        method=method,
        by_fold=[float(inside[test].mean()) for _, _, test in parts(leaving.folds)],
        width=float((upper - lower).mean()),
        without_features=float((plain_upper - plain_lower).mean()),
    )


def _share(inside: NDArray[np.bool_], groups: NDArray[np.str_]) -> tuple[Interval, str]:
    """Share of labels inside, with its 95 % interval and the interval's name.

    RNAs of one gene, or of one gene set, fall inside or outside together: they are not so many independent trials.
    """
    if len(np.unique(groups)) < len(groups):
        drawn = bootstrap(lambda rows: float(inside[rows].mean()), groups)
        return drawn, "bootstrap over whole genes or gene sets"
    sure = stats.binomtest(int(inside.sum()), len(inside)).proportion_ci(method="wilson")
    return Interval(float(inside.mean()), float(sure.low), float(sure.high)), "Wilson"
