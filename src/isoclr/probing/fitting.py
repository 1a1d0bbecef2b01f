"""Fitting a linear model on training samples and predicting the others."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from isoclr.probing.ridge import fit_ridge
from isoclr.probing.trees import boosted_trees

Array = NDArray[np.float64]
Model = Literal["linear", "ridge", "logistic"]
Reader = Literal["linear", "ridge", "logistic", "trees"]
"""What reads the features: one of the linear models of a probe, or gradient-boosted trees."""

INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
INNER_FOLDS = 3
RARE, RARE_SHARE = 10, 0.02
"""A feature that differs from its median in no more training samples than this is dead."""


def fit_predict(
    model: Reader,
    features: NDArray[np.floating],
    values: Array,
    groups: NDArray[np.str_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> tuple[Array, float]:
    """Predictions for the test samples, and the penalty that was chosen (0 for a plain linear model and for trees).

    Features are standardised with the mean and standard deviation of the training part only, and a penalty is chosen
    within the training part only, by leaving out whole groups.

    Args:
        model: ordinary least squares (of least norm when samples are fewer than features), ridge regression,
            logistic regression of a two-class label, whose prediction is the log-odds of the larger value, or
            gradient-boosted trees (see :func:`boosted_trees`).
        features: ``(n, d)``.
        values: ``(n,)``.
        groups: ``(n,)`` gene or gene set.
        train: sample numbers to fit on.
        test: sample numbers to predict.
    """
    x_train = features[train].astype(np.float64)
    if model == "trees":
        x_test, two = features[test].astype(np.float64), len(np.unique(values)) == 2
        return boosted_trees(x_train, values[train], groups[train], x_test, classes=two)[0], 0.0
    mean, scale = scaling(x_train)
    x_train = (x_train - mean) * scale
    x_test = (features[test].astype(np.float64) - mean) * scale
    y_train = values[train]
    if model == "linear":
        coefficients = linalg.lstsq(x_train, y_train - y_train.mean())[0]
        return x_test @ coefficients + y_train.mean(), 0.0
    if model == "ridge":
        fitted = fit_ridge(x_train, y_train, groups[train])
        return fitted.predict(x_test), fitted.penalty
    weights, intercept, penalty = fit_logistic(x_train, y_train == values.max(), groups[train])
    return x_test @ weights + intercept, penalty


def scaling(features: Array) -> tuple[Array, Array]:
    """Mean ``(d,)`` and factor ``(d,)`` that give training features ``(n, d)`` mean 0 and standard deviation 1.

    The factor of a dead feature is 0. A feature is dead when it has one value in all but a handful of training samples,
    as a ReLU that hardly ever fires: scaling and fitting it on those few would throw predictions for the next sample in
    which it fires far off.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    varied = (features != np.median(features, axis=0)).sum(axis=0)
    live = varied > min(RARE, len(features) * RARE_SHARE)
    live &= deviation > 1e-6 * np.abs(mean)  # more than rounding
    return mean, np.where(live, 1.0 / np.where(live, deviation, 1.0), 0.0)


def fit_logistic(
    features: Array, positive: NDArray[np.bool_], groups: NDArray[np.str_]
) -> tuple[Array, float, float]:
    """Coefficients ``(d,)`` and intercept of the positive class's log-odds, and the penalty.

    The penalty has the least log-loss in an inner cross-validation that leaves out whole groups.

    Args:
        features: ``(n, d)``, standardised.
        positive: ``(n,)`` which samples are of the positive class.
        groups: ``(n,)`` gene or gene set.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    parts = _inner_folds(positive, groups)

    def loss(inverse: float) -> float:
        regression = LogisticRegression(C=inverse, max_iter=5000)
        return sum(
            float(
                log_loss(
                    positive[check],
                    regression.fit(features[fit], positive[fit]).predict_proba(features[check])[
                        :, 1
                    ],
                    labels=[False, True],
                )
            )
            for fit, check in parts
        )

    best = min(INVERSE_PENALTIES, key=loss)
    fitted = LogisticRegression(C=best, max_iter=5000).fit(features, positive)
    return np.asarray(fitted.coef_[0]), float(fitted.intercept_[0]), 1.0 / best


def _inner_folds(
    positive: NDArray[np.bool_], groups: NDArray[np.str_]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Folds of whole groups to choose a penalty on; none, and so the strongest, when a class has one group only."""
    from sklearn.model_selection import StratifiedGroupKFold

    rarer = min(len(np.unique(groups[positive])), len(np.unique(groups[~positive])))
    if rarer < 2:
        return []
    inner = StratifiedGroupKFold(min(INNER_FOLDS, rarer), shuffle=True, random_state=0)
    parts = inner.split(positive, positive, groups)
    return [(fit, check) for fit, check in parts if 0 < positive[fit].sum() < len(fit)]
