"""What an mRNA's structure says without a word of its sequence: lengths, exon junctions, GC."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import (
    CODON_START,
    EXON_END,
    NUCLEOTIDE_BITS,
    C,
    Codes,
    G,
    N,
    coding_region,
    region_lengths,
)

REGIONS = ("5' UTR", "CDS", "3' UTR")
FEATURES = (
    "log2 length",
    *(f"log2 length of {region}" for region in REGIONS),
    "exons known",
    "log2 exons",
    *(f"log2 junctions in {region}" for region in REGIONS),
    "junctions per kb",
    "junctions per kb of CDS",
    "GC",
    *(f"GC of {region}" for region in REGIONS),
    "GC of third codon positions",
)
"""Names of the features, in their order. Logarithms are of 1 + the number; what is not known is 0."""

KB = 1000.0


class SequenceFeatures:
    """Sixteen numbers an RNA: lengths of UTRs and CDS, exon count, junction counts and densities, GC of each region.

    Exon–exon junctions are deposited with protein complexes when an mRNA is spliced; in the CDS their density is among
    the best single predictors of half-life (Agarwal and Kelley 2022), and one in the 3' UTR can mark an mRNA for decay.
    The end of the last exon, which is the end of the RNA, is no junction. An RNA that codes for nothing is all 3' UTR.
    """

    name = "sequence features"

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """``(n, 16)`` float32, in the order of :data:`FEATURES`."""
        rows = []
        for codes in rnas:
            rows.append(_features(codes))
            if progress is not None:
                progress(len(codes))
        return np.asarray(rows, np.float32)


def _features(codes: Codes) -> list[float]:
    start, end = coding_region(codes)
    spans = ((0, start), (start, end), (end, len(codes)))
    exons = int(((codes & EXON_END) > 0).sum())
    junctions = np.flatnonzero(codes[:-1] & EXON_END)
    inside = [int(((a <= junctions) & (junctions < b)).sum()) for a, b in spans]
    return [
        np.log2(1 + len(codes)),
        *(np.log2(1 + b - a) for a, b in spans),
        float(exons > 0),
        np.log2(1 + exons),
        *(np.log2(1 + count) for count in inside),
        KB * len(junctions) / len(codes),
        KB * inside[1] / max(1, end - start),
        _gc(codes),
        *(_gc(codes[a:b]) for a, b in spans),
        _gc(codes[start + 2 : end : 3]),
    ]


def _gc(codes: Codes) -> float:
    """Share of G and C among the known bases; 0 when there are none."""
    bases = codes & NUCLEOTIDE_BITS
    known = int((bases < N).sum())
    return int(((bases == G) | (bases == C)).sum()) / max(1, known)


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


class Length:
    """One feature: the logarithm (base 2) of the RNA's length in nt."""

    name = "length alone"

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """``(n, 1)`` float32."""
        lengths = np.array([len(codes) for codes in rnas])
        if progress is not None:
            progress(int(lengths.sum()))
        return np.asarray(np.log2(lengths)[:, None], np.float32)


class Embedder(Protocol):
    """Turns RNAs into vectors.

    Attributes:
        name: what the vectors are, as a table calls them.
    """

    name: str

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """One row an RNA.

        Args:
            rnas: the codes of each, with codon starts and exon ends (see :mod:`isoclr.genomics.encoding`).
            progress: called with the number of nucleotides done since the last call.
        """
        ...


class RandomInit:
    """An untrained encoder.

    Args:
        model: its architecture, such as ``isoclr-s``.
        tracks: how many of the six tracks it reads.
        seed: of its weights.
        pooling: what an embedding is the mean of: the ``last`` block's activations or those of ``all``.
    """

    name = "random-init encoder"

    def __init__(
        self, model: str, tracks: int = 6, seed: int = 0, pooling: Literal["last", "all"] = "last"
    ) -> None:
        from isoclr.models.encoder import create

        self.encoder = create(model, tracks=tracks, seed=seed, pooling=pooling)

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """``(n, d)`` float32."""
        return self.encoder.embed_codes(rnas, progress=progress)
