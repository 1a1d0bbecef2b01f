"""Codons: the standard genetic code, which codons are optimal, and how a gene uses them.

Optimal codons are translated fast and stabilise their mRNA; about half of the sense codons are optimal
here, in every amino acid that has a choice. A gene prefers or avoids them as a whole (*bias*), and has a
taste for G and C at the third position (*gc*): the two differ, so base composition alone does not tell
how optimal a gene is.
"""

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes

Floats = NDArray[np.float64]

_AMINO_ACIDS = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"
_FREQUENCY = {  # per cent of residues, as in vertebrate proteomes
    **{
        "A": 7.0,
        "R": 5.6,
        "N": 3.6,
        "D": 4.8,
        "C": 2.3,
        "Q": 4.7,
        "E": 7.0,
        "G": 6.6,
        "H": 2.6,
        "I": 4.4,
    },
    **{
        "L": 10.0,
        "K": 5.7,
        "M": 2.1,
        "F": 3.7,
        "P": 6.3,
        "S": 8.3,
        "T": 5.4,
        "W": 1.2,
        "Y": 2.7,
        "V": 6.0,
    },
}
_OPTIMAL = {  # amino acid: its optimal codons, which end in any of the four bases
    **{"K": ["AAG"], "N": ["AAC"], "T": ["ACT", "ACC"], "R": ["CGT", "AGA"], "S": ["TCT", "TCC"]},
    **{"I": ["ATC", "ATT"], "Q": ["CAA"], "H": ["CAC"], "P": ["CCA", "CCT"], "L": ["CTG", "TTG"]},
    **{"E": ["GAA"], "D": ["GAC"], "A": ["GCT", "GCC"], "G": ["GGT", "GGA"], "V": ["GTC", "GTT"]},
    **{"Y": ["TAC"], "C": ["TGT"], "F": ["TTC"]},
}

STOPS = np.array([48, 50, 56])  # TAA, TAG, TGA
START = 14  # ATG


def codon_index(codon: str) -> int:
    """Number of a codon, 0 (AAA) to 63 (TTT), the bases in the order A, C, G, T."""
    first, second, third = ("ACGT".index(base) for base in codon)
    return 16 * first + 4 * second + third


_STOP = ord("*")
_AMINO = np.frombuffer(_AMINO_ACIDS.encode(), np.uint8)
SENSE = np.flatnonzero(_AMINO != _STOP)
OPTIMALITY = np.full(64, -1.0)
OPTIMALITY[[codon_index(codon) for codons in _OPTIMAL.values() for codon in codons]] = 1.0
_GC3 = np.array([1.0 if codon % 4 in (1, 2) else -1.0 for codon in range(64)])
_SAME_AMINO = (_AMINO[:, None] == _AMINO[None, :]) & (_AMINO != _STOP)[:, None]
_AMINO_FREQUENCY = np.array([_FREQUENCY.get(chr(amino), 0.0) for amino in _AMINO])


def usage(bias: float, gc: float) -> Floats:
    """How often each synonymous codon is chosen for its amino acid, ``(64,)``; 0 for the stops."""
    weight: Floats = np.exp(bias * OPTIMALITY + gc * _GC3)
    total: Floats = _SAME_AMINO @ weight
    return np.where(total > 0, weight / np.maximum(total, 1e-300), 0.0)


def random_codons(rng: np.random.Generator, count: int, chosen: Floats) -> NDArray[np.int64]:
    """Sense codons ``(count,)`` by amino-acid frequency and the gene's codon usage."""
    return _draw(rng, count, chosen * _AMINO_FREQUENCY)


def synonymous(
    rng: np.random.Generator, codons: NDArray[np.int64], chosen: Floats
) -> NDArray[np.int64]:
    """Each codon replaced by one of the same amino acid, by the gene's codon usage."""
    cumulative = np.cumsum(_SAME_AMINO[codons] * chosen, axis=1)
    draw = rng.random((len(codons), 1)) * cumulative[:, -1:]
    replaced: NDArray[np.int64] = np.sum(cumulative <= draw, axis=1)
    return replaced


def bases_of(codons: NDArray[np.int64]) -> Codes:
    """Nucleotide codes ``(3n,)`` of codons ``(n,)``."""
    return np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).astype(np.uint8).ravel()


def codons_of(bases: Codes) -> NDArray[np.int64]:
    """Codon numbers ``(n,)`` of nucleotide codes ``(3n,)``."""
    triplets = bases.reshape(-1, 3).astype(np.int64)
    codons: NDArray[np.int64] = triplets @ np.array([16, 4, 1])
    return codons


def optimality(coding: Codes) -> float:
    """Mean of +1 (optimal) and −1 over the codons between the start and the stop codon."""
    return float(OPTIMALITY[codons_of(coding)[1:-1]].mean())


def _draw(rng: np.random.Generator, count: int, weight: Floats) -> NDArray[np.int64]:
    cumulative = np.cumsum(weight)
    draw = rng.random(count) * cumulative[-1]
    codons: NDArray[np.int64] = np.searchsorted(cumulative, draw, side="right").astype(np.int64)
    return codons
