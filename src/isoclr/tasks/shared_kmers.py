"""How much of an RNA's sequence stands in other RNAs too, counted exactly in k-mers."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import NUCLEOTIDE_BITS, Codes, N

LONGEST = 16
"""A k-mer of 16 is a 32-bit number; one more letter would not fit beside the RNA's number."""

AT_ONCE = 1 << 25
"""k-mers sorted together: bounds the memory to about 1 GB whatever the number of RNAs."""


class SharedKmers:
    """An index of the k-mers that occur in two or more of some RNAs.

    mRNA has a direction, so a k-mer is not its reverse complement. Every k-mer is kept as a number, not as a hash or a
    sample: the counts are exact. One with an N is left out.

    Args:
        rnas: ``(n,)`` codes of the RNAs; None for one whose sequence is not known.
        k: length of the k-mers, at most 16.

    Attributes:
        distinct: ``(n,)`` number of distinct k-mers of every RNA; 0 for an unknown or too short one.
    """

    def __init__(self, rnas: Sequence[Codes | None], k: int = LONGEST) -> None:
        if not 1 <= k <= LONGEST:
            raise ValueError(f"k is {k}, expected 1 to {LONGEST}")
        self.distinct = np.zeros(len(rnas), np.int64)
        owners, sizes = [], []
        for keys in _sorted_keys(rnas, k):
            rna = (keys & 0xFFFF_FFFF).astype(np.int64)
            self.distinct += np.bincount(rna, minlength=len(rnas))
            starts = np.flatnonzero(np.diff(keys >> np.uint64(32), prepend=np.uint64(1 << 33)))
            size = np.diff(starts, append=len(keys))
            owners.append(rna[np.repeat(size > 1, size)])
            sizes.append(size[size > 1])
        self._owner = np.concatenate(owners)
        self._size = np.concatenate(sizes)

    def share_with(self, others: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Share of every RNA's distinct k-mers that stand in at least one of the others.

        Of an RNA that is itself among the others, all k-mers do: look at the rest only.

        Args:
            others: ``(n,)`` which RNAs to look in.

        Returns:
            ``(n,)``; 0 for an RNA without k-mers.
        """
        counts = np.zeros(len(self.distinct), np.int64)
        if len(self._size):
            starts = np.cumsum(self._size) - self._size
            found = np.maximum.reduceat(others[self._owner].astype(np.uint8), starts)
            covered = np.repeat(found.astype(bool), self._size)
            counts = np.bincount(self._owner[covered], minlength=len(self.distinct))
        counts[others] = self.distinct[others]
        return np.asarray(counts / np.maximum(self.distinct, 1))


def _sorted_keys(rnas: Sequence[Codes | None], k: int) -> Iterator[NDArray[np.uint64]]:
    """k-mer × 2³² + number of the RNA, sorted and each once; the k-mers in parts that fit into memory."""
    lengths = [0 if codes is None else len(codes) for codes in rnas]
    parts = -(-sum(lengths) // AT_ONCE) or 1
    step = -(-(4**k) // parts)
    for part in range(parts):
        kept = []
        for number, codes in enumerate(rnas):
            if codes is not None:
                words = _words(codes, k)
                if parts > 1:
                    words = words[words // np.uint64(step) == part]
                kept.append(words << np.uint64(32) | np.uint64(number))
        yield _once(np.concatenate(kept)) if kept else np.empty(0, np.uint64)


def _once(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The keys sorted, each once; ``np.unique``, which builds a hash table, takes a hundred times as long."""
    keys.sort()
    first = np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]
    return np.asarray(keys[first], np.uint64)


def _words(codes: Codes, k: int) -> NDArray[np.uint64]:
    """The k-mers of one RNA as numbers, those with an N left out."""
    bases = codes & NUCLEOTIDE_BITS
    count = max(0, len(bases) - k + 1)
    words = np.zeros(count, np.uint64)
    for i in range(k):
        words = words << np.uint64(2) | bases[i : i + count].astype(np.uint64)
    unknown = np.concatenate([[0], np.cumsum(bases >= N)])
    whole: NDArray[np.bool_] = unknown[k:][:count] == unknown[:count]
    return np.asarray(words[whole], np.uint64)
