"""The six tracks of a mature RNA in one byte per nucleotide.

The tracks are four one-hot nucleotides, the first base of every codon and the last base of every exon
(Fradkin et al. 2023):

====  =======================================================
bits  meaning
====  =======================================================
0-2   nucleotide: 0 A, 1 C, 2 G, 3 T (U), 4 N (any ambiguity)
3     codon start
4     exon end
====  =======================================================

Two more nucleotide values exist in batches only: ``PAD`` (all tracks 0) and ``MASK`` (all tracks 0.25), so that
masking and padding work on bytes, and :data:`TRACKS` converts bytes to tracks.
"""

import numpy as np
from numpy.typing import NDArray

from isoclr.errors import InputError

A, C, G, T, N, PAD, MASK = range(7)
NUCLEOTIDE_BITS = 0b0_0111
CODON_START = 0b0_1000
EXON_END = 0b1_0000
NUM_CODES = 32
NUM_TRACKS = 6
LETTERS = np.frombuffer(b"ACGTN", np.uint8)  # ASCII codes by nucleotide value
INVALID = 255

Codes = NDArray[np.uint8]


def _track_table() -> NDArray[np.float32]:
    table = np.zeros((NUM_CODES, NUM_TRACKS), np.float32)
    for code in range(NUM_CODES):
        nucleotide = code & NUCLEOTIDE_BITS
        if nucleotide == MASK:
            table[code] = 0.25
        elif nucleotide <= N:
            table[code, :4] = 0.25 if nucleotide == N else np.eye(4)[nucleotide]
            table[code, 4] = bool(code & CODON_START)
            table[code, 5] = bool(code & EXON_END)
    return table


def _letter_table() -> Codes:
    table = np.full(256, INVALID, np.uint8)
    for letters, value in ((b"A", A), (b"C", C), (b"G", G), (b"TU", T), (b"NRYSWKMBDHVX", N)):
        table[[*letters, *letters.lower()]] = value  # lower case: soft-masked genomes
    return table


TRACKS = _track_table()  # Track values (32, 6) float32 of every code
FROM_LETTER = _letter_table()
"""Nucleotide values ``(256,)`` of the bytes of a FASTA file; :data:`INVALID` for other letters."""


def nucleotides(sequence: str | bytes | Codes, *, name: str = "sequence") -> Codes:
    """Nucleotide codes of a sequence; lower case is accepted, U is T, IUPAC ambiguity codes are N.

    >>> nucleotides("AcgUN").tolist()
    [0, 1, 2, 3, 4]
    """
    if isinstance(sequence, str):
        sequence = sequence.encode("ascii", "replace")
    letters = np.frombuffer(sequence, np.uint8) if isinstance(sequence, bytes) else sequence
    codes = FROM_LETTER[letters]
    if codes.size and codes.max() == INVALID:
        at = int(np.argmax(codes == INVALID))
        raise InputError(
            f"{name}: position {at + 1} is {chr(letters[at])!r}, expected a nucleotide "
            "(ACGTU, N or an IUPAC ambiguity code)"
        )
    return codes


def reverse_complement(codes: Codes) -> Codes:
    """Reverse complement of nucleotide codes (no track bits)."""
    return np.array([T, G, C, A, N], np.uint8)[codes[::-1]]


def encode(bases: Codes, exon_lengths: NDArray[np.int64] | None = None, cds: tuple[int, int] | None = None) -> Codes:
    """Codes of one transcript from its nucleotide codes, exons and CDS.

    Args:
        exon_lengths: Lengths (nt) of the exons from 5' to 3', which add up to L. None if unknown: no exon is marked.
        cds: Start of the first whole codon and end of the coding sequence (0-based half-open, stop codon included).
            Only whole codons are marked.

    >>> encode(nucleotides("GATGTAAC"), np.array([3, 5]), (1, 7)).tolist()
    [2, 8, 19, 2, 11, 0, 0, 17]
    """
    codes = bases.copy()
    if cds is not None:
        start, end = cds
        if not 0 <= start <= end <= len(bases):
            raise ValueError(f"CDS {start}-{end} outside a transcript of {len(bases)} nt")
        codes[start : max(end - 2, start) : 3] |= CODON_START
    if exon_lengths is not None and len(exon_lengths):
        ends = np.cumsum(exon_lengths)
        if ends[-1] != len(bases):
            raise ValueError(f"exons add up to {ends[-1]} nt, the transcript has {len(bases)}")
        codes[ends - 1] |= EXON_END
    return codes


def letters(codes: Codes) -> str:
    """Nucleotide sequence in upper-case DNA letters."""
    return str(LETTERS[codes & NUCLEOTIDE_BITS].tobytes(), "ascii")


