"""Linear probes: least squares, ridge and logistic regression with penalties chosen by leaving out whole groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import expit

from isoclr.probing.trees import boosted_trees
from isoclr.tasks.splits import Groups, Indices, group_folds

Array = NDArray[np.float64]
Features = NDArray[np.floating]
PENALTIES = np.logspace(-2, 6, 17)


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression."""

    coefficients: Array  # (d,)
    intercept: float
    penalty: float  # The chosen α
    left_out: Array  # (n,) error y − ŷ of each training sample when its group is left out

    def predict(self, features: Array) -> Array:
        """Predictions ``(m,)`` for features ``(m, d)``."""
        return features @ self.coefficients + self.intercept


@dataclass(frozen=True)
class Decomposition:
    """Principal axes of features X, computed once for all penalties and labels."""

    scores: Array  # (n, r) X·axes
    spectrum: Array  # (r,) eigenvalues of XᵀX, ascending
    axes: Array  # (d, r) eigenvectors of XᵀX

    def fit(self, values: Array, groups: Groups, penalties: Array = PENALTIES) -> Ridge:
        """The ridge regression of :func:`fit_ridge`."""
        if len(np.unique(groups)) == 1:  # nothing would be left
            groups = np.arange(len(values)).astype(np.str_)
        centered = values - values.mean()
        projections = self.scores.T @ centered
        left_out = self._left_out(projections, centered, groups, penalties)
        chosen = int(np.argmin((left_out**2).mean(axis=0)))
        best = float(penalties[chosen])
        coefficients = self.axes @ (projections / (self.spectrum + best))
        return Ridge(coefficients, float(values.mean()), best, left_out[:, chosen])

    def _left_out(self, projections: Array, centered: Array, groups: Groups, penalties: Array) -> Array:
        """Errors ``(n, a)`` for each penalty when one group at a time is left out; 1/n in H is the intercept."""
        n = len(centered)
        shrinkage = 1.0 / (self.spectrum[:, None] + penalties)  # (r, a)
        residuals = centered[:, None] - self.scores @ (projections[:, None] * shrinkage)  # (n, a)
        leverage = self.scores**2 @ shrinkage + 1.0 / n
        left_out: Array = residuals / np.maximum(1.0 - leverage, 1e-12)
        for rows in _larger_groups(groups):
            part = self.scores[rows]  # (g, m, r)
            for i in range(len(penalties)):
                hat = (part * shrinkage[:, i]) @ part.transpose(0, 2, 1) + 1.0 / n
                solved = np.linalg.solve(np.eye(rows.shape[1]) - hat, residuals[rows, i][..., None])
                left_out[rows, i] = solved[..., 0]
        return left_out


