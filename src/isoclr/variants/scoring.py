"""Scores of edited RNAs: the change of a head's prediction, or the distance in embedding space."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from isoclr.analysis.fast_ism import IncrementalEncoder, ReferenceRna
from isoclr.analysis.ism import point_mutations
from isoclr.models.encoder import Encoder
from isoclr.models.packing import STRIDE
from isoclr.probing.conformal import CVPlusRegressor
from isoclr.probing.head import Head, Target
from isoclr.variants.edits import Rna

Array = NDArray[np.float64]
CONFIDENCE = 0.95
"""Confidence of the interval of a change."""


@dataclass(frozen=True)
class Scores:
    """Predictions for edits of one RNA; m edits."""

    ref: float
    """Prediction for the unedited RNA; NaN for a distance."""
    alt: Array
    """``(m,)`` prediction for the edited RNAs; NaN for distances."""
    delta: Array
    """``(m,)`` alt minus ref, or the distance of the embeddings."""
    low: Array
    """``(m,)`` lower end of the interval of delta; NaN where there is none."""
    high: Array
    """``(m,)`` upper end."""
    rank: Array
    """``(m,)`` percentile of the size of delta among all point mutations; NaN if it was not asked for."""


class Scorer:
    """Predicts what edits do, with an encoder and the targets of heads.

    Args:
        encoder: The encoder.
        heads: Heads of that encoder; without one, the distance in embedding space is the score.
    """

    def __init__(self, encoder: Encoder, heads: Sequence[Head] = ()) -> None:
        self.encoder = encoder
        self.targets = [target for head in heads for target in head.targets]
        self._incremental: IncrementalEncoder | None = None
        if encoder.network.architecture.gap is not None:
            self._incremental = IncrementalEncoder(encoder.network)

    @property
    def names(self) -> list[str]:
        """Names of the scores."""
        return [target.title for target in self.targets] or ["embedding distance"]

    def score(self, rna: Rna, edited: Sequence[Rna], *, rank: bool = False) -> list[Scores]:
        """Scores of edited versions of one RNA, one entry per name of :attr:`names`.

        Args:
            rna: The RNA.
            edited: What edits make of it. RNAs that differ by one base, with the same codons and exons, are computed
                from the activations that this base can change; others are embedded whole.
            rank: Also compare each change with those of all point mutations of the RNA.
        """
        local = self._point_mutations(rna, edited)
        if self._incremental is None or not (local or rank):
            embedding = self.encoder.embed_codes([rna.codes])[0].astype(np.float64)
            return self._scores(embedding, self._whole(embedding, edited, {}))
        reference = ReferenceRna(self._incremental, rna.codes)
        embedding = reference.embedding.cpu().numpy()
        changes = self._whole(embedding, edited, local)
        if local:
            places = np.array([*local.values()])
            changes[[*local]] = _changes(reference, places[:, 0], places[:, 1])
        scores = self._scores(embedding, changes)
        if not rank:
            return scores

        def deltas(some: Array) -> Array:
            return np.stack([one.delta for one in self._scores(embedding, some)], axis=1)

        every = _changes(reference, *point_mutations(rna.codes), read=deltas).T
        return [
            replace(one, rank=_percentile(one.delta, deltas))
            for one, deltas in zip(scores, every, strict=True)
        ]

    def _point_mutations(self, rna: Rna, edited: Sequence[Rna]) -> dict[int, tuple[int, int]]:
        """Position and new base of the edited RNAs that can be computed incrementally, by their number."""
        found = {}
        for i, one in enumerate(edited):
            if self._incremental is None or len(one) != len(rna) or one.cds != rna.cds:
                continue
            differing = np.flatnonzero(one.codes != rna.codes)
            if len(differing) == 1:
                position = int(differing[0])
                found[i] = position, int(one.bases[position])
        return found

    def _whole(self, embedding: Array, edited: Sequence[Rna], others: Container[int]) -> Array:
        """Changes of the embedding ``(m, d)``; zero for ``others``, NaN for an RNA without bases."""
        changes = np.zeros((len(edited), self.encoder.dim))
        rest = [i for i in range(len(edited)) if i not in others]
        changes[[i for i in rest if not len(edited[i])]] = np.nan
        filled = [i for i in rest if len(edited[i])]
        if filled:
            vectors = self.encoder.embed_codes([edited[i].codes for i in filled])
            changes[filled] = vectors - embedding
        return changes

    def _scores(self, embedding: Array, changes: Array) -> list[Scores]:
        targets: Sequence[Target | None] = self.targets or [None]
        return [_predict(target, embedding, changes) for target in targets]


def _percentile(delta: Array, every: Array) -> Array:
    """Percentage of all changes whose size is at most that of each."""
    below = np.searchsorted(np.sort(abs(every)), abs(delta), side="right")
    return np.where(np.isnan(delta), np.nan, 100 * below / len(every))


def _changes(
    reference: ReferenceRna,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    read: Callable[[Array], Array] = np.asarray,
    batch: int = 192,
) -> Array:
    """Changes of the embedding by point mutations ``(m, d)``, or what ``read`` makes of them.

    Those at positions that are near modulo the stride are computed together: the fewer there are, the less near.
    """
    span = 1 if len(positions) > 32 * batch else 8 if len(positions) > 64 else STRIDE
    groups = positions % STRIDE // span
    order = np.argsort(groups, kind="stable")
    device, found = reference.encoder.device, []
    for group in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        for rows in np.split(group, range(batch, len(group), batch)):
            changes = reference.changes(
                torch.from_numpy(positions[rows].astype(np.int64)).to(device),
                torch.from_numpy(bases[rows].astype(np.uint8)).to(device),
            )
            found.append(read(changes.double().cpu().numpy()))
    values = np.concatenate(found)
    values[order] = values.copy()
    return values


def _predict(target: Target | None, embedding: Array, changes: Array) -> Scores:
    """Scores of one target; without one, the distance of the embeddings."""
    nothing = np.full(len(changes), np.nan)
    if target is None:
        return Scores(np.nan, nothing, np.linalg.norm(changes, axis=1), nothing, nothing, nothing)
    if not isinstance(target.predictor, CVPlusRegressor):
        ref = float(target.predictor(embedding[None])[0])
        alt = expit(ref + changes @ target.predictor.coefficients)
        return Scores(float(expit(ref)), alt, alt - expit(ref), nothing, nothing, nothing)
    value = target.predictor.value
    ref = float(value(embedding[None])[0])
    delta = changes @ value.coefficients
    members = [member.value.coefficients for member in target.predictor.members]
    half = _half_width(changes @ np.stack(members, axis=1))
    return Scores(ref, ref + delta, delta, delta - half, delta + half, nothing)


def _half_width(deltas: Array) -> Array:
    """Half the interval of a change, from the models that each leave out one fold ``(m, folds)``.

    The jackknife over folds: the spread of the models says how much the change depends on the training RNAs.
    """
    k = deltas.shape[1]
    deviations = deltas - deltas.mean(1, keepdims=True)
    error = np.sqrt((k - 1) / k * (deviations**2).sum(1))
    return np.asarray(stats.t.ppf((1 + CONFIDENCE) / 2, k - 1) * error)
