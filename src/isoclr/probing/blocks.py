"""Probes of blocks of features, such as an embedding and k-mers, with a penalty for each block."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from isoclr.probing.linear import Array, Features, standardize
from isoclr.tasks.splits import Indices

MAX_RANK = 512  # A wider block of features is replaced by so many of its principal components
ROUNDS, SETTLED = 15, 0.1
"""Most updates of the penalties, and the change of their logarithms at which to stop."""
WEAKEST, STRONGEST = 1e-2, 1e8  # Limits of a penalty


@dataclass(frozen=True)
class Block:
    """Standardized features, or their leading principal components."""

    mean: Array  # (d,)
    axes: Array  # (d, r): standardizes the features and projects them

    def __call__(self, features: Features) -> Array:
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

    def components(self, features: Features) -> Array:
        """``(n, r)`` components of all blocks."""
        edges = np.cumsum(self.widths)[:-1]
        parts = np.split(features, edges, axis=1)
        return np.hstack([block(part) for block, part in zip(self.blocks, parts, strict=True)])

    def predict(self, features: Features) -> Array:
        """Predictions ``(n,)`` or ``(n, m)`` for features ``(n, d)``."""
        return np.asarray(self.components(features) @ self.coefficients + self.intercept)

    def weighted(self, features: Features) -> Array:
        """``(n, r)`` components divided by the square roots of their penalties: a ridge on them has one penalty."""
        ranks = [block.axes.shape[1] for block in self.blocks]
        return self.components(features) / np.sqrt(np.repeat(self.penalties, ranks))


def fit_blocks(
    features: Features, values: Array, widths: Sequence[int], *, scale: bool = True, seed: int = 0
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
        total = np.eye(len(x)) + sum(gram / penalty for gram, penalty in zip(grams, penalties, strict=True))
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
    scaled = ((features - mean) * scale).astype(np.float32)
    return Block(mean, scale[:, None] * _right_vectors(scaled, seed).T.astype(np.float64))


def _right_vectors(features: NDArray[np.float32], seed: int) -> NDArray[np.floating]:
    """The leading right singular vectors, ``(r, d)``; exact if there are at most ``MAX_RANK`` samples."""
    if len(features) <= MAX_RANK:
        squares, left = linalg.eigh((features @ features.T).astype(np.float64))
        is_kept = squares > 1e-6 * squares[-1]
        return np.asarray((left[:, is_kept] / np.sqrt(squares[is_kept])).T @ features)
    from sklearn.utils.extmath import randomized_svd

    rank = min(MAX_RANK, features.shape[1])
    return np.asarray(randomized_svd(features, rank, n_iter=2, random_state=seed)[2])


def fit_predict_blocks(
    features: Features, values: Array, train: Indices, test: Indices, blocks: Sequence[int] = ()
) -> Array:
    """Predictions of :func:`fit_blocks` for the test samples.

    Args:
        blocks: Widths of the last blocks of features; the features before them are one block.
    """
    first = features.shape[1] - sum(blocks)
    widths = (first, *blocks) if first else tuple(blocks)
    return fit_blocks(features[train], values[train], widths).predict(features[test])
