"""k-mer and codon frequencies: the strong simple baseline of mRNA stability."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines.regions import region_lengths
from isoclr.corpus.codes import CODON_START, NUCLEOTIDE_BITS, Codes, N


class KmersAndCodons:
    """Frequencies of all k-mers up to a length, frequencies of the 64 codons, and log lengths of UTRs and CDS.

    Args:
        longest: the longest k-mers; there are 4 + … + 4^k of them.
    """

    name = "k-mers + codons"

    def __init__(self, longest: int = 4) -> None:
        self.longest = longest

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """``(n, 4 + … + 4^k + 64 + 3)`` float32."""
        rows = []
        for codes in rnas:
            rows.append(self._features(codes))
            if progress is not None:
                progress(len(codes))
        return np.stack(rows)

    def _features(self, codes: Codes) -> NDArray[np.float32]:
        bases = (codes & NUCLEOTIDE_BITS).astype(np.int64)
        parts = [_frequencies(*_words(bases, k), 4**k) for k in range(1, self.longest + 1)]
        words, known = _words(bases, 3)
        in_frame = (codes[: len(words)] & CODON_START) > 0
        parts.append(_frequencies(words, known & in_frame, 64))
        parts.append(np.log2(1.0 + np.array(region_lengths(codes))))
        return np.concatenate(parts).astype(np.float32)


def _words(bases: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Number of the k-mer at every position ``(L − k + 1,)``, and whether it has no N."""
    count = max(0, len(bases) - k + 1)
    words = np.zeros(count, np.int64)
    known = np.ones(count, bool)
    for i in range(k):
        base = bases[i : i + count]
        words = words * 4 + np.minimum(base, N - 1)
        known &= base < N
    return words, known


def _frequencies(
    words: NDArray[np.int64], keep: NDArray[np.bool_], size: int
) -> NDArray[np.float64]:
    """Share of every word among those kept; all zero when none is."""
    counts = np.bincount(words[keep], minlength=size)
    return np.asarray(counts / max(1, counts.sum()))
