"""Ridge regression that chooses its own penalty, leaving out one gene or gene set at a time."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import expit

from isoclr.tasks.splits import group_folds

Array = NDArray[np.float64]
PENALTIES = np.logspace(-2, 6, 17)


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression.

    Attributes:
        coefficients: ``(d,)``.
        intercept: value where all features are zero.
        penalty: the α that was chosen.
        left_out: ``(n,)`` error y − ŷ of every training sample when its group is left out.
    """

    coefficients: Array
    intercept: float
    penalty: float
    left_out: Array

    def predict(self, features: Array) -> Array:
        """Predictions ``(m,)`` for features ``(m, d)``."""
        return features @ self.coefficients + self.intercept


@dataclass(frozen=True)
class Decomposition:
    """Features along their principal axes: made once, it serves every penalty and every label.

    Attributes:
        scores: ``(n, r)`` X·axes.
        spectrum: ``(r,)`` eigenvalues of XᵀX, ascending.
        axes: ``(d, r)`` its eigenvectors.
    """

    scores: Array
    spectrum: Array
    axes: Array

    def fit(self, values: Array, groups: NDArray[np.str_], penalties: Array = PENALTIES) -> Ridge:
        """The ridge regression of :func:`fit_ridge`."""
        centred = values - values.mean()
        projections = self.scores.T @ centred
        left_out = self._left_out(projections, centred, groups, penalties)
        chosen = int(np.argmin((left_out**2).mean(axis=0)))
        best = float(penalties[chosen])
        coefficients = self.axes @ (projections / (self.spectrum + best))
        return Ridge(coefficients, float(values.mean()), best, left_out[:, chosen])

    def _left_out(
        self, projections: Array, centred: Array, groups: NDArray[np.str_], penalties: Array
    ) -> Array:
        """Errors ``(n, a)`` under every penalty when a group at a time is left out; 1/n in H is the intercept."""
        n = len(centred)
        shrinkage = 1.0 / (self.spectrum[:, None] + penalties)  # (r, a)
        residuals = centred[:, None] - self.scores @ (projections[:, None] * shrinkage)  # (n, a)
        leverage = self.scores**2 @ shrinkage + 1.0 / n
        left_out: Array = residuals / np.maximum(1.0 - leverage, 1e-12)
        for rows in _larger_groups(groups):
            part = self.scores[rows]  # (g, m, r)
            for i in range(len(penalties)):
                hat = (part * shrinkage[:, i]) @ part.transpose(0, 2, 1) + 1.0 / n
                solved = np.linalg.solve(np.eye(rows.shape[1]) - hat, residuals[rows, i][..., None])
                left_out[rows, i] = solved[..., 0]
        return left_out


def fit_ridge(
    features: Array, values: Array, groups: NDArray[np.str_], penalties: Array = PENALTIES
) -> Ridge:
    """Fit ‖y − Xb − c‖² + α‖b‖² with the α whose leave-one-group-out error is least.

    The error of leaving a group out is exact and needs no refit. With H the matrix that maps the values to the fitted
    ones, leaving out the rows g changes their residuals from r to (I − H[g, g])⁻¹ r. One eigendecomposition of the
    smaller of XᵀX and XXᵀ serves all penalties.

    Args:
        features: ``(n, d)``, each of mean 0 (the intercept is not penalised).
        values: ``(n,)``.
        groups: ``(n,)`` what is left out together, so that an isoform or a homolog does not vouch for another.
        penalties: the α to choose from, all positive.
    """
    return decompose(features).fit(values, groups, penalties)


def decompose(features: Array) -> Decomposition:
    """Principal axes of features ``(n, d)``, each of mean 0, from the smaller Gram matrix."""
    n, d = features.shape
    if d <= n:
        spectrum, axes = linalg.eigh(features.T @ features)
        scores = features @ axes
    else:
        spectrum, left = linalg.eigh(features @ features.T)
        keep = spectrum > spectrum[-1] * n * np.finfo(np.float64).eps
        spectrum, left = spectrum[keep], left[:, keep]
        scores = left * np.sqrt(spectrum)
        axes = features.T @ (left / np.sqrt(spectrum))
    return Decomposition(scores, np.maximum(spectrum, 0.0), axes)


