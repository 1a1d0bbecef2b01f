"""Gradient-boosted trees as a probe."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr.tasks.metrics import cross_entropy, mse
from isoclr.tasks.splits import Groups

Array = NDArray[np.float64]
MAX_TREES = 300
CHECK_FRACTION = 0.15  # Fraction of the training samples on which the number of trees is chosen
OPTIONS: dict[str, Any] = {
    "learning_rate": 0.06,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 15,
    "l2_regularization": 1.0,
    "early_stopping": False,  # scikit-learn's would separate the samples of a gene
    "random_state": 0,
}
MANY_FEATURES = 100
"""With more features, each tree node considers a random fifth of them: as accurate, and several times faster."""


def boosted_trees(features: Array, values: Array, groups: Groups, test: Array, *, is_class: bool) -> tuple[Array, int]:
    """Fit on the training samples and predict the test samples.

    The number of trees is the best on whole groups that are set aside, a seventh of the training part. Then all of the
    training part is fitted.

    Args:
        values: ``(n,)`` their labels; of two classes, any two numbers.

    Returns:
        ``(m,)`` predictions, log-odds for a class; and the number of trees.
    """
    target = values == values.max() if is_class else values
    check = _check_mask(groups)
    count, width = MAX_TREES, features.shape[1]
    if check.any() and (not is_class or len(np.unique(target[~check])) == 2):
        trial = _trees(MAX_TREES, width, is_class).fit(features[~check], target[~check])
        staged = trial.staged_decision_function if is_class else trial.staged_predict
        loss = cross_entropy if is_class else mse
        losses = [loss(target[check], one.reshape(-1)) for one in staged(features[check])]
        count = int(np.argmin(losses)) + 1
    fitted = _trees(count, width, is_class).fit(features, target)
    predicted = fitted.decision_function(test) if is_class else fitted.predict(test)
    return np.asarray(predicted, np.float64), count


def _trees(count: int, width: int, is_class: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor
    return kind(max_iter=count, max_features=1.0 if width <= MANY_FEATURES else 0.2, **OPTIONS)


def _check_mask(groups: Groups) -> NDArray[np.bool_]:
    """Mask of random whole groups with about :data:`CHECK_FRACTION` of the samples."""
    _, numbers = np.unique(groups, return_inverse=True)
    sizes = np.bincount(numbers)
    order = np.random.default_rng(0).permutation(len(sizes))
    chosen = order[np.cumsum(sizes[order]) <= CHECK_FRACTION * len(groups)]
    return np.isin(numbers, chosen)
