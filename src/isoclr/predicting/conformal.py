"""Prediction intervals whatever the label's distribution: CV+.

Every training RNA i is predicted by the member that was fitted without its fold, and scored by how many expected errors
it was off: s_i = |y_i − ŷ_i| / e_i. For a new RNA x each score says where its label would lie if it behaved like RNA i,
ŷ(x) ± s_i·e(x), with ŷ and e from the member that did not see i. An interval of coverage c runs from the
⌊(1 − c)(n + 1)⌋-th smallest of the lower ends to the ⌈c(n + 1)⌉-th smallest of the upper ones (Barber et al. 2021).

Such an interval of c = 1 − α usually holds a share 1 − α of new labels; what theory guarantees, for RNAs that are
exchangeable with the training ones, is about 1 − 2α.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from isoclr.predicting.linear import Features, Line, Member, fit_member
from isoclr.probing.fitting import Array

CELLS = 500_000
"""Ends of intervals at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class Regression:
    """A predictor of a quantity, with intervals.

    Attributes:
        value: the prediction, fitted on all training RNAs.
        members: one a fold, fitted without it.
        scores: one array ``(n_k,)`` a fold: the scores of its RNAs.
        penalty: of ``value``.
    """

    value: Line
    members: tuple[Member, ...]
    scores: tuple[Array, ...]
    penalty: float

    def predict(self, features: Features, coverage: float) -> tuple[Array, Array, Array]:
        """Value and both ends of its interval, each ``(n,)``, for embeddings ``(n, d)``.

        Args:
            features: the embeddings.
            coverage: share 1 − α of RNAs like the training ones whose label usually lies in the interval, at most
                :attr:`largest`; guaranteed is about 1 − 2α.
        """
        value = self.value(features)
        centres = np.stack([member.value(features) for member in self.members], axis=1)
        errors = np.stack([member.expected_error(features) for member in self.members], axis=1)
        lower, upper = np.empty(len(value)), np.empty(len(value))
        step = max(1, CELLS // self.n)
        for start in range(0, len(value), step):
            rows = slice(start, start + step)
            lower[rows], upper[rows] = self._ends(centres[rows], errors[rows], coverage)
        return value, np.minimum(lower, value), np.maximum(upper, value)

    @property
    def n(self) -> int:
        """Number of scores: the training RNAs."""
        return sum(map(len, self.scores))

    @property
    def largest(self) -> float:
        """The largest coverage that so many scores have a rank for."""
        return largest_coverage(self.n)

    def _ends(self, centres: Array, errors: Array, coverage: float) -> tuple[Array, Array]:
        """Both ends from every member's centre and error, ``(n, k)``."""
        fold = np.repeat(np.arange(len(self.scores)), [len(scores) for scores in self.scores])
        reach = errors[:, fold] * np.concatenate(self.scores)
        rank = upper_rank(self.n, coverage)
        lower = np.partition(centres[:, fold] - reach, self.n - rank, axis=1)[:, self.n - rank]
        upper = np.partition(centres[:, fold] + reach, rank - 1, axis=1)[:, rank - 1]
        return lower, upper


def upper_rank(n: int, coverage: float) -> int:
    """Which of n sorted values, from 1, is the upper end of an interval; more than n when they are too few.

    >>> upper_rank(99, 0.9), upper_rank(8, 0.9)
    (90, 9)
    """
    return ceil(coverage * (n + 1) - 1e-9)  # 0.9·10 is a little more than 9 in floating point


def largest_coverage(n: int) -> float:
    """The largest coverage that n scores have a rank for: with a larger one the interval would have no end.

    A coverage 1 − α is what is usually seen; theory guarantees about 1 − 2α for exchangeable RNAs.
    """
    return n / (n + 1)


class LeavingOut:
    """Members that leave folds out, each fitted once.

    Judging a predictor on a fold that neither fitting nor calibration saw takes members that leave out two folds, and
    the member without f and g serves both f and g.
    """

    def __init__(
        self,
        features: Features,
        values: Array,
        groups: NDArray[np.str_],
        folds: NDArray[np.int64],
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        """Args: embeddings ``(n, d)``, labels, groups and fold numbers ``(n,)`` from 0; called after every fit."""
        self.features, self.values, self.groups, self.folds = features, values, groups, folds
        self.num_folds = int(folds.max()) + 1
        self._advance = advance
        self._fitted: dict[frozenset[int], Member] = {}

    @property
    def fits(self) -> int:
        """How many members there are in all: without one fold, without two, and of all."""
        return 1 + self.num_folds * (self.num_folds + 1) // 2

    def regression(self, held_out: int | None = None) -> Regression:
        """The predictor of all folds, or of all but one, which then neither fitted nor calibrated anything."""
        outside = frozenset() if held_out is None else frozenset({held_out})
        whole = self._without(outside)
        members, scores = [], []
        for fold in range(self.num_folds):
            if fold != held_out:
                members.append(self._without(outside | {fold}))
                scores.append(self._scores(members[-1], fold))
        return Regression(whole.value, tuple(members), tuple(scores), whole.penalties[0])

    def _scores(self, member: Member, fold: int) -> Array:
        rows = self.folds == fold
        features = self.features[rows]
        off = np.abs(self.values[rows] - member.value(features))
        return np.asarray(off / member.expected_error(features))

    def _without(self, outside: frozenset[int]) -> Member:
        if outside not in self._fitted:
            rows = ~np.isin(self.folds, list(outside))
            self._fitted[outside] = fit_member(
                self.features[rows], self.values[rows], self.groups[rows]
            )
            self._advance()
        return self._fitted[outside]
