"""How often a neighbour drawn at random would be a relative."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.latent.kinship import Numbers, Relatives

LIKE_LENGTH = 1.1
"""Two RNAs are of like length when neither is longer than the other by more than this factor."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """For some RNAs, how many candidates there are and how many of them are relatives.

    Attributes:
        relatives: ``(q,)`` candidates of the relation.
        candidates: ``(q,)``.
        relatives_of_like_length: ``(q,)`` those of them within :data:`LIKE_LENGTH`.
        of_like_length: ``(q,)`` candidates within it.
    """

    relatives: Numbers
    candidates: Numbers
    relatives_of_like_length: Numbers
    of_like_length: Numbers

    def chance(self, k: int) -> Values:
        """``(q,)`` probability that k candidates drawn without replacement have a relative among them."""
        misses = np.ones(len(self.relatives))
        for drawn in range(k):
            left = np.maximum(self.candidates - self.relatives - drawn, 0)
            misses *= left / np.maximum(self.candidates - drawn, 1)
        return 1.0 - misses

    def chance_of_like_length(self) -> Values:
        """``(q,)`` probability that one drawn among the candidates of like length is a relative; NaN without any."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.relatives_of_like_length / self.of_like_length.astype(np.float64)


def count(known: Relatives, queries: Numbers, relation: int, apart: Numbers) -> Counts:
    """Count candidates and relatives.

    Args:
        known: who all RNAs are.
        queries: ``(q,)`` numbers of some.
        relation: a number of :data:`isoclr.latent.kinship.RELATIONS`, not that of unrelated RNAs.
        apart: ``(n,)`` a number for every RNA; those of a query's own are no candidates.
    """
    pairs, n = known.pairs, len(known)
    kept = (pairs.relation == relation) & (apart[pairs.first] != apart[pairs.second])
    first, second = pairs.first[kept], pairs.second[kept]
    like = _are_like(known.length[first], known.length[second])
    total = np.bincount(apart)[apart]
    alike = _of_like_length(known.length, np.zeros(n, np.int64)) - _of_like_length(
        known.length, apart
    )
    return Counts(
        relatives=np.bincount(first, minlength=n)[queries],
        candidates=(n - total)[queries],
        relatives_of_like_length=np.bincount(first[like], minlength=n)[queries],
        of_like_length=alike[queries],
    )


def _are_like(a: Numbers, b: Numbers) -> NDArray[np.bool_]:
    return np.maximum(a, b) <= LIKE_LENGTH * np.minimum(a, b)


def _of_like_length(length: Numbers, labels: Numbers) -> Numbers:
    """For every RNA, how many of its label are of like length, itself included."""
    found = np.empty(len(length), np.int64)
    order = np.lexsort((length, labels))
    edges = np.flatnonzero(np.diff(labels[order])) + 1
    for rows in np.split(order, edges):
        own = length[rows]
        lowest = np.searchsorted(LIKE_LENGTH * own, own, side="left")  # own <= 1.1 · shorter
        highest = np.searchsorted(own, LIKE_LENGTH * own, side="right")
        found[rows] = highest - lowest
    return found
