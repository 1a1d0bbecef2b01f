"""Views: which two transcripts of a gene set are pulled together, and what of them the encoder gets to see.

A contrastive batch is a random draw of gene sets. From each come two transcripts, the *views*: isoforms of one
gene, or transcripts of homologous genes. Each view loses its own random share of positions (the mask), and all
views of a batch start 0–3 nt late (the shift), so that the encoder cannot count on a reading frame.

Every random draw is keyed by what it is for – the run's seed, a :class:`Stream`, the epoch, the step, the view –
and by nothing else. The same batch therefore has the same views on one process or on many, today or after a
resume, and the whole state of the sampler is the pair (epoch, step).
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from isoclr.corpus.codes import MASK, PAD, Codes
from isoclr.models.chunk import Chunk
from isoclr.models.resnet import STRIDE

WIDEST_GAP = 0.15
"""A chunk ends before a view that is shorter than its longest by more than this share."""

Rows = NDArray[np.int64]


class Stream(IntEnum):
    """What random numbers are for; each purpose has numbers of its own."""

    PAIRS = 0
    MASK = 1
    SHIFT = 2
    DROPOUT = 3
    HELD_OUT = 4


def generator(seed: int, stream: Stream, *key: int) -> np.random.Generator:
    """Random numbers that depend on the run's seed, their purpose and a key, and on nothing drawn before."""
    return np.random.default_rng((seed, int(stream), *key))


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


def mask(codes: Codes, rate: float, rng: np.random.Generator) -> Codes:
    """A copy in which every position is hidden (all six tracks 0.25) with probability ``rate``.

    Positions are drawn independently, so the masked share of a view varies a little around ``rate``.

    Args:
        codes: ``(L,)`` codes of one view, without padding: only real positions can be masked.
        rate: probability of masking, 0 to 1.
        rng: the view's own random numbers.
    """
    masked = codes.copy()
    masked[rng.random(len(codes), dtype=np.float32) < rate] = MASK
    return masked


def deal(lengths: Rows, ranks: int) -> list[Rows]:
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


def make_chunks(
    views: Sequence[Codes], *, chunk_nt: int, stride: int = STRIDE, shift: int = 0
) -> tuple[list[Chunk], Rows]:
    """Put views of all lengths into few rectangular chunks with little padding.

    The views are sorted, longest first, and cut where a chunk would grow beyond ``chunk_nt`` codes or where a
    view is shorter than the chunk's longest by more than :data:`WIDEST_GAP`. A view longer than ``chunk_nt`` has
    a chunk alone.

    Args:
        views: codes ``(L,)`` of each view.
        chunk_nt: most codes in a chunk, padding included.
        stride: chunks are as wide as their longest view, rounded up to a multiple of this.
        shift: empty positions put before every view; they count as part of its length.

    Returns:
        The chunks, and ``(n,)`` which view each of their rows is, chunk after chunk.
    """
    lengths = np.fromiter((len(view) + shift for view in views), np.int64, len(views))
    order = np.argsort(-lengths, kind="stable")
    ascending = lengths[order][::-1]
    chunks = []
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        width = -(-longest // stride) * stride
        long_enough = len(order) - int(np.searchsorted(ascending, (1 - WIDEST_GAP) * longest))
        stop = max(start + 1, min(start + chunk_nt // width, long_enough))
        rows = order[start:stop]
        chunks.append(_chunk([views[i] for i in rows], lengths[rows], width, shift))
        start = stop
    return chunks, order


def padding_waste(chunks: Sequence[Chunk]) -> float:
    """Share of the chunks' codes that are padding, 0 to 1."""
    total = sum(chunk.codes.numel() for chunk in chunks)
    real = sum(int(chunk.lengths.sum()) for chunk in chunks)
    return 1 - real / total if total else 0.0


def _chunk(views: Sequence[Codes], lengths: Rows, width: int, shift: int) -> Chunk:
    codes = np.full((len(views), width), PAD, np.uint8)  # (B, L)
    position = np.arange(width)
    codes[(position >= shift) & (position < lengths[:, None])] = np.concatenate(views)
    return Chunk(torch.from_numpy(codes), torch.from_numpy(lengths))
