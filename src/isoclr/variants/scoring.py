"""Scores of edited RNAs: the change of a head's prediction, or the distance in embedding space."""

from collections.abc import Sequence
from dataclasses import dataclass

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
from isoclr.variants.edits import Edit, Rna

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

    def embed(self, rna: Rna, edits: Sequence[tuple[Edit, Rna]]) -> tuple[Array, Array]:
        """Embedding ``(d,)`` of an RNA and changes ``(m, d)`` by edits, each with the edited RNA.

        A point mutation that leaves codons and exons in place is computed from the activations it can change; other
        edited RNAs are embedded whole.
        """
        changes = np.zeros((len(edits), self.encoder.dim))
        local = [i for i, (edit, edited) in enumerate(edits) if _is_local(rna, edit, edited)]
        if self._incremental is None or not local:
            embedding = self.encoder.embed_codes([rna.codes])[0].astype(np.float64)
            local = []
        else:
            reference = ReferenceRna(self._incremental, rna.codes)
            embedding = reference.embedding.cpu().numpy()
            positions = np.array([edits[i][0].start for i in local])
            bases = np.array([edits[i][0].alt[0] for i in local])
            changes[local] = _changes(reference, positions, bases)
        rest = sorted(set(range(len(edits))) - set(local))
        whole = [i for i in rest if len(edits[i][1])]
        if whole:
            vectors = self.encoder.embed_codes([edits[i][1].codes for i in whole])
            changes[whole] = vectors - embedding
        changes[[i for i in rest if not len(edits[i][1])]] = np.nan
        return embedding, changes

    def score(self, rna: Rna, edits: Sequence[tuple[Edit, Rna]]) -> list[Scores]:
        """Scores of edits of one RNA, one entry per name of :attr:`names`."""
        embedding, changes = self.embed(rna, edits)
        if not self.targets:
            return [_distance(changes)]
        return [_predict(target, embedding, changes) for target in self.targets]

    def ranks(self, rna: Rna, deltas: Sequence[Array]) -> list[Array]:
        """Percentile of each |delta| among those of all point mutations of the RNA, one entry per score.

        Args:
            rna: The RNA.
            deltas: ``(m,)`` for each score.
        """
        positions, bases = point_mutations(rna.codes)
        if self._incremental is None:
            return [np.full(len(delta), np.nan) for delta in deltas]
        reference = ReferenceRna(self._incremental, rna.codes)
        changes = _changes(reference, positions, bases)
        embedding = reference.embedding.cpu().numpy()
        if not self.targets:
            scanned = [_distance(changes).delta]
        else:
            scanned = [_predict(target, embedding, changes).delta for target in self.targets]
        return [
            100 * np.searchsorted(np.sort(abs(every)), abs(delta), side="right") / len(every)
            for every, delta in zip(scanned, deltas, strict=True)
        ]


def _is_local(rna: Rna, edit: Edit, edited: Rna) -> bool:
    return edit.is_snv and edited.cds == rna.cds


def _changes(
    reference: ReferenceRna,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    batch: int = 192,
) -> Array:
    """Changes of the embedding by point mutations ``(m, d)``; those equal modulo the stride go together."""
    changes: Array | None = None
    order = np.argsort(positions % STRIDE, kind="stable")
    phases = positions[order] % STRIDE
    for group in np.split(order, np.flatnonzero(np.diff(phases)) + 1):
        for start in range(0, len(group), batch):
            rows = group[start : start + batch]
            found = reference.changes(
                torch.from_numpy(positions[rows].astype(np.int64)),
                torch.from_numpy(bases[rows].astype(np.uint8)),
            )
            if changes is None:
                changes = np.empty((len(positions), found.shape[1]))
            changes[rows] = found.cpu().numpy()
    assert changes is not None
    return changes


def _distance(changes: Array) -> Scores:
    distance = np.linalg.norm(changes, axis=1)
    nothing = np.full(len(distance), np.nan)
    return Scores(np.nan, nothing, distance, nothing, nothing)


def _predict(target: Target, embedding: Array, changes: Array) -> Scores:
    if not isinstance(target.predictor, CVPlusRegressor):
        ref = float(target.predictor(embedding[None])[0])
        alt = expit(ref + changes @ target.predictor.coefficients)
        nothing = np.full(len(alt), np.nan)
        return Scores(float(expit(ref)), alt, alt - expit(ref), nothing, nothing)
    value = target.predictor.value
    ref = float(value(embedding[None])[0])
    delta = changes @ value.coefficients
    members = [member.value.coefficients for member in target.predictor.members]
    half = _half_width(changes @ np.stack(members, axis=1))
    return Scores(ref, ref + delta, delta, delta - half, delta + half)


def _half_width(deltas: Array) -> Array:
    """Half the interval of a change, from the models that each leave out one fold ``(m, folds)``.

    The jackknife over folds: the spread of the models says how much the change depends on the training RNAs.
    """
    k = deltas.shape[1]
    deviations = deltas - deltas.mean(1, keepdims=True)
    error = np.sqrt((k - 1) / k * (deviations**2).sum(1))
    return np.asarray(stats.t.ppf((1 + CONFIDENCE) / 2, k - 1) * error)