def _larger_groups(groups: NDArray[np.str_]) -> list[NDArray[np.int64]]:
    """The rows of every group that has more than one: an array ``(g, m)`` for the groups of each size m."""
    _, numbers = np.unique(groups, return_inverse=True)
    sizes = np.bincount(numbers)
    rows = np.argsort(numbers, kind="stable")
    size_of_row = sizes[numbers[rows]]
    return [rows[size_of_row == m].reshape(-1, m) for m in np.unique(sizes) if m > 1]


TOLERANCE = 1e-6
MOST_STEPS = 2000


@dataclass(frozen=True)
class Logistic:
    """Fitted logistic regressions.

    Attributes:
        weights: ``(d, m)``.
        intercepts: ``(m,)``.
        steps: how many steps the slowest took.
    """

    weights: Array
    intercepts: Array
    steps: int

    def log_odds(self, features: Array) -> Array:
        """Log-odds ``(n, m)`` of the positive class for features ``(n, d)``."""
        return np.asarray(features @ self.weights + self.intercepts)


def fit_many(features: Array, positive: NDArray[np.bool_], penalties: Array) -> Logistic:
    """Minimise Σ log(1 + exp(∓f)) + α/2 ‖w‖² for each of m problems; the intercept has no penalty.

    The curvature of the logistic loss is nowhere above XᵀX/4 (Böhning 1992), which is diagonal along the principal
    axes of the features: one eigendecomposition gives every problem steps that can only go down, and matrix products
    take them for all problems together. Nesterov's momentum, restarted when it overshoots, makes them few. It stops
    when no gradient asks for a step that moves the log-odds by more than about 10⁻⁶.

    Args:
        features: ``(n, d)``.
        positive: ``(n, m)`` which samples are of the positive class.
        penalties: ``(m,)`` the α, all positive.
    """
    mean = features.mean(axis=0)
    axes = decompose(features - mean)
    n, m = positive.shape
    design = np.hstack([axes.scores, np.ones((n, 1))])  # the last column is the intercept
    shrinkage = np.vstack([np.tile(penalties, (axes.scores.shape[1], 1)), np.zeros((1, m))])
    bound = np.append(axes.spectrum, n)[:, None] / 4 + shrinkage
    share = np.clip(positive.mean(axis=0), 0.5 / n, 1 - 0.5 / n)
    current = np.zeros((design.shape[1], m))
    current[-1] = np.log(share / (1 - share))
    ahead, momentum = current, np.ones(m)
    steps = 0
    for steps in range(1, MOST_STEPS + 1):  # noqa: B007  the count is reported
        gradient = design.T @ (expit(design @ ahead) - positive) + shrinkage * ahead
        step = gradient / bound
        if np.sqrt((bound * step**2).sum(axis=0).max() / n) < TOLERANCE:
            break
        moved = ahead - step
        overshot = ((ahead - moved) * bound * (moved - current)).sum(axis=0) > 0
        momentum = np.where(overshot, 1.0, momentum)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + np.where(overshot, 0.0, (momentum - 1) / following) * (moved - current)
        current, momentum = moved, following
    weights = axes.axes @ ahead[:-1]
    return Logistic(weights, ahead[-1] - mean @ weights, steps)


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


Probe = Literal["linear", "ridge", "logistic"]
ProbeKind = Literal["linear", "ridge", "logistic", "trees"]
"""What reads the features: one of the linear models of a probe, or gradient-boosted trees."""

INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
INNER_FOLDS = 3
RARE, RARE_SHARE = 10, 0.02
"""A feature that differs from its median in no more training samples than this is dead."""


