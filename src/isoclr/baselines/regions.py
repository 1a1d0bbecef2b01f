"""5' UTR, coding sequence and 3' UTR of an RNA, read from its codes."""

import numpy as np

from isoclr.corpus.codes import CODON_START, Codes


def coding_region(codes: Codes) -> tuple[int, int]:
    """Start and end (0-based, half-open) of the marked codons; ``(0, 0)`` when there are none.

    >>> from isoclr.corpus.codes import encode, nucleotides
    >>> coding_region(encode(nucleotides("GATGTAAC"), cds=(1, 7)))
    (1, 7)
    """
    starts = np.flatnonzero(codes & CODON_START)
    return (int(starts[0]), int(starts[-1]) + 3) if len(starts) else (0, 0)


def region_lengths(codes: Codes) -> tuple[int, int, int]:
    """Lengths (nt) of 5' UTR, CDS and 3' UTR; a non-coding RNA is all 3' UTR, so that the three always add up."""
    start, end = coding_region(codes)
    return start, end - start, len(codes) - end
