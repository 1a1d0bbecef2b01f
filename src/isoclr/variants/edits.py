"""Edits of mature RNAs: replace bases, move exon ends, and find the coding sequence again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import AMINO_ACIDS, IS_STOP, START_CODON, Codes, codon_numbers, encode

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rna:
    """A mature RNA with its exons and coding sequence."""

    bases: Codes  # Nucleotide codes (L,), 5' to 3'
    exon_lengths: Ints | None  # Lengths (nt) of the exons, 5' to 3'; None if unknown
    cds: tuple[int, int] | None
    """First base of the first whole codon and end (0-based, half-open) of the coding sequence, stop codon included."""

    def __len__(self) -> int:
        return len(self.bases)

    @cached_property
    def codes(self) -> Codes:
        """Six-track codes ``(L,)``, as the encoder reads them."""
        return encode(self.bases, self.exon_lengths, self.cds)

    @cached_property
    def protein(self) -> str:
        """Amino acids of the coding sequence in one-letter code; ``*`` is a stop, empty without a coding sequence."""
        return translate(self.bases[slice(*self.cds)]) if self.cds else ""

    @cached_property
    def has_start_codon(self) -> bool:
        """Whether the coding sequence begins with AUG."""
        return self.cds is not None and is_start(self.bases, self.cds[0])

    @cached_property
    def begins_within_codon(self) -> bool:
        """Whether the RNA begins within a codon (``cds_start_NF``): one or two bases, and then no AUG."""
        return self.cds is not None and self.cds[0] in (1, 2) and not self.has_start_codon

    @cached_property
    def exon_ends(self) -> Ints:
        """End (half-open) of every exon; the RNA's end if exons are unknown."""
        if self.exon_lengths is None:
            return np.array([len(self.bases)])
        return np.cumsum(self.exon_lengths)


@dataclass(frozen=True)
class Edit:
    """Replacement of ``bases[start:end]`` of an RNA; an insertion has ``start == end``."""

    start: int
    end: int
    alt: Codes  # Nucleotide codes of the new bases, in the direction of the transcript
    joins_next: bool = False  # Whether bases inserted between two exons belong to the second one

    @property
    def change(self) -> int:
        """Change of length (nt)."""
        return len(self.alt) - (self.end - self.start)

    def touches(self, start: int, end: int) -> bool:
        """Whether it changes or splits ``[start, end)``; bases inserted at an edge are outside."""
        return self.start < end and self.end > start

    @property
    def is_snv(self) -> bool:
        """Whether one base is replaced by another."""
        return self.end - self.start == len(self.alt) == 1


def apply(rna: Rna, edits: Sequence[Edit]) -> Rna:
    """The RNA after edits of one haplotype.

    Exon ends move with the bases; an exon without bases disappears. The coding sequence keeps its start codon and ends
    at the first in-frame stop codon. If the start codon is lost, it begins at the next in-frame AUG, or is gone. Stop
    codons that the unedited coding sequence reads through (selenocysteine) are read through as long as they and the
    frame are untouched.

    Raises:
        ValueError: Edits overlap or lie outside the RNA.
    """
    edits = sorted(edits, key=lambda edit: (edit.start, edit.end))
    pieces, position = [], 0
    for edit in edits:
        if not position <= edit.start <= edit.end <= len(rna):
            raise ValueError(f"{edit} overlaps another edit or lies outside {len(rna)} nt")
        pieces += [rna.bases[position : edit.start], edit.alt]
        position = edit.end
    bases = np.concatenate([*pieces, rna.bases[position:]])
    return Rna(bases, _exon_lengths(rna, edits), _find_cds(rna, edits, bases))


def shift_of(edits: Sequence[Edit], position: int) -> int:
    """How far a boundary between bases moves; new bases at the boundary itself come before it.

    A boundary within replaced bases moves to the end of the new bases.
    """
    shift = 0
    for edit in edits:
        if edit.end <= position:
            shift += edit.change
        elif edit.start < position:
            return shift + edit.start + len(edit.alt) - position
    return shift