def fit_predict(
    model: ProbeKind,
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
    mean, scale = standardize(x_train)
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


def fit_predict_classes(
    features: NDArray[np.floating],
    classes: NDArray[np.bool_],
    groups: NDArray[np.str_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> tuple[Array, Array]:
    """Log-odds ``(m, c)`` of many classes for the test samples, and the penalty ``(c,)`` of each class.

    Each class gets its own logistic regression, with the penalty that has the least cross-entropy when whole groups of
    the training part are left out.

    Args:
        features: ``(n, d)``.
        classes: ``(n, c)`` membership of the classes.
        groups: ``(n,)`` gene or gene set.
        train: Sample numbers to fit on.
        test: Sample numbers to predict.
    """
    x_train = features[train].astype(np.float64)
    mean, scale = standardize(x_train)
    x_train = (x_train - mean) * scale
    penalties = _choose_penalties(x_train, classes[train], groups[train])
    fitted = fit_many(x_train, classes[train], penalties)
    return fitted.log_odds((features[test].astype(np.float64) - mean) * scale), penalties


def _choose_penalties(
    features: Array, positive: NDArray[np.bool_], groups: NDArray[np.str_]
) -> Array:
    """The penalty ``(c,)`` of each class with the least cross-entropy when whole groups are left out."""
    penalties = 1.0 / np.array(INVERSE_PENALTIES)
    classes, n_groups = positive.shape[1], len(np.unique(groups))
    problems = np.repeat(positive, len(penalties), axis=1)
    losses = np.zeros(problems.shape[1])
    for inner in group_folds(groups, min(INNER_FOLDS, n_groups), 0) if n_groups > 1 else []:
        fitted = fit_many(features[inner.train], problems[inner.train], np.tile(penalties, classes))
        log_odds = fitted.log_odds(features[inner.test])
        losses += np.logaddexp(0.0, np.where(problems[inner.test], -log_odds, log_odds)).sum(axis=0)
    return np.asarray(penalties[losses.reshape(classes, -1).argmin(axis=1)])


def standardize(features: Array) -> tuple[Array, Array]:
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


Features = NDArray[np.floating]


@dataclass(frozen=True)
class LinearModel:
    """b·x + c of an embedding x as it comes from the encoder.

    Attributes:
        coefficients: ``(d,)``.
        intercept: the value where all of x is zero.
    """

    coefficients: Array
    intercept: float

    def __call__(self, features: Features) -> Array:
        """Values ``(n,)`` for embeddings ``(n, d)``."""
        return np.asarray(features @ self.coefficients + self.intercept)


@dataclass(frozen=True)
class FoldModel:
    """What one set of training RNAs says of another RNA: its label, and how large an error to expect.

    The expected error is a ridge regression of |y − ŷ| on the same features, where ŷ comes from leaving out the RNA's
    own gene (or gene set), as the regression of the label is always too good on what it was fitted on.

    Attributes:
        value: the label.
        error: the absolute error.
        narrowest: the least error that is believed, as a linear function knows no floor.
        widest: the largest.
        penalties: chosen for ``value`` and for ``error``.
    """

    value: LinearModel
    error: LinearModel
    narrowest: float
    widest: float
    penalties: tuple[float, float]

    def expected_error(self, features: Features) -> Array:
        """Expected |y − ŷ| ``(n,)``, always positive."""
        return np.clip(self.error(features), self.narrowest, self.widest)


NARROWEST, WIDEST = 0.2, 0.99
"""An expected error is kept between this share of the mean error and this quantile over the training RNAs."""


def fit_fold_model(features: Features, values: Array, groups: NDArray[np.str_]) -> FoldModel:
    """Ridge regressions of a label and of its absolute error, each with the penalty that leaving groups out prefers.

    Args:
        features: ``(n, d)``.
        values: ``(n,)``, not all equal.
        groups: ``(n,)`` gene or gene set of every RNA.
    """
    wide = np.asarray(features, np.float64)
    mean, scale = standardize(wide)
    axes = decompose((wide - mean) * scale)
    label = axes.fit(values, groups)
    errors = np.abs(label.left_out)
    error = axes.fit(errors, groups)
    line = _in_raw_units(error, mean, scale)
    narrowest = max(NARROWEST * float(errors.mean()), float(np.finfo(np.float64).tiny))
    widest = max(float(np.quantile(line(wide), WIDEST)), narrowest)
    penalties = (label.penalty, error.penalty)
    return FoldModel(_in_raw_units(label, mean, scale), line, narrowest, widest, penalties)


def fit_classes(
    features: Features, positive: NDArray[np.bool_], groups: NDArray[np.str_]
) -> tuple[LinearModel, float]:
    """The log-odds of the positive class, by logistic regression, and the penalty.

    Args:
        features: ``(n, d)``.
        positive: ``(n,)``, both classes among them.
        groups: ``(n,)`` gene or gene set of every RNA.
    """
    wide = np.asarray(features, np.float64)
    mean, scale = standardize(wide)
    weights, intercept, penalty = fit_logistic((wide - mean) * scale, positive, groups)
    coefficients = weights * scale
    return LinearModel(coefficients, intercept - float(mean @ coefficients)), penalty


def _in_raw_units(fitted: Ridge, mean: Array, scale: Array) -> LinearModel:
    coefficients = fitted.coefficients * scale
    return LinearModel(coefficients, fitted.intercept - float(mean @ coefficients))
