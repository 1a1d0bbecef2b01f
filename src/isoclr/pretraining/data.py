"""From a corpus to the chunks that one process embeds: pairs, layout, masks, shift, and the deal to ranks."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.errors import InputError
from isoclr.models.packing import PackedBatch, PackingConfig, plan_layouts, to_device
from isoclr.pretraining.augmentations import (
    Augmentation,
    CorpusLike,
    DeviceCorpus,
    Placement,
    make_views,
)
from isoclr.pretraining.auxiliary import PARTS, sequence_features
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.losses import count_weights
from isoclr.training.distributed import Distributed
from isoclr.training.rng import RngStream, keyed_rng

Rows = NDArray[np.int64]

MOST_PAIRS = 1024
"""Retrieval gets harder with every candidate; this many are enough to measure it."""


def hold_out(counts: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Gene sets to keep out of training: a random share of those with a true pair of transcripts.

    Args:
        counts: ``(g,)`` transcripts of each gene set.
        share: share of the gene sets with at least two transcripts.
        seed: the run's seed.

    Returns:
        Their numbers, sorted; at most :data:`MOST_PAIRS`, and none when the share is less than two gene sets
        (nothing can be retrieved among one).
    """
    paired = np.flatnonzero(counts >= 2)
    size = min(MOST_PAIRS, round(share * len(paired)))
    if size < 2:
        return np.empty(0, np.int64)
    return np.sort(keyed_rng(seed, RngStream.HELD_OUT).choice(paired, size, replace=False))


def partition_by_length(lengths: Rows, ranks: int) -> list[Rows]:
    """Deal views to ranks so that all get as many nucleotides, up to less than one view.

    The views are sorted by length and dealt to and fro (0 1 2 2 1 0 …): a rank never sees only the long ones.

    Args:
        lengths: ``(n,)`` nt.
        ranks: number of processes.

    Returns:
        For each rank the numbers of its views, longest first.

    >>> [rank.tolist() for rank in deal(np.array([10, 40, 30, 20]), 2)]
    [[1, 0], [2, 3]]
    """
    order = np.argsort(-lengths, kind="stable")
    place = np.arange(len(order)) % (2 * ranks)
    owner = np.where(place < ranks, place, 2 * ranks - 1 - place)
    return [order[owner == rank] for rank in range(ranks)]


class Pairs(NamedTuple):
    """One pair of transcripts for each of N gene sets; all fields are ``(N,)`` int64."""

    gene_sets: Rows
    first: Rows
    second: Rows


class PairSampler:
    """One pair of transcripts per gene set and epoch, in an order that is new in every epoch.

    Both transcripts are drawn uniformly from the gene set and are distinct when it has more than one; a gene
    set of one gives the same transcript twice (mask and dropout then make the difference). The last batch of an
    epoch may be smaller than the others; no gene set is lost.

    Args:
        order: ``(n,)`` transcripts, gene set by gene set (``Corpus.members``).
        starts: ``(g + 1,)`` where each gene set starts in ``order``.
        batch_size: gene sets, that is pairs, in a batch.
        seed: the run's seed.
        gene_sets: the gene sets to draw from; None: all.
        min_transcripts: leave out gene sets with fewer transcripts; 2 leaves out those without a true pair.

    >>> sampler = PairSampler(np.arange(4), np.array([0, 3, 4]), batch_size=8, seed=0)
    >>> pairs = sampler.batch(epoch=0, step=0)
    >>> sorted(pairs.gene_sets.tolist()), sampler.steps_per_epoch
    ([0, 1], 1)
    """

    def __init__(
        self,
        order: Rows,
        starts: Rows,
        *,
        batch_size: int,
        seed: int,
        gene_sets: Rows | None = None,
        min_transcripts: int = 1,
    ) -> None:
        self.order = np.asarray(order, np.int64)
        self.starts = np.asarray(starts, np.int64)
        self.batch_size = batch_size
        self.seed = seed
        counts = np.diff(self.starts)
        chosen = np.arange(len(counts)) if gene_sets is None else np.asarray(gene_sets, np.int64)
        self.gene_sets = chosen[counts[chosen] >= max(1, min_transcripts)]
        self._epoch = lru_cache(maxsize=2)(self._draw)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, the last, smaller one included."""
        return -(-len(self.gene_sets) // self.batch_size)

    def batch(self, epoch: int, step: int) -> Pairs:
        """The pairs of one step (0-based, within its epoch)."""
        part = slice(step * self.batch_size, (step + 1) * self.batch_size)
        return Pairs(*(field[part] for field in self._epoch(epoch)))

    def _draw(self, epoch: int) -> Pairs:
        rng = keyed_rng(self.seed, RngStream.PAIRS, epoch)
        sets = rng.permutation(self.gene_sets)
        start = self.starts[sets]
        count = self.starts[sets + 1] - start
        first = rng.integers(0, count)
        # any of the others: 1 … count − 1 places further on, round the gene set
        second = (first + rng.integers(1, np.maximum(count, 2))) % count
        return Pairs(sets, self.order[start + first], self.order[start + second])


class Batch(NamedTuple):
    """The views of N pairs, as one process sees them.

    View i < N is the first view of pair i, view N + i its second.
    """

    chunks: list[PackedBatch]
    """This process's views."""
    places: list[Tensor]
    """For every rank the numbers of the views that its rows are, (n_rank,) int64, on the device that trains."""
    gene_sets: Tensor
    """(N,) int64 gene set of each pair, on the device that trains."""
    nt: int
    """Nucleotides of all 2N views, on all ranks."""
    waste: float
    """Share of this process's chunks that is padding."""
    composition: Tensor | None = None
    """(n, f) what this process's RNAs are made of, when it is asked for."""