def fit_ridge(features: Array, values: Array, groups: Groups, penalties: Array = PENALTIES) -> Ridge:
    """Minimize ‖y − Xb − c‖² + α‖b‖² with the α of the smallest leave-one-group-out error.

    The leave-one-group-out errors are exact without refitting: with H the matrix that maps the values to the fitted
    values, leaving out the rows g changes their residuals from r to (I − H[g, g])⁻¹ r. One eigendecomposition of the
    smaller of XᵀX and XXᵀ is used for all penalties. Where all samples are of one group, each is left out alone.

    Args:
        features: ``(n, d)``, each of mean 0 (the intercept is not penalized).
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


def _larger_groups(groups: Groups) -> list[Indices]:
    """Rows of the groups with more than one row: for each group size m, an array ``(g, m)``."""
    _, numbers = np.unique(groups, return_inverse=True)
    sizes = np.bincount(numbers)
    rows = np.argsort(numbers, kind="stable")
    size_of_row = sizes[numbers[rows]]
    return [rows[size_of_row == m].reshape(-1, m) for m in np.unique(sizes) if m > 1]


TOLERANCE = 1e-6
MAX_STEPS = 2000


@dataclass(frozen=True)
class Logistic:
    """Fitted logistic regressions."""

    weights: Array  # (d, m)
    intercepts: Array  # (m,)

    def log_odds(self, features: Array) -> Array:
        """Log-odds ``(n, m)`` of the positive class for features ``(n, d)``."""
        return np.asarray(features @ self.weights + self.intercepts)


class LogisticSolver:
    """Fits logistic regressions on the same features, which are decomposed once."""

    def __init__(self, features: Array) -> None:
        self._mean = features.mean(axis=0)
        self._axes = decompose(features - self._mean)
        scores = self._axes.scores
        self._design = np.hstack([scores, np.ones((len(scores), 1))])  # the last column is the intercept

    def fit(self, positive: NDArray[np.bool_], penalties: Array, rows: Indices | slice = slice(None)) -> Logistic:
        """Minimize Σ log(1 + exp(∓f)) + α/2 ‖w‖² for each of m problems; the intercept is not penalized.

        The Hessian of the logistic loss is bounded by XᵀX/4 (Böhning 1992), which is diagonal along the principal axes
        of the features; that of all samples is also a bound for some of them. One eigendecomposition therefore gives
        majorization steps for all problems, accelerated by Nesterov's momentum with restarts. A problem is done when no
        step would move its log-odds by more than about 10⁻⁶.

        Args:
            positive: ``(k, m)`` membership of the positive class.
            penalties: ``(m,)`` positive values of α.
            rows: The k samples to fit; by default all.
        """
        n, m = positive.shape
        design, axes = self._design[rows], self._axes
        shrinkage = np.vstack([np.tile(penalties, (len(axes.spectrum), 1)), np.zeros((1, m))])
        bound = np.append(axes.spectrum, len(self._design))[:, None] / 4 + shrinkage
        share = np.clip(positive.mean(axis=0), 0.5 / n, 1 - 0.5 / n)
        current = np.zeros((design.shape[1], m))
        current[-1] = np.log(share / (1 - share))
        ahead, momentum = current, np.ones(m)
        solution, moving = current.copy(), np.arange(m)
        for _ in range(MAX_STEPS):
            gradient = design.T @ (expit(design @ ahead) - positive) + shrinkage * ahead
            step = gradient / bound
            goes_on = np.sqrt((bound * step**2).sum(axis=0) / n) >= TOLERANCE
            if not goes_on.all():
                solution[:, moving[~goes_on]] = ahead[:, ~goes_on]
                positive, moving, momentum = positive[:, goes_on], moving[goes_on], momentum[goes_on]
                parts = (shrinkage, bound, current, ahead, step)
                shrinkage, bound, current, ahead, step = (part[:, goes_on] for part in parts)
                if not len(moving):
                    break
            moved = ahead - step
            overshot = ((ahead - moved) * bound * (moved - current)).sum(axis=0) > 0
            momentum = np.where(overshot, 1.0, momentum)
            following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead = moved + np.where(overshot, 0.0, (momentum - 1) / following) * (moved - current)
            current, momentum = moved, following
        solution[:, moving] = ahead
        weights = axes.axes @ solution[:-1]
        return Logistic(weights, solution[-1] - self._mean @ weights)


Probe = Literal["linear", "ridge", "logistic"]
ProbeKind = Literal["linear", "ridge", "logistic", "trees", "grouped"]
"""A linear probe, gradient-boosted trees, or a probe of blocks of features (:mod:`isoclr.probing.blocks`)."""

INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
INNER_FOLDS = 3
RARE, RARE_FRACTION = 10, 0.02
"""A feature that differs from its median in no more training samples, or fraction of them, is dead."""


def fit_predict(
    probe: ProbeKind, features: Features, values: Array, groups: Groups, train: Indices, test: Indices
) -> tuple[Array, float]:
    """Predictions for the test samples, and the chosen penalty (0 for least squares and trees).

    Features are standardized with the mean and standard deviation of the training part, and penalties are chosen within
    the training part by leaving out whole groups.

    Args:
        probe: Least squares (of minimum norm if there are fewer samples than features), ridge regression, logistic
            regression of a two-class label, which predicts the log-odds of the larger value, or gradient-boosted trees.
    """
    x_train = features[train].astype(np.float64)
    if probe == "trees":
        x_test, is_class = features[test].astype(np.float64), len(np.unique(values)) == 2
        y_train, own = values[train], groups[train]
        return boosted_trees(x_train, y_train, own, x_test, is_class=is_class)[0], 0.0
    mean, scale = standardize(x_train)
    x_train = (x_train - mean) * scale
    x_test = (features[test].astype(np.float64) - mean) * scale
    y_train = values[train]
    if probe == "linear":
        coefficients = linalg.lstsq(x_train, y_train - y_train.mean())[0]
        return x_test @ coefficients + y_train.mean(), 0.0
    if probe == "ridge":
        fitted = fit_ridge(x_train, y_train, groups[train])
        return fitted.predict(x_test), fitted.penalty
    weights, intercept, penalty = fit_logistic(x_train, y_train == values.max(), groups[train])
    return x_test @ weights + intercept, penalty


def fit_predict_classes(
    features: Features, classes: NDArray[np.bool_], groups: Groups, train: Indices, test: Indices
) -> tuple[Array, Array]:
    """Log-odds ``(m, c)`` of many classes for the test samples, and the penalty ``(c,)`` of each class.

    Each class gets its own logistic regression, with the penalty that has the least cross-entropy when whole groups of
    the training part are left out.
    """
    x_train = features[train].astype(np.float64)
    mean, scale = standardize(x_train)
    x_train = (x_train - mean) * scale
    own, n_groups = groups[train], len(np.unique(groups[train]))
    folds = group_folds(own, min(INNER_FOLDS, n_groups), 0) if n_groups > 1 else []
    fitted, penalties = _fit_logistic(x_train, classes[train], [(fold.train, fold.test) for fold in folds])
    return fitted.log_odds((features[test].astype(np.float64) - mean) * scale), penalties


def _fit_logistic(
    features: Array, positive: NDArray[np.bool_], folds: Sequence[tuple[Indices, Indices]]
) -> tuple[Logistic, Array]:
    """A logistic regression for each class, with the penalty ``(c,)`` of the least cross-entropy on held-out folds.

    Penalties are tried from the strongest on, until the cross-entropy rises: the weakest take most of the time, and are
    rarely best. Without folds the strongest is taken.
    """
    solver, classes = LogisticSolver(features), positive.shape[1]
    chosen, least, falling = np.zeros(classes), np.full(classes, np.inf), np.arange(classes)
    for penalty in sorted(1.0 / np.array(INVERSE_PENALTIES), reverse=True):
        losses = np.zeros(len(falling))
        for fit, check in folds:
            fitted = solver.fit(positive[fit][:, falling], np.full(len(falling), penalty), fit)
            log_odds, true = fitted.log_odds(features[check]), positive[check][:, falling]
            losses += np.logaddexp(0.0, np.where(true, -log_odds, log_odds)).sum(axis=0)
        better = losses < least[falling]
        falling, losses = falling[better], losses[better]
        chosen[falling], least[falling] = penalty, losses
        if not len(falling):
            break
    return solver.fit(positive, chosen), chosen


def standardize(features: Array) -> tuple[Array, Array]:
    """Mean ``(d,)`` and scale ``(d,)`` that give training features ``(n, d)`` mean 0 and standard deviation 1.

    The scale of a dead feature is 0. A feature is dead if it has one value in all but a few training samples, such as a
    ReLU that hardly ever fires: fitted on those few, it would make extreme predictions.
    """
    mean, std = features.mean(axis=0), features.std(axis=0)
    varied = (features != np.median(features, axis=0)).sum(axis=0)
    live = varied > min(RARE, len(features) * RARE_FRACTION)
    live &= std > 1e-6 * np.abs(mean)  # more than rounding
    return mean, np.where(live, 1.0 / np.where(live, std, 1.0), 0.0)


def fit_logistic(features: Array, positive: NDArray[np.bool_], groups: Groups) -> tuple[Array, float, float]:
    """Coefficients ``(d,)`` and intercept of the positive class's log-odds, and the penalty.

    The penalty has the least cross-entropy when whole groups are left out.

    Args:
        features: ``(n, d)``, standardized.
    """
    fitted, penalties = _fit_logistic(features, positive[:, None], _inner_folds(positive, groups))
    return fitted.weights[:, 0], float(fitted.intercepts[0]), float(penalties[0])


def _inner_folds(positive: NDArray[np.bool_], groups: Groups) -> list[tuple[Indices, Indices]]:
    """Folds of whole groups to choose a penalty on; none, hence the strongest penalty, if a class has one group."""
    from sklearn.model_selection import StratifiedGroupKFold

    rarer = min(len(np.unique(groups[positive])), len(np.unique(groups[~positive])))
    if rarer < 2:
        return []
    inner = StratifiedGroupKFold(min(INNER_FOLDS, rarer), shuffle=True, random_state=0)
    parts = inner.split(positive, positive, groups)
    return [(fit, check) for fit, check in parts if 0 < positive[fit].sum() < len(fit)]


@dataclass(frozen=True)
class LinearModel:
    """b·x + c of an embedding x in the encoder's units."""

    coefficients: Array  # (d,)
    intercept: float

    def __call__(self, features: Features) -> Array:
        """Values ``(n,)`` for embeddings ``(n, d)``."""
        return np.asarray(features @ self.coefficients + self.intercept)


def fit_classes(features: Features, positive: NDArray[np.bool_], groups: Groups) -> tuple[LinearModel, float]:
    """Logistic regression: the log-odds of the positive class, and the penalty."""
    wide = np.asarray(features, np.float64)
    mean, scale = standardize(wide)
    weights, intercept, penalty = fit_logistic((wide - mean) * scale, positive, groups)
    coefficients = weights * scale
    return LinearModel(coefficients, intercept - float(mean @ coefficients)), penalty


def in_raw_units(fitted: Ridge, mean: Array, scale: Array) -> LinearModel:
    """A ridge regression of standardized features as one of the features themselves."""
    coefficients = fitted.coefficients * scale
    return LinearModel(coefficients, fitted.intercept - float(mean @ coefficients))
