"""A head: what turns an embedding into the prediction of one or several measured labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from isoclr.errors import InputError
from isoclr.predicting.conformal import Regression
from isoclr.predicting.linear import Features, Line
from isoclr.predicting.novelty import Novelty
from isoclr.probing.fitting import Array


@dataclass(frozen=True)
class Predictions:
    """What a head says of RNAs.

    Attributes:
        value: ``(n,)`` the label, in its units; for a label of two classes the probability of class 1.
        lower: ``(n,)`` lower end of the prediction interval; NaN for classes.
        upper: ``(n,)`` its upper end.
        extrapolating: ``(n,)`` whether the RNA is unlike those the head was trained on: its embedding lies farther from
            theirs than that of 99.9 % of them does, or has a value far outside theirs where they hardly vary; its
            length is outside theirs; or they have a coding sequence, or an annotated one, and it has none such.
    """

    value: Array
    lower: Array
    upper: Array
    extrapolating: NDArray[np.bool_]


@dataclass(frozen=True)
class Target:
    """The predictor of one label.

    Attributes:
        name: the label's column.
        predictor: with intervals for a quantity, the log-odds for a label of two classes.
        novelty: the cloud of training embeddings.
        lengths: nt of the shortest and longest training RNA.
        facts: what else is known of it, as ``head.json`` says it.
    """

    name: str
    predictor: Regression | Line
    novelty: Novelty
    lengths: tuple[int, int]
    facts: dict[str, Any]

    @property
    def title(self) -> str:
        """The name with its units, as a table says it."""
        units = self.facts.get("units", "")
        return f"{self.name} ({units})" if units else self.name

    @property
    def largest_coverage(self) -> float:
        """The largest coverage its intervals can have."""
        return self.predictor.largest if isinstance(self.predictor, Regression) else 1.0


@dataclass(frozen=True)
class Head:
    """A directory that ``isoclr fit`` wrote, ready to predict.

    Attributes:
        name: the task.
        targets: one a label.
        model: metadata of the embeddings it was fitted on: the model's name, its weights' SHA-256, …
        species: of the training RNAs.
        rnas: which RNAs it was trained on: all, coding or annotated.
        coverage: of the intervals, unless another is asked for.
        facts: everything of ``head.json``.
    """

    name: str
    targets: tuple[Target, ...]
    model: dict[str, str]
    species: tuple[str, ...]
    rnas: str
    coverage: float
    facts: dict[str, Any]

    def __repr__(self) -> str:
        names = ", ".join(target.name for target in self.targets)
        of = " and ".join(name or "unnamed" for name in self.species)
        return f"Head({self.name!r}: {names}; species {of}, {self.model['model']})"

    @property
    def dim(self) -> int:
        """Size of the embeddings it reads."""
        return len(self.targets[0].novelty.mean)

    def predict(
        self,
        features: Features,
        *,
        target: str | None = None,
        coverage: float | None = None,
        lengths: NDArray[np.int64] | None = None,
        coding: NDArray[np.bool_] | None = None,
        annotated: NDArray[np.bool_] | None = None,
    ) -> Predictions:
        """Predict a label from embeddings.

        Args:
            features: ``(n, d)`` embeddings of the model that the head belongs to.
            target: which label, when the head has several.
            coverage: of the intervals; by default what the head was made with.
            lengths: ``(n,)`` nt of the RNAs, to tell whether they are outside the training range.
            coding: ``(n,)`` whether they have a coding sequence, annotated or found as an open reading frame.
            annotated: ``(n,)`` whether an annotation gives their coding sequence.

        Raises:
            InputError: embeddings of another size or not finite, no such target, or a coverage that the head's
                calibration cannot vouch for.
        """
        chosen = self._target(target)
        features = self._checked(np.asarray(features))
        coverage = self.check_coverage(coverage)
        new = chosen.novelty(features)
        if lengths is not None:
            shortest, longest = chosen.lengths
            new |= (lengths < shortest) | (lengths > longest)
        if coding is not None and self.rnas != "all":
            new |= ~coding
        if annotated is not None and self.rnas == "annotated":
            new |= ~annotated
        if isinstance(chosen.predictor, Line):
            unknown = np.full(len(features), np.nan)
            return Predictions(expit(chosen.predictor(features)), unknown, unknown, new)
        return Predictions(*chosen.predictor.predict(features, coverage), new)

    def check_coverage(self, coverage: float | None) -> float:
        """The coverage of the intervals.

        Raises:
            InputError: it is no share, or more than the calibration RNAs can vouch for.
        """
        coverage = self.coverage if coverage is None else coverage
        largest = min(target.largest_coverage for target in self.targets)
        if not 0 < coverage <= largest:
            raise InputError(
                f"coverage {coverage:g}: expected more than 0 and at most {largest:.4g}, which is what "
                f"the training RNAs of head {self.name!r} can vouch for"
            )
        return coverage

    def _target(self, name: str | None) -> Target:
        if name is None and len(self.targets) == 1:
            return self.targets[0]
        for target in self.targets:
            if target.name == name:
                return target
        known = ", ".join(target.name for target in self.targets)
        raise InputError(
            f"target {name!r}: head {self.name!r} predicts {known}; choose one of them"
        )

    def _checked(self, features: Features) -> Features:
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise InputError(
                f"embeddings of shape {features.shape}: head {self.name!r} expects (n, {self.dim})"
            )
        bad = ~np.isfinite(features).all(axis=1)
        if bad.any():
            raise InputError(f"embedding {int(bad.argmax()) + 1} is not finite")
        return features
