"""The coding sequence of an mRNA that has none annotated: its longest open reading frame.

Of 13,300 real mRNAs with an annotated CDS (``tests/test_orf.py``) the longest ORF is exactly the CDS in 98 % (human
RefSeq), 97 % (other human genes), 96 % (mouse, Ensembl) and 92 % (human, Ensembl); its stop codon is the annotated
one in 94 to 99 %.
"""

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import NUCLEOTIDE_BITS, Codes

MIN_LENGTH = 300
"""The shortest open reading frame that is believed, in nt with the stop codon.

A trade: 17 % of 18,500 lncRNAs have an ORF of 300 nt by chance, 44 % one of 200 and 66 % one of 150, while 3 to 11 % of
annotated coding sequences are shorter than 300 nt (on the real data of ``tests/test_orf.py``).
"""

# a codon as a number in base 5, so that N is a letter of its own and no codon with an N is a start or a stop
_ATG = 0 * 25 + 3 * 5 + 2
_STOPS = (3 * 25 + 0 * 5 + 0, 3 * 25 + 0 * 5 + 2, 3 * 25 + 2 * 5 + 0)  # TAA, TAG, TGA


def longest_orf(codes: Codes, min_length: int = MIN_LENGTH) -> tuple[int, int] | None:
    """Find the longest ATG … stop, in frame, on the forward strand of a mature RNA.

    Args:
        codes: nucleotide codes ``(L,)``, 5' to 3'; codon and exon marks are ignored.
        min_length: shortest open reading frame (nt, stop codon included) to report.

    Returns:
        Its start and end (nt, 0-based half-open, stop codon included), the most 5' of equally long ones; None when
        there is none of ``min_length``.

    >>> from isoclr.corpus.codes import nucleotides
    >>> longest_orf(nucleotides("CCATGAAATGGTGAC"), min_length=9)
    (2, 14)
    """
    if len(codes) < 6:
        return None
    bases = codes & NUCLEOTIDE_BITS
    codons = bases[:-2] * np.uint8(25) + bases[1:-1] * np.uint8(5) + bases[2:]
    starts = np.flatnonzero(codons == _ATG)
    stops = np.flatnonzero((codons == _STOPS[0]) | (codons == _STOPS[1]) | (codons == _STOPS[2]))
    if not len(starts) or not len(stops):
        return None
    ends = _next_in_frame(starts, stops, len(codes)) + 3
    lengths = ends - starts
    best = int(np.argmax(lengths))
    return (int(starts[best]), int(ends[best])) if lengths[best] >= max(min_length, 6) else None


def _next_in_frame(
    starts: NDArray[np.intp], stops: NDArray[np.intp], length: int
) -> NDArray[np.intp]:
    """The first stop codon after each start codon in its frame; where there is none, a place that leaves no ORF."""
    # frames one after the other on one axis: one binary search serves all three
    stop_axis = np.sort(stops % 3 * length + stops)
    start_axis = starts % 3 * length + starts
    nearest = np.searchsorted(stop_axis, start_axis)
    found = stop_axis[np.minimum(nearest, len(stop_axis) - 1)] - starts % 3 * length
    inside = (nearest < len(stop_axis)) & (found < length)
    return np.where(inside, found, starts - 3)
