"""Counting over the bases of several RNAs at once, by tensor operations where the corpus lies."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from isoclr.corpus.codes import CODON_START, EXON_END, NUCLEOTIDE_BITS, N
from isoclr.models.chunk import sent
from isoclr.views.resident import Resident

REGIONS = 3
"""5' UTR, coding sequence, 3' UTR; a non-coding RNA is all 3' UTR."""
LETTERS = 5
"""A, C, G, T and unknown."""
WORD = 8
"""Letters of the word that is looked up at every base."""


class Bases(NamedTuple):
    """The bases of n RNAs, one RNA after the other; all ``(p,)`` unless said."""

    n: int
    base: Tensor
    """0 to 3, or 4 where it is unknown."""
    word: Tensor
    """The next eight bases as one number to the base of 5; beyond the RNA's end all are unknown."""
    codon: Tensor
    """Whether a codon starts."""
    end: Tensor
    """Whether an exon ends."""
    owner: Tensor
    """Which of the RNAs a base belongs to."""
    region: Tensor
    """0 before the coding sequence, 1 in it, 2 after it."""
    within: Tensor
    """Position in the RNA."""
    first: Tensor
    """``(n,)`` where each RNA begins."""
    lengths: Tensor
    """``(n,)`` nt of each RNA."""
    start: Tensor
    """``(n,)`` its first codon; 0 when it has none."""
    stop: Tensor
    """``(n,)`` where its coding sequence ends; 0 when it has none."""

    def words(self, k: int) -> Tensor:
        """The number to the base of 5 of the k-mer that begins at each base."""
        return self.word // int(LETTERS ** (WORD - k))

    def around(self, places: Float[Tensor, " n"], offsets: range) -> Tensor:
        """The bases ``(n, m)`` at some offsets from a place of each RNA; unknown outside of it."""
        at = places[:, None] + torch.arange(offsets.start, offsets.stop, device=places.device)
        inside = (at >= 0) & (at < self.lengths[:, None])
        found = self.base[(self.first[:, None] + at).clamp(0, max(len(self.base) - 1, 0))]
        return torch.where(inside, found, N)

    def most(self, values: Tensor, keep: Tensor) -> Float[Tensor, " n"]:
        """The largest of the values kept of each RNA, 0 when there is none; they are not negative."""
        most = values.new_zeros(self.n)
        return most.scatter_reduce(0, self.owner, torch.where(keep, values, 0), "amax").float()

    def by_region(self, keys: Tensor, size: int) -> Float[Tensor, "n 3 size"]:
        """How often each key below ``size`` occurs in each region."""
        places = (self.owner * REGIONS + self.region) * size + keys
        return count(places, self.n * REGIONS * size).view(self.n, REGIONS, size)


def bases_of(resident: Resident, transcripts: NDArray[np.int64]) -> Bases:
    """The bases of some transcripts ``(n,)``, on the corpus' device."""
    device, n = resident.device, len(transcripts)
    lengths = resident.lengths[transcripts]
    firsts = np.cumsum(lengths) - lengths
    facts = np.stack([np.arange(n), resident.offsets[transcripts] - firsts, firsts, lengths])
    _, _, first, sizes = on_device = sent(facts, device)
    owner, shift, begin, length = on_device.repeat_interleave(
        sizes, dim=1, output_size=int(lengths.sum())
    )
    number = torch.arange(len(owner), device=device)
    within = number - begin
    codes = resident.codes.index_select(0, number + shift)
    codon = (codes & CODON_START) > 0
    start, stop = _coding(owner, within, codon, n)
    region = (within >= start[owner]).long() + (within >= stop[owner])
    base = (codes & NUCLEOTIDE_BITS).int()
    word = _words(base, length - within)
    end = (codes & EXON_END) > 0
    return Bases(n, base, word, codon, end, owner, region, within, first, sizes, start, stop)


def _coding(owner: Tensor, within: Tensor, codon: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Begin and end of each RNA's coding sequence; both 0 when it has none."""
    never = torch.iinfo(within.dtype).max
    first = within.new_full((n,), never)
    first = first.scatter_reduce(0, owner, torch.where(codon, within, never), "amin")
    last = within.new_full((n,), -3)
    last = last.scatter_reduce(0, owner, torch.where(codon, within, -3), "amax")
    return torch.where(first == never, 0, first), last + 3


def _words(base: Tensor, left: Tensor) -> Tensor:
    """The eight-letter word at every base, of which ``left`` are in the RNA."""
    padded = torch.nn.functional.pad(base, (0, WORD - 1), value=N)
    words = torch.zeros_like(base)
    for i in range(WORD):
        words = words * LETTERS + torch.where(left > i, padded[i : i + len(base)], N)
    return words


def count(keys: Tensor, size: int) -> Float[Tensor, " size"]:
    """How many of the keys are 0, 1, …: exact, and so the same on every device."""
    counted = torch.zeros(size, dtype=torch.int32, device=keys.device)
    one = torch.ones((), dtype=torch.int32, device=keys.device)
    return counted.scatter_add_(0, keys, one.expand(len(keys))).float()
