"""Where two isoforms differ, and one with a stretch of the other put back."""

from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from isoclr.genomics.codons import STOP_CODONS, codon_numbers
from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes, coding_region, longest_orf

COMPARED = 6
"""Isoforms of a gene that are compared in pairs, from the representative one."""


@dataclass(frozen=True)
class Difference:
    """A stretch of isoform A that differs from isoform B."""

    a: tuple[int, int]
    """0-based half-open positions in A; empty if B has more there."""
    b: tuple[int, int]
    """Positions in B."""


def differences(a: Codes, b: Codes) -> list[Difference]:
    """Stretches in which two isoforms differ, from 5' to 3'.

    Exons of equal sequence are matched in order. What is left between them loses the bases that both sides begin or end
    with, so that an exon with another splice site differs by the bases between the two sites.
    """
    marks = np.uint8(NUCLEOTIDE_BITS | EXON_END)
    a, b = a & marks, b & marks
    exons_a, exons_b = _exons(a), _exons(b)
    ends_a, ends_b = (np.cumsum([0, *map(len, exons)]).tolist() for exons in (exons_a, exons_b))
    found = []
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, exons_a, exons_b, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        (p, q), (s, t) = (ends_a[a0], ends_a[a1]), (ends_b[b0], ends_b[b1])
        shared = min(q - p, t - s)
        same = a[p : p + shared] == b[s : s + shared]
        head = shared if same.all() else int(same.argmin())
        p, s, shared = p + head, s + head, shared - head
        same = (a[q - shared : q] == b[t - shared : t])[::-1]
        tail = shared if same.all() else int(same.argmin())
        found.append(Difference((p, q - tail), (s, t - tail)))
    return found


def _exons(codes: Codes) -> list[bytes]:
    ends = (np.flatnonzero(codes & EXON_END) + 1).tolist()
    if not ends or ends[-1] != len(codes):
        ends.append(len(codes))
    return [codes[i:j].tobytes() for i, j in zip([0, *ends[:-1]], ends, strict=True)]


def put_back(a: Codes, b: Codes, difference: Difference) -> Codes:
    """Isoform A with one stretch as it is in B, and its coding sequence read anew.

    Translation begins at A's start codon, or at B's if the stretch replaces it, and ends at the first stop codon in
    frame. If neither start is left, the longest open reading frame is taken.
    """
    (a0, a1), (b0, b1) = difference.a, difference.b
    codes = np.concatenate([a[:a0], b[b0:b1], a[a1:]]) & ~np.uint8(CODON_START)
    start, end = coding_region(a)
    first: int | None = None
    if end:
        if start + 3 <= a0:
            first = start
        elif start >= a1:
            first = start - a1 + a0 + b1 - b0
        else:
            other, other_end = coding_region(b)
            if other_end and b0 <= other and other + 3 <= b1:
                first = other - b0 + a0
        region = longest_orf(codes) if first is None else (first, _stop(codes, first))
        if region is not None:
            codes[region[0] : region[1] - 2 : 3] |= CODON_START
    return codes


def _stop(codes: Codes, start: int) -> int:
    """End of the reading frame from a start codon, with its stop codon if it has one."""
    whole = (len(codes) - start) // 3 * 3
    bases = codes[start : start + whole] & np.uint8(NUCLEOTIDE_BITS)
    codons = codon_numbers(bases.reshape(-1, 3))
    stops = np.flatnonzero(np.isin(codons, STOP_CODONS))
    return start + 3 * (int(stops[0]) + 1) if len(stops) else start + whole
