"""What a point mutation does to the signals that are known to matter: codons, upstream ATGs, 3' UTR elements."""

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes, N, coding_region

CONSEQUENCES = (
    "5' UTR, upstream ATG gained",
    "5' UTR, upstream ATG lost",
    "5' UTR, other",
    "start codon lost",
    "stop codon gained",
    "stop codon lost",
    "missense",
    "synonymous",
    "3' UTR, AU-rich element gained",
    "3' UTR, AU-rich element lost",
    "3' UTR, Pumilio site gained",
    "3' UTR, Pumilio site lost",
    "3' UTR, other",
    "RNA without coding sequence",
)
"""Kinds of point mutations, as tables call them; a mutation has the first that fits."""

_NUMBER = {name: i for i, name in enumerate(CONSEQUENCES)}
_AMINO_ACIDS = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"
"""Of the 64 codons in the order AAA, AAC, AAG, AAT, ACA, …: the standard genetic code."""
_STOP, _UNKNOWN = ord("*"), ord("X")
_AMINO = np.frombuffer((_AMINO_ACIDS + chr(_UNKNOWN)).encode(), np.uint8)
_ATG = 14
_UTR3_ELEMENTS = {"AU-rich element": "ATTTA", "Pumilio site": "TGTANATA"}


def consequences(codes: Codes) -> NDArray[np.int8]:
    """Kind of every point mutation of an RNA.

    Args:
        codes: the RNA ``(L,)`` with its codon starts.

    Returns:
        ``(L, 4)`` numbers of :data:`CONSEQUENCES` for a mutation to A, C, G, U; −1 where that base is there already.

    >>> from isoclr.genomics.encoding import encode, nucleotides
    >>> found = consequences(encode(nucleotides("AAG" "ATGTATTAA" "C"), cds=(3, 12)))
    >>> [CONSEQUENCES[kind] for kind in found[[1, 8, 8], [3, 0, 1]]]
    ["5' UTR, upstream ATG gained", 'stop codon gained', 'synonymous']
    """
    start, end = coding_region(codes)
    bases: Codes = codes & np.uint8(NUCLEOTIDE_BITS)
    kinds = np.full((len(codes), 4), _NUMBER["RNA without coding sequence"], np.int8)
    if end:
        kinds[:start] = _NUMBER["5' UTR, other"]
        kinds[start:end] = _coding(bases[start:end])
        kinds[end:] = _NUMBER["3' UTR, other"]
        _mark(kinds[:start], bases[:start], "ATG", "5' UTR, upstream ATG")
        for name, pattern in _UTR3_ELEMENTS.items():
            _mark(kinds[end:], bases[end:], pattern, f"3' UTR, {name}")
    kinds[np.arange(4) == bases[:, None]] = -1
    return kinds


def _coding(bases: Codes) -> NDArray[np.int8]:
    """Kinds ``(3 m, 4)`` in a coding sequence of m codons."""
    codons = bases.reshape(-1, 3)
    mutants = np.broadcast_to(codons[:, None, None], (len(codons), 3, 4, 3)).copy()
    for place in range(3):
        mutants[:, place, :, place] = np.arange(4)
    old, new = _amino_acids(codons)[:, None, None], _amino_acids(mutants)
    kinds = np.where(new == old, _NUMBER["synonymous"], _NUMBER["missense"])
    kinds[(new == _STOP) & (old != _STOP)] = _NUMBER["stop codon gained"]
    if _codon_numbers(codons[:1])[0] == _ATG:
        kinds[0] = _NUMBER["start codon lost"]
    last = kinds[-1]
    last[(new[-1] != _STOP) & (old[-1] == _STOP)] = _NUMBER["stop codon lost"]
    return kinds.reshape(-1, 4).astype(np.int8)


def _codon_numbers(codons: Codes) -> NDArray[np.intp]:
    """``(..., 3)`` bases → 0 (AAA) to 63 (UUU), 64 where a base is unknown."""
    wide = codons.astype(np.intp)
    numbers = wide[..., 0] * 16 + wide[..., 1] * 4 + wide[..., 2]
    return np.where((codons == N).any(-1), 64, numbers)


def _amino_acids(codons: Codes) -> NDArray[np.uint8]:
    return _AMINO[_codon_numbers(codons)]


def _mark(kinds: NDArray[np.int8], bases: Codes, pattern: str, name: str) -> None:
    """Mark, in place, the mutations that make or break an element in a region.

    Args:
        kinds: of the region ``(L, 4)``.
        bases: of the region ``(L,)``.
        pattern: the element in DNA letters, N for any base.
        name: of the element.
    """
    count = len(bases) - len(pattern) + 1
    if count < 1:
        return
    allowed = np.array([[letter in (base, "N") for base in "ACGTN"] for letter in pattern])
    places = np.arange(count)[:, None] + np.arange(len(pattern))
    fits = allowed[np.arange(len(pattern)), bases[places]]
    for missing, kind in ((0, f"{name} lost"), (1, f"{name} gained")):
        sites, at = np.nonzero(
            (fits.sum(1) == len(pattern) - missing)[:, None] & (fits == (missing == 0))
        )
        changed = allowed[at, :4] == (missing == 1)
        rows, new = np.nonzero(changed)
        kinds[places[sites, at][rows], new] = _NUMBER[kind]
