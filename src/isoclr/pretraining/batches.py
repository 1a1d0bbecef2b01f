"""From a corpus to the chunks that one process embeds: pairs, layout, masks, shift, and the deal to ranks."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.models.chunk import Chunk, sent
from isoclr.models.packing import STRIDE, lay_out
from isoclr.views import Augmentation, Pairs, Placing, Resident, composition, deal, render

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How views are put into chunks (:func:`isoclr.models.packing.lay_out`)."""

    gap: int | None
    """nt of padding that the encoder needs between two RNAs; None: every RNA has a row of its own."""
    chunk_nt: int
    """Most codes in a chunk."""
    round_to: int = STRIDE
    """Chunks are as wide as a multiple of this."""


class Batch(NamedTuple):
    """The views of N pairs, as one process sees them.

    View i < N is the first view of pair i, view N + i its second.
    """

    chunks: list[Chunk]
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


class ViewMaker:
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
        resident: Resident,
        augmentation: Augmentation,
        packing: Packing,
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
        hands = [self._placed(hand, lengths + draws.shift) for hand in deal(lengths, self.ranks)]
        mine = hands[self.rank]
        chunks = render(self.resident, transcripts, draws, mine)
        return Batch(
            [self._on_device(chunk) for chunk in chunks],
            self._places(hands),
            sent(pairs.gene_sets, self.device),
            int(lengths.sum()),
            _waste(mine, lengths),
            self._composition(transcripts, mine),
        )

    def _placed(self, hand: Rows, lengths: Rows) -> list[Placing]:
        """Where the views of one rank lie; every rank knows it of all, because their rows are gathered."""
        layouts = lay_out(
            lengths[hand],
            gap=self.packing.gap,
            chunk_nt=self.packing.chunk_nt,
            round_to=self.packing.round_to,
        )
        return [Placing(layout, hand[layout.rows]) for layout in layouts]

    def _places(self, hands: list[list[Placing]]) -> list[Tensor]:
        views = [np.concatenate([_NONE, *(p.views for p in hand)]) for hand in hands]
        together = sent(np.concatenate(views), self.device)
        return list(torch.split(together, [len(of_rank) for of_rank in views]))

    def _composition(self, transcripts: Rows, placings: list[Placing]) -> Tensor | None:
        if not self.with_composition:
            return None
        views = np.concatenate([_NONE, *(placing.views for placing in placings)])
        return composition(self.resident, transcripts[views]).to(self.device, non_blocking=True)

    def _on_device(self, chunk: Chunk) -> Chunk:
        if self.device.type != "cuda" or chunk.codes.is_cuda:
            return chunk.to(self.device)
        return chunk._replace(codes=chunk.codes.pin_memory()).to(self.device)


_NONE = np.empty(0, np.int64)


def _waste(placings: list[Placing], lengths: Rows) -> float:
    total = sum(height * width for height, width in (p.layout.shape for p in placings))
    real = sum(int(lengths[p.views].sum()) for p in placings)
    return 1 - real / total if total else 0.0
