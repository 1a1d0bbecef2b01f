"""Fitting a linear model on training samples and predicting the others."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from isoclr.probing.ridge import fit_ridge

Array = NDArray[np.float64]
Model = Literal["linear", "ridge", "logistic"]
INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
INNER_FOLDS = 3
RARE, RARE_SHARE = 10, 0.02
"""A feature that differs from its median in no more training samples than this is dead."""


def fit_predict(
    model: Model,
    features: NDArray[np.floating],
    values: Array,
    groups: NDArray[np.str_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> tuple[Array, float]:
    """Predictions for the test samples, and the penalty that was chosen (0 for a plain linear model).

    Features are standardised with the mean and standard deviation of the training part only, and a penalty is chosen
    within the training part only, by leaving out whole groups.

    Args:
        model: ordinary least squares (of least norm when samples are fewer than features), ridge regression, or
            logistic regression of a two-class label, whose prediction is the log-odds of the larger value.
        features: ``(n, d)``.
        values: ``(n,)``.
        groups: ``(n,)`` gene or gene set.
        train: sample numbers to fit on.
        test: sample numbers to predict.
    """
    x_train, x_test = _standardised(features, train, test)
    y_train = values[train]
    if model == "linear":
        coefficients = linalg.lstsq(x_train, y_train - y_train.mean())[0]
        return x_test @ coefficients + y_train.mean(), 0.0
    if model == "ridge":
        fitted = fit_ridge(x_train, y_train, groups[train])
        return fitted.predict(x_test), fitted.penalty
    return _logistic(x_train, y_train == values.max(), groups[train], x_test)


def _standardised(
    features: NDArray[np.floating], train: NDArray[np.int64], test: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Both parts with the training part's mean 0 and standard deviation 1; dead features become 0.

    A feature is dead when it has one value in all but a handful of training samples, as a ReLU that hardly ever fires:
    scaling and fitting it on those few would throw predictions for the next sample in which it fires far off.
    """
    x_train = features[train].astype(np.float64)
    mean, deviation = x_train.mean(axis=0), x_train.std(axis=0)
    varied = (x_train != np.median(x_train, axis=0)).sum(axis=0)
    live = varied > min(RARE, len(train) * RARE_SHARE)
    live &= deviation > 1e-6 * np.abs(mean)  # more than rounding
    scale = np.where(live, 1.0 / np.where(live, deviation, 1.0), 0.0)
    return (x_train - mean) * scale, (features[test].astype(np.float64) - mean) * scale


def _logistic(
    x_train: Array, positive: NDArray[np.bool_], groups: NDArray[np.str_], x_test: Array
) -> tuple[Array, float]:
    """Log-odds of the positive class; the penalty has the least log-loss in an inner cross-validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    parts = _inner_folds(positive, groups)

    def loss(inverse: float) -> float:
        regression = LogisticRegression(C=inverse, max_iter=5000)
        return sum(
            float(
                log_loss(
                    positive[check],
                    regression.fit(x_train[fit], positive[fit]).predict_proba(x_train[check])[:, 1],
                    labels=[False, True],
                )
            )
            for fit, check in parts
        )

    best = min(INVERSE_PENALTIES, key=loss)
    fitted = LogisticRegression(C=best, max_iter=5000).fit(x_train, positive)
    return np.asarray(fitted.decision_function(x_test)), 1.0 / best


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
