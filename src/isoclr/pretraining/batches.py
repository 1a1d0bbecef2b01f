"""From a corpus to the chunks that one process embeds: pairs, masks, shift, and the deal to ranks."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.corpus.codes import Codes
from isoclr.models.chunk import Chunk
from isoclr.views import Pairs, Stream, deal, generator, make_chunks, mask, padding_waste


class Isoforms(Protocol):
    """What pre-training needs of a corpus (:class:`isoclr.corpus.reader.Corpus`)."""

    @property
    def index(self) -> NDArray[np.void]:
        """Structured ``(n,)``; the field ``length`` is in nt."""

    @property
    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Transcripts gene set by gene set, and where each gene set starts."""

    def codes_of(self, i: int) -> Codes:
        """``(L,)`` codes of one transcript."""


class Batch(NamedTuple):
    """The views of N pairs, as one process sees them.

    View i < N is the first view of pair i, view N + i its second.
    """

    chunks: list[Chunk]
    """This process's views."""
    places: list[Tensor]
    """For every rank the numbers of the views that its rows are, (n_rank,) int64."""
    gene_sets: NDArray[np.int64]
    """(N,) gene set of each pair."""
    nt: int
    """Nucleotides of all 2N views, on all ranks."""
    waste: float
    """Share of this process's chunks that is padding."""


class ViewMaker:
    """Makes the views of pairs of transcripts, the same ones whatever the number of processes.

    Args:
        corpus: where the transcripts are.
        seed: the run's seed.
        rank: this process.
        ranks: number of processes.
        chunk_nt: most codes in a chunk.
        mask_rate: probability that a position is masked.
        most_shift: views start 0 to this many positions late, one draw a batch.
    """

    def __init__(
        self,
        corpus: Isoforms,
        *,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        chunk_nt: int,
        mask_rate: float = 0.0,
        most_shift: int = 0,
    ) -> None:
        self.corpus = corpus
        self.lengths = np.asarray(corpus.index["length"], np.int64)
        self.seed = seed
        self.rank = rank
        self.ranks = ranks
        self.chunk_nt = chunk_nt
        self.mask_rate = mask_rate
        self.most_shift = most_shift

    def batch(self, pairs: Pairs, epoch: int, step: int) -> Batch:
        """This process's share of the views of the pairs drawn for one step of an epoch."""
        transcripts = np.concatenate([pairs.first, pairs.second])  # (2N,)
        lengths = self.lengths[transcripts]
        hands = deal(lengths, self.ranks)
        mine = hands[self.rank]
        views = [self._view(int(transcripts[i]), epoch, step, int(i)) for i in mine]
        shift = generator(self.seed, Stream.SHIFT, epoch, step).integers(self.most_shift + 1)
        # a hand is sorted as chunks are, so the chunks' rows are the hand's views in its order
        chunks, _ = make_chunks(views, chunk_nt=self.chunk_nt, shift=int(shift))
        places = [torch.from_numpy(hand) for hand in hands]
        return Batch(chunks, places, pairs.gene_sets, int(lengths.sum()), padding_waste(chunks))

    def _view(self, transcript: int, epoch: int, step: int, view: int) -> Codes:
        codes = self.corpus.codes_of(transcript)
        if self.mask_rate == 0:
            return codes
        return mask(codes, self.mask_rate, generator(self.seed, Stream.MASK, epoch, step, view))


class Ahead:
    """Makes the next step's batch in a thread while this step's is trained on.

    Args:
        make: the batch of a step (counted from the start of the run).
    """

    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(1, "views")
        self._prepared: tuple[int, Future[Batch]] | None = None

    def get(self, step: int) -> Batch:
        """The batch of a step; asking for steps in turn is what makes it quick."""
        if self._prepared is None or self._prepared[0] != step:
            self._prepared = step, self._pool.submit(self._make, step)
        batch = self._prepared[1].result()
        self._prepared = step + 1, self._pool.submit(self._make, step + 1)
        return batch

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
