"""Scores of edited RNAs: the change of a head's prediction, or the distance in embedding space."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, stdtrit

from isoclr.analysis.fast_ism import BATCH, IncrementalEncoder, ReferenceRna, mutation_batches
from isoclr.analysis.ism import mutate_base, point_mutations
from isoclr.embedding.embed import added_features, crop
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes
from isoclr.models.encoder import Encoder
from isoclr.models.packing import STRIDE
from isoclr.probing.head import Head, Target
from isoclr.probing.linear import LinearModel
from isoclr.probing.network import NetworkRegressor
from isoclr.variants.edits import Rna

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
CONFIDENCE = 0.95  # Confidence of the interval of a change


@dataclass(frozen=True)
class Scores:
    """Predictions for edits of one RNA; m edits."""

    ref: float  # Prediction for the unedited RNA; NaN for a distance
    alt: Array  # (m,) prediction for the edited RNAs; NaN for distances
    delta: Array  # (m,) alt minus ref, or the distance of the embeddings
    low: Array  # (m,) lower end of the interval of delta; NaN where there is none
    high: Array  # (m,) upper end
    rank: Array  # (m,) percentile of the size of delta among all point mutations; NaN if it was not asked for


class Scorer:
    """Predicts what edits do, with an encoder and the targets of heads.

    Args:
        heads: Heads of that encoder; without one, the distance in embedding space is the score.
    """

    def __init__(self, encoder: Encoder, heads: Sequence[Head] = ()) -> None:
        self.encoder, self.heads = encoder, heads
        self.targets = [target for head in heads for target in head.targets]
        self._regions = [head.region for head in heads for _ in head.targets]
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
            edited: What edits make of it. RNAs that differ by one base, with the same codons and exons, are computed
                from the activations that this base can change; others are embedded whole.
            rank: Also compare each change with those of all point mutations of the RNA, or of the region of it that the
                head reads.
        """
        if not self.targets:
            return self._score_region("rna", [None], rna, edited, rank)
        scores: dict[int, Scores] = {}
        for region in dict.fromkeys(self._regions):
            own = [i for i, one in enumerate(self._regions) if one == region]
            targets = [self.targets[i] for i in own]
            found = self._score_region(region, targets, rna, edited, rank)
            scores |= zip(own, found, strict=True)
        return [scores[i] for i in range(len(self.targets))]

    def _score_region(
        self, region: str, targets: Sequence[Target | None], rna: Rna, edited: Sequence[Rna], rank: bool
    ) -> list[Scores]:
        """Scores of the targets that read one region."""
        codes, others = crop(rna.codes, region), [crop(one.codes, region) for one in edited]
        local = {} if self._incremental is None else _point_mutations(codes, others)
        if self._incremental is None or not (local or rank):
            embedding = self.encoder.embed_codes([codes])[0].astype(np.float64)
        else:
            reference = ReferenceRna(self._incremental, codes)
            embedding = reference.embedding.cpu().numpy()
        d, added = self.encoder.dim, added_features([codes], region)
        changes = np.zeros((len(others), d + added.shape[1]))
        changes[:, d:] = added_features(others, region) - added
        is_known = region == "rna" or rna.cds is not None
        has_region = [is_known and len(one) > 0 and (region == "rna" or one.cds is not None) for one in edited]
        changes[~np.array(has_region, bool)] = np.nan
        rest = [
            i for i, one in enumerate(others) if has_region[i] and i not in local and not np.array_equal(one, codes)
        ]
        if rest:
            changes[rest, :d] = self.encoder.embed_codes([others[i] for i in rest]) - embedding
        if local:
            places = np.array([*local.values()])
            changes[[*local], :d] += _changes(reference, places[:, 0], places[:, 1])
        embedding = np.concatenate([embedding, added[0]])
        scores = [_predict(target, embedding, changes) for target in targets]
        if not rank or self._incremental is None:
            return scores
        positions, bases = point_mutations(codes)

        def deltas(some: Array, rows: Ints) -> Array:
            if region != "rna":
                mutants = [mutate_base(codes, positions[i], bases[i]) for i in rows.tolist()]
                some = np.hstack([some, added_features(mutants, region) - added])
            scored = [_predict(target, embedding, some) for target in targets]
            return np.stack([one.delta for one in scored], axis=1)

        every = _changes(reference, positions, bases, read=deltas).T
        return [replace(one, rank=_percentile(one.delta, of_all)) for one, of_all in zip(scores, every, strict=True)]


def _point_mutations(codes: Codes, others: Sequence[Codes]) -> dict[int, tuple[int, int]]:
    """Position and new base of the RNAs that differ in one base and in no codon or exon mark, by their number."""
    found = {}
    for i, one in enumerate(others):
        differing = np.flatnonzero(one != codes) if len(one) == len(codes) else np.empty(0, int)
        if len(differing) != 1:
            continue
        position = int(differing[0])
        if one[position] | NUCLEOTIDE_BITS == codes[position] | NUCLEOTIDE_BITS:
            found[i] = position, int(one[position] & NUCLEOTIDE_BITS)
    return found


def _percentile(delta: Array, every: Array) -> Array:
    """Percentage of all changes whose size is at most that of each."""
    below = np.searchsorted(np.sort(abs(every)), abs(delta), side="right")
    return np.where(np.isnan(delta), np.nan, 100 * below / len(every))


def _changes(
    reference: ReferenceRna,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    read: Callable[[Array, Ints], Array] = lambda changes, _: changes,
) -> Array:
    """Changes of the embedding by point mutations ``(m, d)``, or what ``read`` makes of some of them and their numbers.

    Those at positions that are near modulo the stride are computed together: the fewer there are, the less near.
    """
    span = 1 if len(positions) > 32 * BATCH else 8 if len(positions) > 64 else STRIDE
    batches = mutation_batches(positions, span)
    device, found = reference.encoder.device, []
    for rows in batches:
        changes = reference.changes(
            torch.from_numpy(positions[rows].astype(np.int64)).to(device),
            torch.from_numpy(bases[rows].astype(np.uint8)).to(device),
        )
        found.append(read(changes.double().cpu().numpy(), rows))
    values = np.concatenate(found)
    values[np.concatenate(batches)] = values.copy()
    return values


def _predict(target: Target | None, embedding: Array, changes: Array) -> Scores:
    """Scores of one target; without one, the distance of the embeddings."""
    nothing = np.full(len(changes), np.nan)
    if target is None:
        return Scores(np.nan, nothing, np.linalg.norm(changes, axis=1), nothing, nothing, nothing)
    if isinstance(target.predictor, NetworkRegressor):
        before, alt = (target.predictor.value(one) for one in (embedding[None], embedding + changes))
        return Scores(float(before[0]), alt, alt - before, nothing, nothing, nothing)
    if isinstance(target.predictor, LinearModel):
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
    return np.asarray(stdtrit(k - 1, (1 + CONFIDENCE) / 2) * error)