def tracks(codes: Codes) -> NDArray[np.float32]:
    """Tracks ``(6, L)`` float32 of codes ``(L,)``."""
    return np.ascontiguousarray(TRACKS[codes].T)


def coding_region(codes: Codes) -> tuple[int, int]:
    """Start and end (0-based half-open) of the marked codons; ``(0, 0)`` without any.

    >>> coding_region(encode(nucleotides("GATGTAAC"), cds=(1, 7)))
    (1, 7)
    """
    starts = np.flatnonzero(codes & CODON_START)
    return (int(starts[0]), int(starts[-1]) + 3) if len(starts) else (0, 0)


def region_lengths(codes: Codes) -> tuple[int, int, int]:
    """Lengths (nt) of 5' UTR, CDS and 3' UTR, which add up to the whole: a non-coding RNA is all 3' UTR."""
    start, end = coding_region(codes)
    return start, end - start, len(codes) - end


MIN_LENGTH = 300
"""Length (nt, stop codon included) of the shortest open reading frame to call.

A trade-off, on the real data of the tests: 17 % of 18,500 lncRNAs have an ORF of 300 nt by chance, 44 % one of 200 and
66 % one of 150, while 3 to 11 % of annotated coding sequences are shorter than 300 nt.
"""

# codons in base 5, so that no codon with an N is a start or a stop
_ATG = 0 * 25 + 3 * 5 + 2
_STOPS = (3 * 25 + 0 * 5 + 0, 3 * 25 + 0 * 5 + 2, 3 * 25 + 2 * 5 + 0)  # TAA, TAG, TGA


def longest_orf(codes: Codes, min_length: int = MIN_LENGTH) -> tuple[int, int] | None:
    """Find the longest open reading frame, ATG to stop codon, on the forward strand of a mature RNA.

    Args:
        codes: Codes ``(L,)``, 5' to 3'; codon and exon marks are ignored.
        min_length: Length (nt, stop codon included) of the shortest open reading frame to return.

    Returns:
        Start and end (0-based half-open, stop codon included), of the first one if several are equally long; None if
        there is none.

    >>> longest_orf(nucleotides("CCATGAAATGGTGAC"), min_length=9)
    (2, 14)
    """
    if len(codes) < 6:
        return None
    bases = codes & NUCLEOTIDE_BITS
    codons = bases[:-2] * np.uint8(25) + bases[1:-1] * np.uint8(5) + bases[2:]
    starts = np.flatnonzero(codons == _ATG)
    stops = np.flatnonzero((codons == _STOPS[0]) | (codons == _STOPS[1]) | (codons == _STOPS[2]))
    if not len(starts):
        return None
    ends = next_in_frame(starts, stops, len(codes)) + 3
    lengths = ends - starts
    best = int(np.argmax(lengths))
    return (int(starts[best]), int(ends[best])) if lengths[best] >= max(min_length, 6) else None


def next_in_frame(starts: NDArray[np.intp], stops: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Position of the first stop codon in frame after each start codon; 3 before the start if there is none."""
    if not len(stops):
        return starts - 3
    # the three frames are concatenated, so that one binary search is enough
    stop_axis = np.sort(stops % 3 * length + stops)
    start_axis = starts % 3 * length + starts
    nearest = np.searchsorted(stop_axis, start_axis)
    stop = stop_axis[np.minimum(nearest, len(stop_axis) - 1)] - starts % 3 * length
    inside = (nearest < len(stop_axis)) & (stop < length)
    return np.where(inside, stop, starts - 3)


AMINO_ACIDS = np.frombuffer(b"KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLFX", np.uint8)
"""``(65,)`` letters of amino acids, as ASCII codes, by codon number: AAA, AAC, AAG, AAT, ACA … TTT; ``*`` is a stop,
the last is unknown."""
START_CODON = 14  # Number of ATG
STOP_CODONS = (48, 50, 56)  # Numbers of TAA, TAG and TGA
UNKNOWN_CODON = 64  # Number of every codon with an ambiguous base
IS_STOP = np.isin(np.arange(UNKNOWN_CODON + 1), STOP_CODONS)
"""``(65,)`` whether a codon of this number is a stop."""


def codon_numbers(codons: Codes) -> NDArray[np.int64]:
    """Number codons from 0 (AAA) to 63 (TTT); 64 where a base is ambiguous.

    Args:
        codons: Nucleotide codes ``(..., 3)`` without track bits.

    >>> codon_numbers(np.array([[0, 3, 2], [0, 3, 4]], np.uint8)).tolist()  # ATG, ATN
    [14, 64]
    """
    numbers = codons.astype(np.int64) @ np.array([16, 4, 1])
    return np.where((codons >= N).any(-1), UNKNOWN_CODON, numbers)
