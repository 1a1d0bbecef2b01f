"""Training data: validation gene sets, pairs of transcripts, and the batches of views that one process embeds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from isoclr.errors import InputError
from isoclr.models.packing import PackedBatch, PackingConfig, PackLayout, Rows, plan_layouts, to_device
from isoclr.pretraining.augmentations import Augmentation, CorpusLike, DeviceCorpus, make_views
from isoclr.pretraining.auxiliary import FEATURES, sequence_features
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.isoforms import with_isoforms
from isoclr.pretraining.losses import count_weights
from isoclr.training.distributed import Distributed
from isoclr.training.rng import RngStream, keyed_rng

MAX_VALIDATION_PAIRS = 1024
"""Retrieval gets harder with every candidate; this many are enough to measure it."""
FEATURE_SAMPLE = 4096
"""Transcripts from which mean and standard deviation of the auxiliary features are computed."""


def choose_validation_sets(counts: Rows, fraction: float, seed: int) -> Rows:
    """A random fraction of the gene sets with two or more transcripts.

    Args:
        counts: ``(g,)`` number of transcripts of each gene set.

    Returns:
        Sorted gene sets, at most :data:`MAX_VALIDATION_PAIRS`; none if the fraction is less than two gene sets, because
        retrieval needs at least two.
    """
    paired = np.flatnonzero(counts >= 2)
    size = min(MAX_VALIDATION_PAIRS, round(fraction * len(paired)))
    if size < 2:
        return np.empty(0, np.int64)
    return np.sort(keyed_rng(seed, RngStream.VALIDATION).choice(paired, size, replace=False))


def partition_by_length(lengths: Rows, ranks: int) -> list[Rows]:
    """Numbers of the views of each rank, so that ranks have equal numbers of nucleotides to within one view.

    The views are sorted by length and assigned in the order 0 1 2 2 1 0 …, so that no rank has only the long ones.

    >>> [rank.tolist() for rank in partition_by_length(np.array([10, 40, 30, 20]), 2)]
    [[1, 0], [2, 3]]
    """
    order = np.argsort(-lengths, kind="stable")
    position = np.arange(len(order)) % (2 * ranks)
    owner = np.where(position < ranks, position, 2 * ranks - 1 - position)
    return [order[owner == rank] for rank in range(ranks)]


class Pairs(NamedTuple):
    """One pair of transcripts for each of N gene sets; all fields are ``(N,)`` int64."""

    gene_sets: Rows
    first: Rows
    second: Rows


class PairSampler:
    """Samples one pair of transcripts per gene set and epoch, in a new order every epoch.

    Both transcripts are drawn uniformly and are distinct if the gene set has more than one. A gene set with one
    transcript gives the same one twice, so that only augmentation and dropout make the views differ. The last batch of
    an epoch may be smaller; no gene set is dropped.

    Args:
        order: ``(n,)`` transcripts sorted by gene set (``Corpus.members``).
        starts: ``(g + 1,)`` position in ``order`` where each gene set starts.

    >>> sampler = PairSampler(np.arange(4), np.array([0, 3, 4]), batch_size=8, seed=0)
    >>> pairs = sampler.batch(epoch=0, step=0)
    >>> sorted(pairs.gene_sets.tolist()), sampler.steps_per_epoch
    ([0, 1], 1)
    """

    def __init__(self, order: Rows, starts: Rows, *, batch_size: int, seed: int, gene_sets: Rows | None = None) -> None:
        self.order = np.asarray(order, np.int64)
        self.starts = np.asarray(starts, np.int64)
        self.batch_size = batch_size
        self.seed = seed
        counts = np.diff(self.starts)
        candidates = np.arange(len(counts)) if gene_sets is None else np.asarray(gene_sets)
        self.gene_sets = candidates[counts[candidates] >= 1]
        self._epoch = lru_cache(maxsize=2)(self._sample)

    @property
    def steps_per_epoch(self) -> int:
        """Batches per epoch, including the last, smaller one."""
        return -(-len(self.gene_sets) // self.batch_size)

    def batch(self, epoch: int, step: int) -> Pairs:
        """The pairs of one step, counted from 0 within its epoch."""
        part = slice(step * self.batch_size, (step + 1) * self.batch_size)
        return Pairs(*(field[part] for field in self._epoch(epoch)))

    def _sample(self, epoch: int) -> Pairs:
        rng = keyed_rng(self.seed, RngStream.PAIRS, epoch)
        sets = rng.permutation(self.gene_sets)
        start = self.starts[sets]
        count = self.starts[sets + 1] - start
        first = rng.integers(0, count)
        # one of the others: 1 … count − 1 positions further on, modulo count
        second = (first + rng.integers(1, np.maximum(count, 2))) % count
        return Pairs(sets, self.order[start + first], self.order[start + second])


class Batch(NamedTuple):
    """The views of N pairs as one process has them: view i < N is the first view of pair i, view N + i its second."""

    chunks: list[PackedBatch]
    positions: list[Tensor]
    """For every rank, ``(n_rank,)`` int64 numbers of its views, in the order of its rows; on the training device."""
    gene_sets: Tensor  # (N,) int64 gene set of each pair, on the training device
    nt: int  # Nucleotides of all 2N views, on all ranks
    padding: float  # Fraction of this process's chunks that is padding
    features: Tensor | None = None
    """``(n, f)`` sequence features of this process's views, for the auxiliary loss."""


