"""Numbers that describe an RNA's sequence: G and C, k-mers, and the reading frames of its 5' UTR."""

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import IS_STOP, NUCLEOTIDE_BITS, START_CODON, C, Codes, G, N, coding_region, next_in_frame

UPSTREAM = (
    "log2 upstream AUGs",
    "log2 AUGs out of frame without a stop in the 5' UTR",
    "log2 AUGs in frame without a stop",
    "log2 upstream reading frames with their stop in the 5' UTR",
    "log2 strong start contexts",
    "log2 distance of the last upstream AUG",
    "log2 length of the longest upstream reading frame",
    "G or C in the last 30 nt",
    "G or C after the cap",
    "purine at -3",
    "G at +4",
)
"""Names of :func:`upstream_features`, in order. Logarithms are of 1 + the value."""
WINDOW = 30  # nt before the start codon and after the cap


def upstream_features(codes: Codes) -> NDArray[np.float64]:
    """AUGs and reading frames of the 5' UTR, and the bases around its ends ``(11,)``; zeros without a 5' UTR.

    An AUG out of frame with the coding sequence and without a stop before it keeps ribosomes from the start codon
    (Sample et al. 2019); a strong context has a purine at −3 or G at +4 (Kozak 1986).
    """
    start, end = coding_region(codes)
    if start == 0:
        return np.zeros(len(UPSTREAM))
    bases = (codes & NUCLEOTIDE_BITS).astype(np.int64)
    triples, is_known = kmer_numbers(bases[: start + 2], 3)
    triples = np.where(is_known, triples, -1)[:start]  # −1 is the last number: unknown
    augs = np.flatnonzero(triples == START_CODON)
    stops = np.flatnonzero(IS_STOP[triples])
    ends = next_in_frame(augs, stops, start)
    closed = (ends > augs) & (ends + 3 <= start)
    in_frame = (start - augs) % 3 == 0
    purine = (augs >= 3) & np.isin(bases[np.maximum(augs - 3, 0)], (0, G))
    guanine = (augs + 3 < len(bases)) & (bases[np.minimum(augs + 3, len(bases) - 1)] == G)
    counts = [
        len(augs),
        int((~closed & ~in_frame).sum()),
        int((~closed & in_frame).sum()),
        int(closed.sum()),
        int((purine | guanine).sum()),
        start - int(augs[-1]) if len(augs) else 0,
        int((ends - augs).max(initial=0)),
    ]
    shares = [
        gc_fraction(codes[max(0, start - WINDOW) : start]),
        gc_fraction(codes[: min(WINDOW, start)]),
        float(start >= 3 and bases[start - 3] in (0, G)),
        float(end > start + 3 and bases[start + 3] == G),
    ]
    return np.concatenate([np.log2(1.0 + np.array(counts)), shares])


def gc_fraction(codes: Codes) -> float:
    """Fraction of G and C among the known bases; 0 when there are none."""
    bases = codes & NUCLEOTIDE_BITS
    known = int((bases < N).sum())
    return int(((bases == G) | (bases == C)).sum()) / max(1, known)


def kmer_numbers(bases: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Number of the k-mer at every position ``(L − k + 1,)``, and whether it has no N."""
    count = max(0, len(bases) - k + 1)
    kmers = np.zeros(count, np.int64)
    is_known = np.ones(count, bool)
    for i in range(k):
        base = bases[i : i + count]
        kmers = kmers * 4 + np.minimum(base, N - 1)
        is_known &= base < N
    return kmers, is_known
