"""Consequences of point mutations: Sequence Ontology terms, upstream AUG and stop codons, 3' UTR elements."""

import numpy as np
from numpy.typing import NDArray

from isoclr.analysis.motifs import MOTIFS
from isoclr.genomics.encoding import AMINO_ACIDS, NUCLEOTIDE_BITS, START_CODON, Codes, coding_region, codon_numbers

ELEMENTS = {motif.element: motif.sequence for motif in MOTIFS if motif.element}
"""Elements of the 3' UTR whose gain and loss are consequences of their own."""
CONSEQUENCES = (
    "stop_gained",
    "stop_lost",
    "start_lost",
    "missense_variant",
    "stop_retained_variant",
    "synonymous_variant",
    "coding_sequence_variant",
    "uAUG_gained",
    "uAUG_lost",
    "uSTOP_gained",
    "uSTOP_lost",
    "5_prime_UTR_variant",
    *(f"{name}_{change}" for name in ELEMENTS for change in ("gained", "lost")),
    "3_prime_UTR_variant",
    "non_coding_transcript_exon_variant",
)
"""Consequences of point mutations; a mutation has the first that fits.

Names are Sequence Ontology terms. Those that start with ``u`` are UTRannotator's for the 5' UTR (Zhang et al. 2021):
an upstream start codon, or the stop codon of an upstream open reading frame, appears or disappears. A codon with an
unknown base gives ``coding_sequence_variant``. ``ARE`` is the AUUUA of AU-rich elements, ``PUM_site`` UGUANAUA.
"""

_NUMBER = {name: number for number, name in enumerate(CONSEQUENCES)}
_STOP, _UNKNOWN = ord("*"), ord("X")
LETTERS = np.array(list("ACGUN"))
_TRIPLET = np.arange(3)


def consequences(codes: Codes) -> NDArray[np.int8]:
    """Consequence of every point mutation of an RNA.

    Returns:
        ``(L, 4)`` indices of :data:`CONSEQUENCES` for a mutation to A, C, G, U; −1 for the base that is there already.

    >>> from isoclr.genomics.encoding import encode, nucleotides
    >>> numbers = consequences(encode(nucleotides("AAG" "ATGTATTAA" "C"), cds=(3, 12)))
    >>> [CONSEQUENCES[number] for number in numbers[[1, 8, 8], [3, 0, 1]]]
    ['uAUG_gained', 'stop_gained', 'synonymous_variant']
    """
    start, end = coding_region(codes)
    bases: Codes = codes & np.uint8(NUCLEOTIDE_BITS)
    numbers = np.full((len(codes), 4), _NUMBER["non_coding_transcript_exon_variant"], np.int8)
    if end:
        numbers[:start] = _NUMBER["5_prime_UTR_variant"]
        _mark_upstream_stops(numbers, bases, start)
        _mark_element(numbers[:start], bases[:start], "ATG", "uAUG")
        numbers[start:end] = _in_coding_sequence(bases[start:end])
        numbers[end:] = _NUMBER["3_prime_UTR_variant"]
        for name, sequence in reversed(ELEMENTS.items()):
            _mark_element(numbers[end:], bases[end:], sequence, name)
    numbers[np.arange(4) == bases[:, None]] = -1
    return numbers


