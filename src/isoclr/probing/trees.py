"""Gradient-boosted trees: what a model that is not linear reads from the same features."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROUNDS = 300
CHECK_SHARE = 0.15
OPTIONS: dict[str, Any] = {
    "learning_rate": 0.06,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 15,
    "l2_regularization": 1.0,
    "early_stopping": False,  # its own would part the samples of a gene
    "random_state": 0,
}
FEW = 100
"""With more features than this, every split looks at a random part of them: as good, and several times as fast."""


def boosted_trees(
    features: Array, values: Array, groups: NDArray[np.str_], test: Array, *, classes: bool
) -> tuple[Array, int]:
    """Fit on the training samples and predict the test samples.

    The number of trees is chosen within the training part: a seventh of its groups, drawn at random, is kept aside, the
    number that predicts it best is taken, and the trees are fitted anew on all of the training part. So neither a test
    sample nor an isoform or homolog of a training sample vouches for it.

    Args:
        features: ``(n, d)`` of the training samples.
        values: ``(n,)`` their labels; of two classes, any two numbers.
        groups: ``(n,)`` gene or gene set.
        test: ``(m, d)`` features of the test samples.
        classes: whether the label is a class.

    Returns:
        ``(m,)`` predictions, for a class its log-odds; and the number of trees.
    """
    target = values == values.max() if classes else values
    check = _kept_aside(groups)
    rounds = ROUNDS
    if check.any() and (not classes or len(np.unique(target[~check])) == 2):
        trial = _trees(ROUNDS, features.shape[1], classes).fit(features[~check], target[~check])
        losses = [_loss(target[check], f, classes) for f in _staged(trial, features[check])]
        rounds = int(np.argmin(losses)) + 1
    fitted = _trees(rounds, features.shape[1], classes).fit(features, target)
    predicted = fitted.decision_function(test) if classes else fitted.predict(test)
    return np.asarray(predicted, np.float64), rounds


def _trees(rounds: int, width: int, classes: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    share = 1.0 if width <= FEW else 0.2
    return kind(max_iter=rounds, max_features=share, **OPTIONS)


def _staged(trees: Any, features: Array) -> Any:
    """Predictions after one tree, two trees, …; of a class, its log-odds."""
    if hasattr(trees, "staged_decision_function"):
        return trees.staged_decision_function(features)
    return trees.staged_predict(features)


def _loss(target: Array, predicted: Array, classes: bool) -> float:
    flat = np.asarray(predicted).reshape(-1)
    if classes:
        return float(np.logaddexp(0.0, np.where(target, -flat, flat)).mean())
    return float(((target - flat) ** 2).mean())


def _kept_aside(groups: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Which training samples are kept aside: whole groups, about :data:`CHECK_SHARE` of the samples."""
    _, numbers = np.unique(groups, return_inverse=True)
    sizes = np.bincount(numbers)
    order = np.random.default_rng(0).permutation(len(sizes))
    chosen = order[np.cumsum(sizes[order]) <= CHECK_SHARE * len(groups)]
    return np.isin(numbers, chosen)
