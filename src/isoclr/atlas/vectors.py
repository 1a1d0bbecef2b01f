"""Vectors of RNAs for neighbours and maps, in bounded memory, and their nearest neighbours.

Up to :data:`EXACT` RNAs, all features are kept and the search is exact. Beyond, the features are reduced to
:data:`DIMENSIONS` principal components, RNAs are put into clusters, and each is compared with the RNAs of the nearest
clusters (an inverted file index; Jégou et al. 2011). The share of true neighbours that this finds is measured.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from isoclr.analysis.neighbors import Nearest, Vectors
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import iter_embeddings
from isoclr.errors import InputError
from isoclr.probing.linear import standardize

EXACT = 150_000  # Most RNAs that are searched exactly
SAMPLED = 50_000
"""Of more RNAs than :data:`EXACT`, about as many are kept to estimate the standardization and principal components."""
DIMENSIONS = 256
AXES_RNAS = 20_000  # RNAs that principal components are estimated from, about
CHECKED = 60  # RNAs that are compared by all features in an exact search, besides as many as neighbours are wanted
TOLERANCE = 1e-5  # Rounding error of similarities
COLUMNS = 64  # Columns standardized at a time
PROBED = 16  # Clusters searched for each RNA
CLUSTER_RNAS = 50_000  # Most RNAs that clusters are fitted on
AUDITED = 200  # RNAs whose true neighbours are computed, to measure what the clusters miss
MAX_SIMILARITIES = 1 << 24

Rows = NDArray[np.int64]


def _sample(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """About :data:`AXES_RNAS` rows at equal steps."""
    return rows[:: max(1, len(rows) // AXES_RNAS)]


@dataclass(frozen=True)
class VectorSpace:
    """Standardization and, if there are many RNAs, a projection of features."""

    mean: NDArray[np.float32]  # (d,)
    scale: NDArray[np.float32]  # (d,); 0 for features that hardly vary
    basis: NDArray[np.float32] | None = None  # (d, k) principal axes of the unit vectors; None keeps all features

    def __call__(self, features: NDArray[np.float32]) -> Vectors:
        """Unit vectors ``(n, d)``, or ``(n, k)``, of features ``(n, d)``."""
        vectors = _unit((features - self.mean) * self.scale)
        return vectors if self.basis is None else _unit(vectors @ self.basis)


def _unit(vectors: NDArray[np.float32]) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(norms > 0, norms, 1)
    return vectors


def read_blocks(
    path: Path, each: Callable[[Embeddings], None]
) -> tuple[pl.DataFrame, NDArray[np.float32], dict[str, str]]:
    """Read embeddings block by block.

    Args:
        path: File or folder of embeddings.
        each: Called with every block.

    Returns:
        The table of RNAs; the features of all RNAs, or of :data:`SAMPLED` at equal steps if there are more than
        :data:`EXACT`; and the metadata.
    """
    n = sum(block.height for block in _tables(path))
    step = _step(n)
    matrix = np.empty((0, 0), np.float32)
    tables, meta, start = [], {}, 0
    for block in iter_embeddings(path):
        if not start:
            matrix = np.empty((-(-n // step), block.dim), np.float32)
        tables.append(block.table)
        rows = slice(-(-start // step), -(-(start + len(block)) // step))
        matrix[rows] = block.matrix[-start % step :: step]
        meta = dict(block.meta)
        start += len(block)
        each(block)
    if not start:
        raise InputError(f"{path}: embeddings of no RNA")
    return pl.concat(tables), matrix, meta


def _step(n: int) -> int:
    """Every how many of n RNAs the features are kept."""
    return 1 if n <= EXACT else -(-n // SAMPLED)


def _tables(path: Path) -> Iterator[pl.DataFrame]:
    """One column of all files, to count the RNAs."""
    if path.suffix in (".h5ad", ".npz"):
        yield from (block.table for block in iter_embeddings(path))
        return
    files = [path] if path.is_file() else sorted(path.glob("[!.]*.parquet"))
    if not files:
        raise InputError(f"{path}: no such file; expected embeddings from `isoclr embed`")
    for file in files:
        try:
            yield pl.scan_parquet(file).select("transcript_id").collect()
        except (pl.exceptions.PolarsError, OSError):
            raise InputError(f"{file}: expected embeddings from `isoclr embed`") from None


def fit_space(features: NDArray[np.float32], n: int) -> VectorSpace:
    """Standardization as in ``isoclr neighbours``, and principal axes if there are more than :data:`EXACT` RNAs.

    Features ``(m, d)`` are those of all n RNAs or of a sample.
    """
    parts = [standardize(features[:, i : i + COLUMNS].astype(np.float64)) for i in range(0, features.shape[1], COLUMNS)]
    mean, scale = (np.concatenate(part).astype(np.float32) for part in zip(*parts, strict=True))
    space = VectorSpace(mean, scale)
    if n <= EXACT:
        return space
    return VectorSpace(mean, scale, principal_axes(space(_sample(features)), DIMENSIONS))


def principal_axes(vectors: Vectors, k: int) -> NDArray[np.float32]:
    """``(d, k)`` axes of the largest variance of vectors ``(n, d)``; all of them if k exceeds d."""
    covariance = np.cov(_sample(vectors), rowvar=False, dtype=np.float64)
    _, axes = np.linalg.eigh(np.atleast_2d(covariance))
    return np.ascontiguousarray(axes[:, ::-1][:, :k], dtype=np.float32)


def find_exactly(vectors: Vectors, k: int, more: int = 0, progress: Callable[[int], None] = lambda _: None) -> Nearest:
    """The k nearest neighbours of every RNA among all others, exactly, with a fraction of the products.

    Each vector is split into its first principal components and a rest of length r. By the inequality of Cauchy and
    Schwarz, a similarity is at most the product of the components plus that of the two r. The similarities of the RNAs
    with the largest bounds are computed by all features; if the kth of them exceeds every other bound, no neighbour is
    missing. Otherwise all RNAs with a larger bound are compared.

    Args:
        vectors: ``(n, d)`` of length 1 (or 0).
        k: Number of neighbours, less than n.
        more: Number of further neighbours, of which a few may be missing.
    """
    n = len(vectors)
    wide = min(n - 1, k + more)
    bounds = torch.from_numpy(_bounds(vectors))
    full = torch.from_numpy(vectors)
    rows, similarity = np.empty((n, wide), np.int64), np.empty((n, wide), np.float32)
    checked = min(n - 1, wide + CHECKED)
    step = max(1, MAX_SIMILARITIES // max(n, checked * vectors.shape[1]))
    for start in range(0, n, step):
        block = torch.arange(start, min(start + step, n))
        upper = bounds[block] @ bounds.T
        upper[torch.arange(len(block)), block] = -torch.inf
        most, candidates = upper.topk(checked)
        exact = torch.bmm(full[candidates], full[block].unsqueeze(2)).squeeze(2)
        top = exact.topk(wide)
        rows[block] = candidates.gather(1, top.indices).numpy()
        similarity[block] = top.values.numpy()
        open_rows = (most[:, -1] + TOLERANCE >= top.values[:, k - 1]) & (checked < n - 1)
        for i in open_rows.nonzero().squeeze(1).tolist():
            others = (upper[i] + TOLERANCE >= top.values[i, k - 1]).nonzero().squeeze(1)
            best = (full[others] @ full[block[i]]).topk(wide)
            rows[start + i] = others[best.indices].numpy()
            similarity[start + i] = best.values.numpy()
        progress(len(block))
    return Nearest(rows, similarity)


def _bounds(vectors: Vectors) -> Vectors:
    """``(n, c + 1)`` principal components and the length of the rest; their products bound similarities from above."""
    axes = principal_axes(vectors, DIMENSIONS)
    components = vectors @ axes
    rest = np.square(vectors).sum(1) - np.square(components).sum(1)
    return np.column_stack([components, np.sqrt(np.maximum(rest, 0))])


class ClusterIndex:
    """RNAs in clusters; a search looks into the nearest ones."""

    def __init__(self, vectors: Vectors, seed: int = 0) -> None:
        self.vectors = vectors
        generator = np.random.default_rng(seed)
        count = max(1, int(len(vectors) ** 0.5))
        sample = np.sort(generator.choice(len(vectors), min(CLUSTER_RNAS, len(vectors)), replace=False))
        centers = vectors[generator.choice(sample, count, replace=False)]
        for _ in range(4):
            assigned = _closest(vectors[sample], centers)
            sums = np.zeros_like(centers)
            np.add.at(sums, assigned, vectors[sample])
            filled = np.bincount(assigned, minlength=count) > 0
            centers = np.where(filled[:, None], _unit(sums), centers)
        self.centers = centers
        self.cluster = _closest(vectors, centers)

    def search(
        self,
        k: int,
        among: Rows | None = None,
        *,
        itself: bool = False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Nearest:
        """The k nearest of every RNA.

        Args:
            among: Rows of the candidates; None: all.
            itself: Whether an RNA is its own neighbour.
        """
        n, count = len(self.vectors), len(self.centers)
        rows = np.full((n, k), -1, np.int64)
        similarity = np.full((n, k), -np.inf, np.float32)
        pool = np.arange(n) if among is None else among
        members = _groups(self.cluster[pool], pool, count)
        probed = self._probed(min(PROBED, count))
        queries = _groups(probed.ravel().astype(np.int64), np.repeat(np.arange(n), probed.shape[1]), count)
        for candidates, asking in zip(members, queries, strict=True):
            if not len(candidates):
                continue
            base = torch.from_numpy(self.vectors[candidates])
            step = max(1, MAX_SIMILARITIES // len(candidates))
            for start in range(0, len(asking), step):
                block = asking[start : start + step]
                scores = torch.from_numpy(self.vectors[block]) @ base.T
                if not itself:
                    at = np.minimum(np.searchsorted(candidates, block), len(candidates) - 1)
                    own = np.flatnonzero(candidates[at] == block)
                    scores.numpy()[own, at[own]] = -np.inf
                best = scores.topk(min(k, len(candidates)))
                both = np.hstack([similarity[block], best.values.numpy()])
                either = np.hstack([rows[block], candidates[best.indices.numpy()]])
                kept = np.argsort(-both, axis=1, kind="stable")[:, :k]
                similarity[block] = np.take_along_axis(both, kept, 1)
                rows[block] = np.take_along_axis(either, kept, 1)
            progress(round(len(asking) / probed.shape[1]))
        self._fill(rows, similarity, np.sort(pool), itself)
        return Nearest(rows, similarity)

    def _fill(self, rows: Rows, similarity: Vectors, pool: Rows, itself: bool) -> None:
        """Compare RNAs whose clusters had fewer than k candidates with all candidates."""
        rows[np.isneginf(similarity)] = -1
        few = np.flatnonzero(rows[:, -1] < 0)
        step = max(1, MAX_SIMILARITIES // len(pool))
        for start in range(0, len(few), step):
            block = few[start : start + step]
            scores = self.vectors[block] @ self.vectors[pool].T
            if not itself:
                scores[block[:, None] == pool] = -np.inf
            best = np.argsort(-scores, axis=1)[:, : rows.shape[1]]
            found = np.take_along_axis(scores, best, 1)
            similarity[block, : best.shape[1]] = found
            rows[block, : best.shape[1]] = np.where(np.isneginf(found), -1, pool[best])

    def _probed(self, count: int) -> NDArray[np.int32]:
        """``(n, count)`` clusters whose centers are nearest to each RNA."""
        centers = torch.from_numpy(self.centers).T
        parts = [
            (torch.from_numpy(self.vectors[i : i + 16_384]) @ centers).topk(count, sorted=False).indices
            for i in range(0, len(self.vectors), 16_384)
        ]
        return torch.cat([part.to(torch.int32) for part in parts]).numpy()


def _closest(vectors: Vectors, centers: Vectors) -> Rows:
    """The nearest center of every vector."""
    parts = [(vectors[i : i + 16_384] @ centers.T).argmax(1) for i in range(0, len(vectors), 16_384)]
    return np.concatenate(parts).astype(np.int64)


def _groups(numbers: Rows, rows: Rows, count: int) -> list[Rows]:
    """Rows by number."""
    order = np.argsort(numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers, minlength=count))
    return np.split(rows[order], ends[:-1])


def audited(features: NDArray[np.float32], n: int) -> tuple[Rows, NDArray[np.float32]]:
    """Rows and features of the RNAs that are audited, from the features ``(m, d)`` of :func:`read_blocks`."""
    kept = np.linspace(0, len(features) - 1, min(AUDITED, len(features))).astype(np.int64)
    return kept * _step(n), features[kept]


def recall(
    path: Path, space: VectorSpace, some: tuple[Rows, NDArray[np.float32]], found: Rows, positions: Rows
) -> float:
    """Share of the true nearest neighbours, by all features, among those found, for some RNAs.

    Args:
        space: Space of the vectors; its standardization is used.
        some: The RNAs, from :func:`audited`.
        found: ``(n, k)`` neighbours by the row in the atlas.
        positions: ``(n,)`` row in the atlas of every embedding.
    """
    full, k = VectorSpace(space.mean, space.scale), found.shape[1]
    audited, queries = some[0], full(some[1])
    best = np.full((len(audited), 0), 0.0, np.float32)
    best_rows = np.full((len(audited), 0), 0, np.int64)
    start = 0
    for block in iter_embeddings(path):
        rows = np.arange(start, start + len(block))
        scores = queries @ full(block.matrix).T
        scores[audited[:, None] == rows] = -np.inf
        best = np.concatenate([best, scores], 1)
        best_rows = np.concatenate([best_rows, np.broadcast_to(rows, scores.shape)], 1)
        top = np.argsort(-best, axis=1)[:, :k]
        best, best_rows = np.take_along_axis(best, top, 1), np.take_along_axis(best_rows, top, 1)
        start += len(block)
    true, ours = positions[best_rows], found[positions[audited]]
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(true.tolist(), ours.tolist(), strict=True)]))
