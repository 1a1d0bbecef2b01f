"""Pairs: two transcripts of one gene set, an epoch's order of gene sets."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isoclr.views.streams import Stream, generator

Rows = NDArray[np.int64]


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
        rng = generator(self.seed, Stream.PAIRS, epoch)
        sets = rng.permutation(self.gene_sets)
        start = self.starts[sets]
        count = self.starts[sets + 1] - start
        first = rng.integers(0, count)
        # any of the others: 1 … count − 1 places further on, round the gene set
        second = (first + rng.integers(1, np.maximum(count, 2))) % count
        return Pairs(sets, self.order[start + first], self.order[start + second])