@dataclass(frozen=True)
class ViewBuilder:
    """Makes the views of pairs of transcripts; they do not depend on the number of processes.

    Nothing here waits for a GPU: data are sent from pinned memory, and no value is read back.
    """

    corpus: DeviceCorpus
    augmentation: Augmentation
    packing: PackingConfig
    seed: int
    world: Distributed  # The processes of the run; views made on a CPU are sent to its device
    with_features: bool = False

    def batch(self, pairs: Pairs, epoch: int, step: int) -> Batch:
        """This process's views of the pairs of one step of an epoch."""
        transcripts = np.concatenate([pairs.first, pairs.second])  # (2N,)
        lengths = self.corpus.lengths[transcripts]
        sample = self.augmentation.draw(len(transcripts), seed=self.seed, epoch=epoch, step=step)
        by_rank = [
            self._layouts(views, lengths + sample.shift) for views in partition_by_length(lengths, self.world.size)
        ]
        own = by_rank[self.world.rank]
        features = None
        if self.with_features:
            features = sequence_features(self.corpus, transcripts[_views(own)]).to(self.world.device, non_blocking=True)
        return Batch(
            [self._on_device(chunk) for chunk in make_views(self.corpus, transcripts, sample, own)],
            self._positions(by_rank),
            to_device(pairs.gene_sets, self.world.device),
            int(lengths.sum()),
            _padding_fraction(own, lengths),
            features,
        )

    def _layouts(self, views: Rows, lengths: Rows) -> list[PackLayout]:
        """Layouts of one rank's views; every rank computes those of all, because rows are gathered."""
        layouts = plan_layouts(lengths[views], **vars(self.packing))
        return [layout._replace(rows=views[layout.rows]) for layout in layouts]

    def _positions(self, by_rank: list[list[PackLayout]]) -> list[Tensor]:
        views = [_views(layouts) for layouts in by_rank]
        on_device = to_device(np.concatenate(views), self.world.device)
        return list(torch.split(on_device, [len(part) for part in views]))

    def _on_device(self, chunk: PackedBatch) -> PackedBatch:
        if self.world.device.type != "cuda" or chunk.codes.is_cuda:
            return chunk.to(self.world.device)
        return chunk._replace(codes=chunk.codes.pin_memory()).to(self.world.device)


def _views(layouts: list[PackLayout]) -> Rows:
    return np.concatenate([np.empty(0, np.int64), *(layout.rows for layout in layouts)])


def _padding_fraction(layouts: list[PackLayout], lengths: Rows) -> float:
    total = sum(height * width for height, width in (layout.shape for layout in layouts))
    return 1 - int(lengths[_views(layouts)].sum()) / total if total else 0.0