class ViewBuilder:
    """Makes the views of pairs of transcripts, the same ones whatever the number of processes.

    Nothing here waits for a GPU: what the host knows is sent from pinned memory, and no figure is read back.

    Args:
        resident: the corpus, on the device that makes the views.
        augmentation: what the views lose.
        packing: how they are put into chunks.
        seed: the run's seed.
        rank: this process.
        ranks: number of processes.
        device: where the encoder is; views that are made on the CPU for a GPU are sent there.
        with_composition: whether to say of every view what its RNA is made of.
    """

    def __init__(
        self,
        resident: DeviceCorpus,
        augmentation: Augmentation,
        packing: PackingConfig,
        *,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        device: torch.device | str = "cpu",
        with_composition: bool = False,
    ) -> None:
        self.resident = resident
        self.augmentation = augmentation
        self.packing = packing
        self.seed = seed
        self.rank = rank
        self.ranks = ranks
        self.device = torch.device(device)
        self.with_composition = with_composition

    def batch(self, pairs: Pairs, epoch: int, step: int) -> Batch:
        """This process's share of the views of the pairs drawn for one step of an epoch."""
        transcripts = np.concatenate([pairs.first, pairs.second])  # (2N,)
        lengths = self.resident.lengths[transcripts]
        draws = self.augmentation.draw(len(transcripts), seed=self.seed, epoch=epoch, step=step)
        hands = [
            self._placed(hand, lengths + draws.shift)
            for hand in partition_by_length(lengths, self.ranks)
        ]
        mine = hands[self.rank]
        chunks = make_views(self.resident, transcripts, draws, mine)
        return Batch(
            [self._on_device(chunk) for chunk in chunks],
            self._places(hands),
            to_device(pairs.gene_sets, self.device),
            int(lengths.sum()),
            _waste(mine, lengths),
            self._composition(transcripts, mine),
        )

    def _placed(self, hand: Rows, lengths: Rows) -> list[Placement]:
        """Where the views of one rank lie; every rank knows it of all, because their rows are gathered."""
        layouts = plan_layouts(
            lengths[hand],
            gap=self.packing.gap,
            chunk_nt=self.packing.chunk_nt,
            round_to=self.packing.round_to,
        )
        return [Placement(layout, hand[layout.rows]) for layout in layouts]

    def _places(self, hands: list[list[Placement]]) -> list[Tensor]:
        views = [np.concatenate([_NONE, *(p.views for p in hand)]) for hand in hands]
        together = to_device(np.concatenate(views), self.device)
        return list(torch.split(together, [len(of_rank) for of_rank in views]))

    def _composition(self, transcripts: Rows, placings: list[Placement]) -> Tensor | None:
        if not self.with_composition:
            return None
        views = np.concatenate([_NONE, *(placing.views for placing in placings)])
        return sequence_features(self.resident, transcripts[views]).to(
            self.device, non_blocking=True
        )

    def _on_device(self, chunk: PackedBatch) -> PackedBatch:
        if self.device.type != "cuda" or chunk.codes.is_cuda:
            return chunk.to(self.device)
        return chunk._replace(codes=chunk.codes.pin_memory()).to(self.device)


_NONE = np.empty(0, np.int64)


def _waste(placings: list[Placement], lengths: Rows) -> float:
    total = sum(height * width for height, width in (p.layout.shape for p in placings))
    real = sum(int(lengths[p.views].sum()) for p in placings)
    return 1 - real / total if total else 0.0


