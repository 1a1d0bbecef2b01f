"""What an RNA is made of, as numbers that an embedding can be asked for: words, codons, regions, exon ends."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from isoclr.corpus.codes import CODON_START, EXON_END, NUCLEOTIDE_BITS, N
from isoclr.models.chunk import sent
from isoclr.views.resident import Resident

WORD = 4
"""Bases in a word; shares of shorter words follow from those of longer ones."""
REGIONS = 3
"""5' UTR, coding sequence, 3' UTR; a non-coding RNA is all 3' UTR."""
GROUPS = (4**WORD, 64, 4 * REGIONS, REGIONS, REGIONS, 2)
"""How many numbers say each of the things a composition tells."""
SIZE = sum(GROUPS)

Rows = NDArray[np.int64]


class _Positions(NamedTuple):
    """The bases of several RNAs, one after the other; all ``(p,)``."""

    codes: Tensor
    owner: Tensor
    """Which of the RNAs a base belongs to, int64."""
    within: Tensor
    """Its position in it."""
    left: Tensor
    """How many bases of it follow."""


def composition(resident: Resident, transcripts: Rows) -> Float[Tensor, "n size"]:
    """The composition of some transcripts, float32, on the corpus' device: :data:`SIZE` numbers each.

    In this order: the shares of the 256 4-mers; those of the 64 codons of the coding sequence; those of A, C, G, T
    within each region; log2(1 + nt) of each region; log2(1 + number of exon ends) in each region; exon ends a kb, of
    the RNA and of its coding sequence. Words with an unknown base do not count.

    Args:
        resident: the corpus.
        transcripts: ``(n,)`` which.
    """
    n = len(transcripts)
    at = _positions(resident, transcripts)
    lengths = sent(resident.lengths[transcripts], resident.device)
    bases = (at.codes & NUCLEOTIDE_BITS).long()
    codon = (at.codes & CODON_START) > 0
    end = (at.codes & EXON_END) > 0
    region = _region(at, codon, n)
    words, known = _words(bases, at.left, WORD)
    codons, in_frame = _words(bases, at.left, 3)
    everywhere = at.owner * REGIONS + region
    sizes = _count(everywhere, torch.ones_like(end), n * REGIONS).view(n, REGIONS)
    ends = _count(everywhere, end, n * REGIONS).view(n, REGIONS)
    parts = [
        _shares(at.owner * 4**WORD + words, known, n, 4**WORD),
        _shares(at.owner * 64 + codons, in_frame & codon, n, 64),
        _shares(everywhere * 4 + bases, bases < N, n * REGIONS, 4).view(n, 4 * REGIONS),
        sizes.add(1).log2(),
        ends.add(1).log2(),
        (ends.sum(1) / lengths * 1000)[:, None],
        (ends[:, 1] / sizes[:, 1].clamp(min=1) * 1000)[:, None],
    ]
    return torch.cat(parts, 1)


def _positions(resident: Resident, transcripts: Rows) -> _Positions:
    lengths = resident.lengths[transcripts]
    total = int(lengths.sum())
    starts = np.cumsum(lengths) - lengths
    facts = np.stack(
        [np.arange(len(lengths)), resident.offsets[transcripts] - starts, starts, lengths]
    )
    owner, shift, first, length = sent(facts, resident.device).repeat_interleave(
        sent(lengths, resident.device), dim=1, output_size=total
    )
    number = torch.arange(total, device=resident.device)
    within = number - first
    codes = resident.codes.index_select(0, number + shift)
    return _Positions(codes, owner, within, length - within - 1)


def _region(at: _Positions, codon: Tensor, n: int) -> Tensor:
    """0 before the first codon, 1 in the coding sequence, 2 after it; 2 everywhere when there is none."""
    nowhere = torch.iinfo(torch.int64).max
    first = at.within.new_full((n,), nowhere).scatter_reduce(
        0, at.owner, at.within.masked_fill(~codon, nowhere), "amin"
    )
    last = at.within.new_full((n,), -3).scatter_reduce(
        0, at.owner, at.within.masked_fill(~codon, -3), "amax"
    )
    first = torch.where(first == nowhere, 0, first)
    before = at.within < first[at.owner]
    after = at.within >= last[at.owner] + 3
    return torch.where(before, 0, torch.where(after, 2, 1))


def _words(bases: Tensor, left: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The number of the k-mer that begins at each position, and whether it is whole and known."""
    words, known = torch.zeros_like(bases), left >= k - 1
    padded = torch.nn.functional.pad(bases, (0, k - 1), value=N)
    for i in range(k):
        base = padded[i : i + len(bases)]
        words = words * 4 + base.clamp(max=N - 1)
        known &= base < N
    return words, known


def _count(keys: Tensor, keep: Tensor, size: int) -> Tensor:
    """How many of the keys kept are 0, 1, … ``(size,)`` float32: exact, and the same on every device."""
    counted = torch.zeros(size, dtype=torch.int32, device=keys.device)
    return counted.scatter_add_(0, keys.clamp(max=size - 1), keep.int()).float()


def _shares(keys: Tensor, keep: Tensor, n: int, size: int) -> Tensor:
    """Of each of n owners, the share of every word among those kept ``(n, size)``; all zero when there is none."""
    counts = _count(keys, keep, n * size).view(n, size)
    return counts / counts.sum(1, keepdim=True).clamp(min=1)
