"""What an mRNA's structure says without a word of its sequence: lengths, exon junctions, GC."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines.regions import coding_region
from isoclr.corpus.codes import EXON_END, NUCLEOTIDE_BITS, C, Codes, G, N

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
