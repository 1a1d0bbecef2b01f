"""Exact nearest neighbours by cosine, in blocks of bounded memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.probing.linear import standardize

BLOCK = 1 << 26
"""Similarities held at a time: 256 MB of them."""

Numbers = NDArray[np.int64]
Vectors = NDArray[np.float32]


def normalize(features: NDArray[np.floating]) -> Vectors:
    """Every feature scaled to mean 0 and standard deviation 1, then every RNA's vector to length 1, ``(n, d)``.

    A feature that hardly varies is left out, and an RNA whose features are all average has a vector of zeros.

    Args:
        features: ``(n, d)``.
    """
    wide = np.asarray(features, np.float64)
    mean, scale = standardize(wide)
    scaled = (wide - mean) * scale
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    return (scaled / np.where(norms > 0, norms, 1.0)).astype(np.float32)


@dataclass(frozen=True)
class Nearest:
    """The nearest neighbours of some RNAs.

    Attributes:
        rows: ``(q, k)`` numbers of the neighbours, the nearest first.
        similarity: ``(q, k)`` cosines.
    """

    rows: Numbers
    similarity: NDArray[np.float32]


def nearest(
    vectors: Vectors,
    queries: Numbers,
    k: int,
    apart: Mapping[str, Numbers],
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Nearest]:
    """The k nearest neighbours of RNAs among those that are not of their own kind.

    Every similarity is computed, a block of queries at a time; one pass serves all kinds.

    Args:
        vectors: ``(n, d)`` of unit length.
        queries: ``(q,)`` numbers of the RNAs whose neighbours are wanted.
        k: neighbours of each.
        apart: name → ``(n,)`` a number for every RNA: those of a query's own number are no candidates. Each must be a
            union of the ones before it, as species are of genes and genes of RNAs.
        progress: called with the number of queries done since the last call.

    Raises:
        InputError: some query has fewer than k candidates.
    """
    names = list(apart)
    order = np.lexsort([apart[name] for name in names])  # so that what lies apart lies together
    spans = {name: _spans(apart[name][order]) for name in names}
    _check(spans, k)
    place = np.argsort(order)
    base = torch.from_numpy(vectors[order])
    found = {name: Nearest(*_empty(len(queries), k)) for name in names}
    step = max(1, BLOCK // len(vectors))
    for start in range(0, len(queries), step):
        some = queries[start : start + step]
        similarity = torch.from_numpy(vectors[some]) @ base.T
        for name, result in found.items():
            _hide(similarity.numpy(), place[some], spans[name])
            top = similarity.topk(k)
            result.rows[start : start + step] = order[top.indices.numpy()]
            result.similarity[start : start + step] = top.values.numpy()
        progress(len(some))
    return found


def _spans(labels: Numbers) -> tuple[Numbers, Numbers]:
    """For every place the first and the end of the stretch that has its label."""
    begins = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
    sizes = np.diff(np.append(begins, len(labels)))
    return np.repeat(begins, sizes), np.repeat(begins + sizes, sizes)


def _check(spans: Mapping[str, tuple[Numbers, Numbers]], k: int) -> None:
    for name, (first, end) in spans.items():
        fewest = len(first) - int((end - first).max())
        if k > fewest:
            raise InputError(
                f"{k} nearest neighbours are wanted among {name}, and some RNA has only {fewest:,} to choose from"
            )


def _empty(q: int, k: int) -> tuple[Numbers, NDArray[np.float32]]:
    return np.empty((q, k), np.int64), np.empty((q, k), np.float32)


def _hide(similarity: NDArray[np.float32], places: Numbers, spans: tuple[Numbers, Numbers]) -> None:
    """Make, in place, what is no candidate less similar than anything."""
    firsts, ends = spans[0][places].tolist(), spans[1][places].tolist()
    for row, first, end in zip(similarity, firsts, ends, strict=True):
        row[first:end] = -np.inf
