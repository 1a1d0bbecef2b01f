"""Probes of blocks of features, such as an embedding and k-mers, with a penalty for each block."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from isoclr.probing.linear import Array, fit_ridge, standardize

MAX_RANK = 512  # A wider block of features is replaced by so many of its principal components
ROUNDS, SETTLED = 15, 0.1
"""Most updates of the penalties, and the change of their logarithms at which to stop."""
WEAKEST, STRONGEST = 1e-2, 1e8  # Limits of a penalty


@dataclass(frozen=True)
class Block:
    """Standardized features, or their leading principal components."""

    mean: Array  # (d,)
    axes: Array  # (d, r): standardizes the features and projects them

    def __call__(self, features: NDArray[np.floating]) -> Array:
        """``(n, r)``."""
        return np.asarray((features.astype(np.float64) - self.mean) @ self.axes)


@dataclass(frozen=True)
class BlockRidge:
    """A ridge regression with a penalty for each block of features."""

    widths: tuple[int, ...]
    blocks: tuple[Block, ...]
    coefficients: Array  # (r,) or (r, m) of all blocks' components
    intercept: Array  # () or (m,)
    penalties: Array  # (blocks,)

    def components(self, features: NDArray[np.floating]) -> Array:
        """``(n, r)`` components of all blocks."""
        edges = np.cumsum(self.widths)[:-1]
        parts = np.split(features, edges, axis=1)
        return np.hstack([block(part) for block, part in zip(self.blocks, parts, strict=True)])

    def predict(self, features: NDArray[np.floating]) -> Array:
        """Predictions ``(n,)`` or ``(n, m)`` for features ``(n, d)``."""
        return np.asarray(self.components(features) @ self.coefficients + self.intercept)

    def weighted(self, features: NDArray[np.floating]) -> Array:
        """``(n, r)`` components divided by the square roots of their penalties: a ridge on them has one penalty."""
        ranks = [block.axes.shape[1] for block in self.blocks]
        return self.components(features) / np.sqrt(np.repeat(self.penalties, ranks))


def fit_blocks(
    features: NDArray[np.floating],
    values: Array,
    widths: Sequence[int],
    *,
    scale: bool = True,
    seed: int = 0,
) -> BlockRidge:
    """Ridge regression whose penalties, one for each block of features, have the largest marginal likelihood.

    The fixed-point updates are MacKay's (1992, Neural Computation 4:415). A block that does not help gets a penalty so
    large that it has no effect.

    Args:
        values: ``(n,)``, or ``(n, m)`` for m labels with the same penalties, each in units of its standard deviation.
        widths: Number of features of each block, in order; they add up to d.
        scale: Standardize the features first. Without, features that vary more are penalized less, as principal
            components should be.
    """
    parts = np.split(features, np.cumsum(widths)[:-1], axis=1)
    blocks = tuple(_block(np.asarray(part, np.float64), scale, seed) for part in parts)
    x = np.hstack([block(part) for block, part in zip(blocks, parts, strict=True)])
    y = values - values.mean(0)
    labels = 1 if y.ndim == 1 else y.shape[1]
    ranks = np.array([block.axes.shape[1] for block in blocks])
    starts = np.cumsum(ranks) - ranks
    solve = _in_samples(x, y, ranks) if len(x) < x.shape[1] else _in_features(x, y, ranks)
    penalties = np.full(len(blocks), float(len(x)))
    for _ in range(ROUNDS):
        coefficients, effective, left = solve(penalties)
        noise = left / labels / max(1.0, len(y) - effective.sum())
        power = np.add.reduceat((coefficients**2).reshape(x.shape[1], -1).mean(1), starts)
        updated = effective * noise / np.maximum(power, np.finfo(np.float64).tiny)
        updated = np.clip(updated, WEAKEST, STRONGEST)
        settled = np.abs(np.log(updated / penalties)).max() < SETTLED
        penalties = updated
        if settled:
            break
    return BlockRidge(tuple(widths), blocks, solve(penalties)[0], values.mean(0), penalties)


Solve = Callable[[Array], tuple[Array, Array, float]]
"""Penalties of the blocks → coefficients, effective number of features of each block, squared error left."""


def _in_features(x: Array, y: Array, ranks: NDArray[np.int64]) -> Solve:
    """Solve with matrices of the size of the features."""
    gram, projections = x.T @ x, x.T @ y
    starts = np.cumsum(ranks) - ranks

    def solve(penalties: Array) -> tuple[Array, Array, float]:
        factor = linalg.cholesky(gram + np.diag(np.repeat(penalties, ranks)), lower=True)
        inverse = linalg.solve_triangular(factor, np.eye(len(gram)), lower=True)
        coefficients = inverse.T @ (inverse @ projections)
        effective = ranks - penalties * np.add.reduceat((inverse**2).sum(0), starts)
        left = np.sum(y * y) - np.sum(coefficients * (2 * projections - gram @ coefficients))
        return coefficients, effective, float(left)

    return solve


def _in_samples(x: Array, y: Array, ranks: NDArray[np.int64]) -> Solve:
    """The same with matrices of the size of the samples, which is faster when there are fewer of them."""
    grams = [part @ part.T for part in np.split(x, np.cumsum(ranks)[:-1], axis=1)]

    def solve(penalties: Array) -> tuple[Array, Array, float]:
        total = np.eye(len(x)) + sum(
            gram / penalty for gram, penalty in zip(grams, penalties, strict=True)
        )
        inverse = linalg.inv(total)
        residual = inverse @ y
        coefficients = ((x.T @ residual).T / np.repeat(penalties, ranks)).T
        effective = np.array([np.sum(inverse * gram) for gram in grams]) / penalties
        return coefficients, effective, float(np.sum(residual**2))

    return solve


def _block(features: Array, is_scaled: bool, seed: int) -> Block:
    """Standardize a block, and reduce it if it is wide."""
    mean, scale = standardize(features)
    if not is_scaled:
        scale = (scale > 0).astype(np.float64)
    if features.shape[1] <= MAX_RANK:
        return Block(mean, np.diag(scale))
    from sklearn.utils.extmath import randomized_svd

    scaled = ((features - mean) * scale).astype(np.float32)
    rank = min(MAX_RANK, *scaled.shape)
    right = randomized_svd(scaled, rank, n_iter=2, random_state=seed)[2]
    return Block(mean, scale[:, None] * right.T.astype(np.float64))


KERNEL_PENALTIES = np.logspace(-4, 2, 13)
LANDMARKS = 1500  # Training samples that span the functions of kernel ridge regression
WIDTHS = (1.0, 4.0)
"""Squared widths of the Gaussian kernel to choose from, in medians of the squared distance."""


def kernel_ridge(
    x_train: Array, x_test: Array, values: Array, groups: NDArray[np.str_], seed: int = 0
) -> Array:
    """Predictions of kernel ridge regression with a Gaussian kernel, on random landmarks (Nyström's method).

    Penalty and width of the kernel have the smallest error when whole groups are left out.

    Args:
        x_train: ``(n, d)`` features of the training samples, in comparable units.
    """
    from sklearn.metrics.pairwise import euclidean_distances

    rows = np.random.default_rng(seed).permutation(len(x_train))[:LANDMARKS]
    distances = [euclidean_distances(x, x_train[rows], squared=True) for x in (x_train, x_test)]
    median = float(np.median(distances[0][rows]))
    best, predicted = np.inf, np.zeros(len(x_test))
    for width in WIDTHS:
        train, test = (np.exp(-one / (width * median)) for one in distances)
        spectrum, axes = np.linalg.eigh(train[rows])
        keep = spectrum > spectrum[-1] * 1e-9
        root = axes[:, keep] / np.sqrt(spectrum[keep])
        train, test = train @ root, test @ root
        mean = train.mean(0)
        fitted = fit_ridge(train - mean, values, groups, KERNEL_PENALTIES)
        error = float((fitted.left_out**2).mean())
        if error < best:
            best, predicted = error, fitted.predict(test - mean)
    return predicted


def fit_predict_blocks(
    probe: Literal["grouped", "kernel"],
    features: NDArray[np.floating],
    values: Array,
    groups: NDArray[np.str_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    blocks: Sequence[int] = (),
    *,
    scale: bool = True,
) -> Array:
    """Predictions for the test samples.

    Args:
        probe: Ridge regression with a penalty for each block, or kernel ridge regression on features that are weighted
            by these penalties.
        blocks: Widths of the last blocks of features; the features before them are one block.
    """
    x_train, x_test = features[train], features[test]
    first = features.shape[1] - sum(blocks)
    widths = (first, *blocks) if first else tuple(blocks)
    fitted = fit_blocks(x_train, values[train], widths, scale=scale)
    if probe == "grouped":
        return fitted.predict(x_test)
    return kernel_ridge(
        fitted.weighted(x_train), fitted.weighted(x_test), values[train], groups[train]
    )