def _exon_lengths(rna: Rna, edits: Sequence[Edit]) -> Ints | None:
    if rna.exon_lengths is None or all(edit.is_snv for edit in edits):
        return rna.exon_lengths
    ends = [
        end + shift_of([e for e in edits if not (e.joins_next and e.start == e.end == end)], end)
        for end in rna.exon_ends.tolist()
    ]
    lengths = np.diff([0, *ends])
    return lengths[lengths > 0]


def _find_cds(rna: Rna, edits: Sequence[Edit], bases: Codes) -> tuple[int, int] | None:
    """The coding sequence of edited bases."""
    if rna.cds is None:
        return None
    start = _new_start(rna, edits, bases)
    if start is None:
        return None
    readthrough = _readthrough_stops(rna, edits)
    codons = whole_codons(bases[start:])
    for i in np.flatnonzero(IS_STOP[codons]).tolist():
        if start + 3 * i not in readthrough:
            return start, start + 3 * (i + 1)
    end = start + 3 * len(codons)
    return (start, end) if end > start else None


def _new_start(rna: Rna, edits: Sequence[Edit], bases: Codes) -> int | None:
    """First base of the coding sequence after edits; None if no in-frame start codon is left."""
    assert rna.cds is not None
    start = rna.cds[0]
    touching = [edit for edit in edits if edit.touches(start, start + 3)]
    kept = start_before(rna, edits)
    if not touching or (touching[0].start >= start and (not rna.has_start_codon or is_start(bases, kept))):
        return kept
    # the frame is that of the first base behind the edits that touch the start codon
    behind = max(edit.end for edit in touching)
    moved = behind + shift_of(edits, behind)
    new = moved - (behind - start)
    first = new % 3 if new < 0 else new
    if not rna.has_start_codon:
        return first
    codons = range(first, len(bases) - 2, 3)
    return next((candidate for candidate in codons if is_start(bases, candidate)), None)


def start_before(rna: Rna, edits: Sequence[Edit]) -> int:
    """Where the coding sequence begins if its start codon is still behind the same bases."""
    assert rna.cds is not None
    start = rna.cds[0]
    return start + shift_of([edit for edit in edits if edit.end <= start], start)


def _readthrough_stops(rna: Rna, edits: Sequence[Edit]) -> set[int]:
    """New positions of stop codons inside the unedited coding sequence that edits leave whole and in frame."""
    assert rna.cds is not None
    start, end = rna.cds
    inner = np.flatnonzero(IS_STOP[whole_codons(rna.bases[start:end])[:-1]])
    return {
        position + shift_of(edits, position)
        for position in (start + 3 * inner).tolist()
        if not any(edit.touches(position, position + 3) for edit in edits)
    }


def common_prefix(before: str, after: str) -> int:
    """Number of amino acids that two proteins share at their start.

    >>> common_prefix("MAK*", "MAR*")
    2
    """
    n = min(len(before), len(after))
    first, second = (np.frombuffer(one[:n].encode(), np.uint8) for one in (before, after))
    differing = np.flatnonzero(first != second)
    return int(differing[0]) if len(differing) else n


def common_suffix(before: str, after: str) -> int:
    """Number of amino acids that two proteins share at their end.

    >>> common_suffix("MAK*", "MRRK*")
    2
    """
    return common_prefix(before[::-1], after[::-1])


def is_start(bases: Codes, position: int) -> bool:
    """Whether AUG begins at a position."""
    codon = bases[position : position + 3]
    return len(codon) == 3 and int(codon_numbers(codon)) == START_CODON


def translate(bases: Codes) -> str:
    """Amino acids of whole codons, in one-letter code.

    >>> from isoclr.genomics.encoding import nucleotides
    >>> translate(nucleotides("AUGGCNUAA"))
    'MX*'
    """
    return AMINO_ACIDS[whole_codons(bases)].tobytes().decode()


def whole_codons(bases: Codes) -> Ints:
    """Numbers of the codons from the first base on."""
    return codon_numbers(bases[: len(bases) - len(bases) % 3].reshape(-1, 3))
