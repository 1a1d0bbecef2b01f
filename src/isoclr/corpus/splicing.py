"""Mature RNAs out of a genome: exons joined, minus strands reverse-complemented, whole arrays at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import A, C, Codes, G, N, T

_STRANDED = np.array([A, C, G, T, N, T, G, C, A, N], np.uint8)
"""A base as read on the plus strand (0-4), and its complement five further on."""

Ints = NDArray[np.int64]


def splice(chromosome: Codes, starts: Ints, lengths: Ints, minus: NDArray[np.bool_]) -> Codes:
    """The bases of exons, one after the other, each in the direction of its strand.

    Args:
        chromosome: nucleotide codes of the whole sequence.
        starts: lowest coordinate (0-based) of every exon; exons are in 5'→3' order of their transcripts.
        lengths: nt of every exon.
        minus: whether the exon is on the minus strand.

    Returns:
        Nucleotide codes ``(lengths.sum(),)``.

    >>> chromosome = np.array([0, 0, 1, 2, 3], np.uint8)  # AACGT
    >>> splice(chromosome, np.array([1, 0]), np.array([3, 2]), np.array([False, True])).tolist()  # ACG, then TT
    [0, 1, 2, 3, 3]
    """
    step = np.where(minus, -1, 1)
    first = np.where(minus, starts + lengths - 1, starts)
    bases = chromosome[_positions(first, lengths, step)]
    bases += np.repeat(minus.astype(np.uint8) * np.uint8(5), lengths)
    return _STRANDED[bases]


def _positions(first: Ints, counts: Ints, step: Ints | int) -> Ints:
    """``first[i], first[i] + step[i], …`` (``counts[i]`` of them) for every i, one after the other."""
    before = np.cumsum(counts) - counts
    within = np.arange(int(counts.sum()), dtype=np.int64)
    within *= np.repeat(step, counts) if isinstance(step, np.ndarray) else step
    within += np.repeat(first - before * step, counts)
    return within


def codon_starts(first: Ints, end: Ints) -> Ints:
    """Positions of the first base of every whole codon of coding sequences ``[first, end)``."""
    return _positions(first, np.maximum(end - first, 0) // 3, 3)


def batches(lengths: Ints, size: int = 1 << 22) -> Iterator[slice]:
    """Consecutive rows of about ``size`` nt together: what one array operation takes at a time."""
    ends = np.cumsum(lengths)
    begin = 0
    while begin < len(lengths):
        base = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, base + size, side="right")))
        yield slice(begin, end)
        begin = end