def coding_changes(
    codes: Codes, positions: NDArray[np.int64], new_bases: NDArray[np.uint8]
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Codon and amino acid changes of point mutations.

    Args:
        positions: 0-based positions ``(m,)``.
        new_bases: Nucleotide code ``(m,)`` of the mutant.

    Returns:
        ``(m,)`` such as ``AAA>AAC``, and ``(m,)`` such as ``K24N`` or ``K24=``, numbered from the first codon; ``*`` is
        a stop, ``X`` an unknown amino acid. Both are empty outside the coding sequence.
    """
    start, end = coding_region(codes)
    codon_changes, aa_changes = (np.full(len(positions), "", "U7"), np.full(len(positions), "", "U12"))
    inside = np.flatnonzero((positions >= start) & (positions < end))
    codon, offset = np.divmod(positions[inside] - start, 3)
    old = (codes & np.uint8(NUCLEOTIDE_BITS))[start + 3 * codon[:, None] + _TRIPLET]
    new = np.where(offset[:, None] == _TRIPLET, new_bases[inside, None], old)
    before, after = (LETTERS[one].view("U3").ravel() for one in (old, new))
    codon_changes[inside] = np.char.add(np.char.add(before, ">"), after)
    before, after = (_amino_acids(one).astype(np.uint32).view("U1") for one in (old, new))
    numbered = np.char.add(before, (codon + 1).astype(np.str_))
    aa_changes[inside] = np.char.add(numbered, np.where(after == before, "=", after))
    return codon_changes, aa_changes


def _in_coding_sequence(bases: Codes) -> NDArray[np.int8]:
    """Consequences ``(3 m, 4)`` in a coding sequence of m codons."""
    codons = bases.reshape(-1, 3)
    old, new = _amino_acids(codons)[:, None, None], _mutant_amino_acids(codons)
    numbers = np.where(new == old, _NUMBER["synonymous_variant"], _NUMBER["missense_variant"])
    numbers[(new == _STOP) & (old != _STOP)] = _NUMBER["stop_gained"]
    numbers[(new == _UNKNOWN) | (old == _UNKNOWN)] = _NUMBER["coding_sequence_variant"]
    if codon_numbers(codons[0]) == START_CODON:
        numbers[0] = _NUMBER["start_lost"]
    if old[-1] == _STOP:
        retained = new[-1] == _STOP
        numbers[-1] = np.where(retained, _NUMBER["stop_retained_variant"], _NUMBER["stop_lost"])
    return numbers.reshape(-1, 4).astype(np.int8)


def _mark_upstream_stops(numbers: NDArray[np.int8], bases: Codes, start: int) -> None:
    """Mark, in place, the 5' UTR mutations that make or break the stop codon of an upstream open reading frame."""
    # the last two codons reach into the coding sequence
    codons = bases[np.arange(start)[:, None] + _TRIPLET]
    is_stop = _amino_acids(codons) == _STOP
    is_start = codon_numbers(codons) == START_CODON
    is_start[max(start - 2, 0) :] = False
    rows = np.flatnonzero(_behind_start(is_start, is_stop))
    positions = np.broadcast_to(rows[:, None, None] + _TRIPLET[:, None], (len(rows), 3, 4))
    makes_stop = _mutant_amino_acids(codons[rows]) == _STOP
    old_stop = is_stop[rows, None, None]
    for name, mask in (("uSTOP_lost", old_stop & ~makes_stop), ("uSTOP_gained", ~old_stop & makes_stop)):
        row, place, base = np.nonzero(mask & (positions < start))
        numbers[positions[row, place, base], base] = _NUMBER[name]


def _behind_start(is_start: NDArray[np.bool_], is_stop: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Codons ``(n,)`` in frame behind a start codon, up to and including the first stop codon."""
    inside = np.zeros(len(is_start), bool)
    for frame in range(3):
        is_open = False
        for position in range(frame, len(is_start), 3):
            inside[position] = is_open
            is_open = (is_open or is_start[position]) and not is_stop[position]
    return inside


def _mark_element(numbers: NDArray[np.int8], bases: Codes, sequence: str, name: str) -> None:
    """Mark, in place, the mutations of a region that make or break an element.

    Args:
        sequence: The element in DNA letters, N for any base.
    """
    width = len(sequence)
    if len(bases) < width:
        return
    allowed = np.array([[letter in (base, "N") for base in "ACGTN"] for letter in sequence])
    places = np.arange(len(bases) - width + 1)[:, None] + np.arange(width)
    fits = allowed[np.arange(width), bases[places]]
    mismatches = width - fits.sum(1)
    for change, sites in (("lost", mismatches == 0), ("gained", mismatches == 1)):
        gained = change == "gained"
        site, letter = np.nonzero(sites[:, None] & (fits != gained))
        row, base = np.nonzero(allowed[letter, :4] == gained)
        numbers[places[site, letter][row], base] = _NUMBER[f"{name}_{change}"]


def _amino_acids(codons: Codes) -> NDArray[np.uint8]:
    """Letters of codons ``(..., 3)``, as ASCII codes."""
    return AMINO_ACIDS[codon_numbers(codons)]


def _mutant_amino_acids(codons: Codes) -> NDArray[np.uint8]:
    """Letters ``(m, 3, 4)`` of codons ``(m, 3)`` with A, C, G or U at each of their bases."""
    mutants = np.broadcast_to(codons[:, None, None], (len(codons), 3, 4, 3)).copy()
    for place in range(3):
        mutants[:, place, :, place] = np.arange(4)
    return _amino_acids(mutants)
