"""How well a predictor does on folds that neither its fitting nor its calibration saw."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from isoclr.predicting.conformal import LeavingOut
from isoclr.predicting.linear import fit_classes
from isoclr.probing.fitting import Array
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
class HeldOut:
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


def judge_regression(leaving: LeavingOut, coverages: Sequence[float]) -> HeldOut:
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
    return HeldOut(
        metrics=_over_folds(names, leaving.values, value, leaving.folds),
        baseline={"rmse": _over_folds({"": rmse}, leaving.values, mean, leaving.folds)[""].mean},
        coverages=[_coverage(nominal, leaving, ends[i]) for i, nominal in enumerate(coverages)],
    )


def judge_classes(
    features: NDArray[np.floating],
    values: Array,
    groups: NDArray[np.str_],
    folds: NDArray[np.int64],
    advance: Callable[[], None] = lambda: None,
) -> HeldOut:
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
    return HeldOut(
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


def _coverage(nominal: float, leaving: LeavingOut, ends: Array) -> Coverage:
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
