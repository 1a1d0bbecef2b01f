"""The standard genetic code."""

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import Codes, N

AMINO_ACIDS = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLFX"
"""One-letter amino acids by codon number: AAA, AAC, AAG, AAT, ACA … TTT; ``*`` is a stop, the last is unknown."""
START_CODON = 14  # Number of ATG
STOP_CODONS = (48, 50, 56)  # Numbers of TAA, TAG and TGA
UNKNOWN_CODON = 64  # Number of every codon with an ambiguous base


def codon_numbers(codons: Codes) -> NDArray[np.int64]:
    """Number codons from 0 (AAA) to 63 (TTT); 64 where a base is ambiguous.

    Args:
        codons: Nucleotide codes ``(..., 3)`` without track bits.

    >>> codon_numbers(np.array([[0, 3, 2], [0, 3, 4]], np.uint8)).tolist()  # ATG, ATN
    [14, 64]
    """
    numbers = codons.astype(np.int64) @ np.array([16, 4, 1])
    return np.where((codons >= N).any(-1), UNKNOWN_CODON, numbers)