COMPOSITION_SAMPLE = 4096
"""Transcripts that the scale of the compositions is taken from."""


class PretrainDataset:
    """Which gene sets of a corpus a run trains on, and which it only measures on.

    Args:
        corpus: the corpus.
        recipe: the run's options.
        name: what to call the corpus in an error.

    Raises:
        InputError: there are too few gene sets to contrast.

    Attributes:
        weights: ``(g,)`` float32 loss weight of every gene set of the corpus.
        held_out: numbers of the gene sets that are not trained on.
        sampler: pairs of the gene sets that are.
    """

    def __init__(self, corpus: CorpusLike, recipe: PretrainConfig, name: str = "corpus") -> None:
        order, starts = corpus.members
        counts = np.diff(starts)
        used = counts >= recipe.min_transcripts
        self.corpus, self.recipe = corpus, recipe
        self.weights = np.zeros(len(counts), np.float32)
        self.weights[used] = count_weights(counts[used], recipe.weight_offset) if used.any() else 0
        self.held_out = hold_out(counts, recipe.held_out, recipe.seed)
        trained_on = np.setdiff1d(np.flatnonzero(used), self.held_out)
        if len(trained_on) < 2:
            raise InputError(
                f"{name}: {len(trained_on)} gene sets to train on "
                f"(--min-transcripts {recipe.min_transcripts}), expected at least 2"
            )
        self.sampler = PairSampler(
            order, starts, gene_sets=trained_on, batch_size=recipe.batch_size, seed=recipe.seed
        )
        self._fixed = PairSampler(
            order, starts, gene_sets=self.held_out, batch_size=MOST_PAIRS, seed=recipe.seed
        )

    def nt_of_batch(self) -> int:
        """Nucleotides of a batch, over all processes: those of the first one, before the shift."""
        pairs = self.sampler.batch(0, 0)
        lengths = np.asarray(self.corpus.index["length"], np.int64)
        return int(lengths[pairs.first].sum() + lengths[pairs.second].sum())

    def composition_scale(self, resident: DeviceCorpus) -> tuple[Tensor, Tensor, Tensor] | None:
        """Mean, standard deviation and weight of every number of a composition; None: it is not asked for.

        Each of the things that it tells has its weight, however many numbers tell it.
        """
        if self.recipe.composition == 0:
            return None
        order, starts = self.corpus.members
        members = np.concatenate([order[starts[g] : starts[g + 1]] for g in self.sampler.gene_sets])
        rng = keyed_rng(self.recipe.seed, RngStream.COMPOSITION)
        drawn = rng.choice(members, min(len(members), COMPOSITION_SAMPLE), replace=False)
        pieces = np.array_split(drawn, -(-len(drawn) // 256))
        found = torch.cat([sequence_features(resident, piece).cpu() for piece in pieces]).double()
        deviation = found.std(0, correction=0)
        scale = torch.where(deviation > 1e-9, deviation, 0.0)
        weights = torch.cat([torch.full((p.size,), p.weight / p.size) for p in PARTS.values()])
        return found.mean(0).float(), scale.float(), weights

    def batches(
        self, resident: DeviceCorpus, packing: PackingConfig, world: Distributed
    ) -> Callable[[int], Batch]:
        """What makes this rank's views of a step, counted from the start of the run."""
        recipe = self.recipe
        augmentation = Augmentation(
            mask=recipe.mask,
            most_shift=recipe.shift,
            drop_splice=recipe.drop_splice,
            drop_tracks=recipe.drop_tracks,
        )
        maker = self._maker(resident, augmentation, packing, world)

        def batch_of(step: int) -> Batch:
            epoch, within = divmod(step, self.sampler.steps_per_epoch)
            return maker.batch(self.sampler.batch(epoch, within), epoch, within)

        return batch_of

    def held_out_batch(
        self, resident: DeviceCorpus, packing: PackingConfig, world: Distributed
    ) -> Batch | None:
        """The held-out pairs, always the same, as they are; None when there are none."""
        if len(self.held_out) == 0:
            return None
        maker = self._maker(resident, Augmentation(), packing, world)
        return maker.batch(self._fixed.batch(0, 0), 0, 0)

    def _maker(
        self,
        resident: DeviceCorpus,
        augmentation: Augmentation,
        packing: PackingConfig,
        world: Distributed,
    ) -> ViewBuilder:
        return ViewBuilder(
            resident,
            augmentation,
            packing,
            seed=self.recipe.seed,
            rank=world.rank,
            ranks=world.size,
            device=world.device,
            with_composition=self.recipe.composition > 0,
        )