class PretrainDataset:
    """The gene sets of a corpus that a run trains on, and those it validates on."""

    def __init__(self, corpus: CorpusLike, config: PretrainConfig, name: str = "corpus") -> None:
        order, starts = corpus.members
        counts = np.diff(starts)
        self.validation_sets = choose_validation_sets(counts, config.val_fraction, config.seed)
        """Gene sets that are not trained on; each has two transcripts or more in the corpus itself."""
        if config.in_silico_isoforms:
            corpus = with_isoforms(corpus, config.seed)
            order, starts = corpus.members
            counts = np.diff(starts)
        used = counts >= config.min_transcripts
        self.corpus, self.config = corpus, config
        """The corpus, with its in-silico isoforms if there are any."""
        self.weights = np.zeros(len(counts), np.float32)
        """``(g,)`` loss weight of every gene set of the corpus; 0 for those that are left out."""
        validated = used.copy()
        validated[self.validation_sets] = True  # also those with fewer transcripts than training takes
        if used.any():
            self.weights[validated] = count_weights(counts[validated], config.weight_offset, among=counts[used])
        training_sets = np.setdiff1d(np.flatnonzero(used), self.validation_sets)
        if len(training_sets) < 2:
            raise InputError(
                f"{name}: {len(training_sets)} gene sets to train on "
                f"(--min-transcripts {config.min_transcripts}), expected at least 2"
            )
        self.paired_fraction = float((counts[training_sets] >= 2).mean())
        """Fraction of the training gene sets with two or more transcripts."""
        self.sampler = PairSampler(
            order, starts, gene_sets=training_sets, batch_size=config.batch_size, seed=config.seed
        )
        """Pairs of the gene sets that are trained on."""
        self._validation_sampler = PairSampler(
            order, starts, gene_sets=self.validation_sets, batch_size=MAX_VALIDATION_PAIRS, seed=config.seed
        )

    def nt_of_batch(self) -> int:
        """Nucleotides of the first batch, over all processes and without shift."""
        pairs = self.sampler.batch(0, 0)
        lengths = np.asarray(self.corpus.index["length"], np.int64)
        return int(lengths[pairs.first].sum() + lengths[pairs.second].sum())

    def feature_statistics(self, corpus: DeviceCorpus) -> tuple[Tensor, Tensor, Tensor] | None:
        """``(f,)`` mean, standard deviation and weight of every auxiliary feature; None without the auxiliary loss.

        The features of a group share its weight equally.
        """
        if self.config.aux_weight == 0:
            return None
        order, starts = self.corpus.members
        members = np.concatenate([order[starts[g] : starts[g + 1]] for g in self.sampler.gene_sets])
        rng = keyed_rng(self.config.seed, RngStream.AUXILIARY)
        rows = rng.choice(members, min(len(members), FEATURE_SAMPLE), replace=False)
        parts = np.array_split(rows, -(-len(rows) // 256))
        features = torch.cat([sequence_features(corpus, part).cpu() for part in parts]).double()
        std = features.std(0, correction=0)
        std = torch.where(std > 1e-9, std, 0.0)
        weights = torch.cat([torch.full((g.size,), g.weight / g.size) for g in FEATURES.values()])
        return features.mean(0).float(), std.float(), weights

    def batches(self, corpus: DeviceCorpus, packing: PackingConfig, world: Distributed) -> Callable[[int], Batch]:
        """A function from a step, counted from the start of the run, to this rank's batch."""
        config = self.config
        augmentation = Augmentation(
            mask=config.mask, max_shift=config.shift, drop_splice=config.drop_splice, drop_tracks=config.drop_tracks
        )
        builder = self._builder(corpus, augmentation, packing, world)

        def batch_of(step: int) -> Batch:
            epoch, within = divmod(step, self.sampler.steps_per_epoch)
            return builder.batch(self.sampler.batch(epoch, within), epoch, within)

        return batch_of

    def validation_batch(self, corpus: DeviceCorpus, packing: PackingConfig, world: Distributed) -> Batch | None:
        """The validation pairs, always the same and without augmentation; None without any."""
        if len(self.validation_sets) == 0:
            return None
        builder = self._builder(corpus, Augmentation(), packing, world)
        return builder.batch(self._validation_sampler.batch(0, 0), 0, 0)

    def _builder(
        self, corpus: DeviceCorpus, augmentation: Augmentation, packing: PackingConfig, world: Distributed
    ) -> ViewBuilder:
        return ViewBuilder(
            corpus, augmentation, packing, seed=self.config.seed, world=world, with_features=self.config.aux_weight > 0
        )
