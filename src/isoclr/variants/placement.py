"""Where a genomic variant lies in a transcript: an edit of its RNA, or the part of an intron it changes."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import Codes, nucleotides, reverse_complement
from isoclr.variants.edits import Edit, Rna

Ints = NDArray[np.int64]

EXON_END_BASES, EXON_START_BASES = 3, 1
"""Bases at the end and the start of an exon, next to an intron, that belong to the splice region."""
DONOR, DONOR_REGION, ACCEPTOR, ACCEPTOR_REGION = 2, 6, 2, 3
"""Intron bases, counted from the exon, of the splice donor and acceptor and of the regions around them."""


class Variant(NamedTuple):
    """A variant on the genome, with its alleles on the plus strand."""

    chrom: str
    position: int  # 0-based position of the first base of ref
    ref: str  # Reference bases; empty for an insertion before position
    alt: str  # New bases; empty for a deletion

    @property
    def end(self) -> int:
        """End (0-based, half-open) of the replaced bases."""
        return self.position + len(self.ref)

    def trimmed(self) -> "Variant":
        """Without bases that both alleles share at the end and at the start.

        >>> Variant("1", 10, "CAG", "CG").trimmed()
        Variant(chrom='1', position=11, ref='A', alt='')
        """
        position, ref, alt = self.position, self.ref.upper(), self.alt.upper()
        while ref and alt and ref[-1] == alt[-1]:
            ref, alt = ref[:-1], alt[:-1]
        while ref and alt and ref[0] == alt[0]:
            position, ref, alt = position + 1, ref[1:], alt[1:]
        return Variant(self.chrom, position, ref, alt)

    def within(self, start: int, end: int) -> "Variant":
        """What replaces the bases in ``[start, end)``; alleles of equal length are cut alike.

        >>> Variant("1", 10, "CAG", "TTT").within(12, 20)
        Variant(chrom='1', position=12, ref='G', alt='T')
        """
        part = slice(max(start - self.position, 0), min(end - self.position, len(self.ref)))
        alt = self.alt[part] if len(self.alt) == len(self.ref) else self.alt
        return Variant(self.chrom, self.position + part.start, self.ref[part], alt)


@dataclass(frozen=True)
class Transcript:
    """A transcript on the genome, with its mature RNA."""

    transcript_id: str
    gene_id: str
    gene_symbol: str
    chrom: str
    minus: bool  # Whether it lies on the minus strand
    exon_starts: Ints  # Lowest genomic position (0-based) of every exon, in the order of the transcript
    rna: Rna
    order: Ints = field(init=False, repr=False)  # Exon numbers in ascending genomic order

    def __post_init__(self) -> None:
        """Order the exons."""
        object.__setattr__(self, "order", np.argsort(self.exon_starts, kind="stable"))

    @property
    def exon_lengths(self) -> Ints:
        """Lengths (nt) of the exons."""
        assert self.rna.exon_lengths is not None
        return self.rna.exon_lengths

    @cached_property
    def span(self) -> tuple[int, int]:
        """First and end genomic position (0-based, half-open)."""
        return int(self.exon_starts.min()), int((self.exon_starts + self.exon_lengths).max())

    def to_rna(self, position: int) -> int | None:
        """Position in the RNA of a genomic position; None in introns and outside."""
        i = int(np.searchsorted(self.exon_starts[self.order], position, side="right")) - 1
        exon = int(self.order[i])
        offset, length = position - int(self.exon_starts[exon]), int(self.exon_lengths[exon])
        if i < 0 or offset >= length:
            return None
        before = int(self.rna.exon_ends[exon]) - length
        return before + (length - 1 - offset if self.minus else offset)

    def oriented(self, bases: str) -> Codes:
        """Plus-strand letters as nucleotide codes in the transcript's direction."""
        codes = nucleotides(bases)
        return reverse_complement(codes) if self.minus else codes


@dataclass(frozen=True)
class Placement:
    """A variant in one transcript."""

    edit: Edit | None  # Edit of the RNA; None if no exonic base changes, or if the exon's new end is not known
    terms: tuple[str, ...] = ()  # Sequence Ontology terms of splicing and introns
    flag: str = ""
    """Why the edit should not be scored unless asked: ``splice_region``, ``exon_edge``, ``intron``,
    ``transcript_end``; else empty."""


def place(transcript: Transcript, variant: Variant) -> Placement | None:
    """Place a trimmed variant in a transcript; None if it lies outside.

    An insertion at an exon's edge counts as exonic there. A deletion over an exon's edge removes the exonic bases; new
    bases of such a variant have no certain place, so that it has no edit. Of a variant over an end of the transcript,
    only what lies within counts.
    """
    first, end = transcript.span
    if variant.end <= first or variant.position >= end:
        return None
    if not variant.ref:
        return _place_insertion(transcript, variant)
    within = variant.within(first, end)
    found = _place_replacement(transcript, within)
    if within == variant or found.flag == "exon_edge":
        return found
    terms = found.terms
    if found.edit is not None and _loses_exon(transcript, found.edit.start, found.edit.end):
        terms = ("exon_loss_variant", *terms)
    return Placement(found.edit, terms, found.flag or "transcript_end")


def _place_insertion(transcript: Transcript, variant: Variant) -> Placement:
    left, right = (transcript.to_rna(p) for p in (variant.position - 1, variant.position))
    if left is None and right is None:
        terms = _intron_terms(transcript, variant.position - 1, variant.position + 1)
        return Placement(None, terms, "intron")
    alt = transcript.oriented(variant.alt)
    if left is not None and right is not None and abs(left - right) == 1:
        boundary = max(left, right)
        return _exonic(transcript, Edit(boundary, boundary, alt))
    if left is not None:
        boundary = left if transcript.minus else left + 1
    else:
        assert right is not None
        boundary = right + 1 if transcript.minus else right
    joins_next = (left is None) != transcript.minus
    edit = Edit(boundary, boundary, alt, joins_next)
    return Placement(edit, ("splice_region_variant",), "exon_edge")


def _place_replacement(transcript: Transcript, variant: Variant) -> Placement:
    covered = _covered(transcript, variant.position, variant.end)
    if covered is None:
        return Placement(None, _intron_terms(transcript, variant.position, variant.end), "intron")
    start, stop = covered
    alt = transcript.oriented(variant.alt)
    if stop - start == len(variant.ref) and _same_exon(transcript, start, stop):
        return _exonic(transcript, Edit(start, stop, alt))
    terms = _intron_terms(transcript, variant.position, variant.end)
    if _loses_exon(transcript, start, stop):
        terms = ("exon_loss_variant", *terms)
    edit = Edit(start, stop, alt) if not len(alt) else None
    return Placement(edit, terms or ("splice_region_variant",), "exon_edge")


def _covered(transcript: Transcript, position: int, end: int) -> tuple[int, int] | None:
    """The stretch of the RNA that genomic positions cover; None if they cover no exon."""
    starts, lengths = transcript.exon_starts, transcript.exon_lengths
    low, high = np.maximum(starts, position), np.minimum(starts + lengths, end)
    hit = np.flatnonzero(low < high)
    if not len(hit):
        return None
    before = transcript.rna.exon_ends[hit] - lengths[hit]
    offset = low[hit] - starts[hit]
    if transcript.minus:
        offset = starts[hit] + lengths[hit] - high[hit]
    return int((before + offset).min()), int((before + offset + high[hit] - low[hit]).max())


def _same_exon(transcript: Transcript, start: int, stop: int) -> bool:
    ends = transcript.rna.exon_ends
    return bool(np.searchsorted(ends, start, side="right") == np.searchsorted(ends, stop - 1, side="right"))


def _loses_exon(transcript: Transcript, start: int, stop: int) -> bool:
    ends = transcript.rna.exon_ends
    return bool(((ends - transcript.exon_lengths >= start) & (ends <= stop)).any())


def _exonic(transcript: Transcript, edit: Edit) -> Placement:
    """An edit within an exon, marked when it touches the bases next to an intron."""
    ends = transcript.rna.exon_ends
    last, first = edit.end if edit.start < edit.end else edit.end + 1, edit.start
    inner_ends = ends[:-1]  # the last exon ends the RNA
    near_end = ((first < inner_ends) & (last > inner_ends - EXON_END_BASES)).any()
    near_start = ((first < inner_ends + EXON_START_BASES) & (last > inner_ends)).any()
    if near_end or near_start:
        return Placement(edit, ("splice_region_variant",), "splice_region")
    return Placement(edit)


def _intron_terms(transcript: Transcript, position: int, end: int) -> tuple[str, ...]:
    """Terms for the introns that genomic positions ``[position, end)`` touch."""
    order = transcript.order
    starts = transcript.exon_starts[order]
    ends = starts + transcript.exon_lengths[order]
    terms: dict[str, None] = {}
    for left, right in zip(ends[:-1].tolist(), starts[1:].tolist(), strict=True):
        if position >= right or end <= left:
            continue
        # distance of the nearest changed base from either exon, 1 for the first base of the intron
        from_left = max(position, left) - left + 1
        from_right = right - min(end, right) + 1
        donor, acceptor = (from_right, from_left) if transcript.minus else (from_left, from_right)
        if donor <= DONOR:
            terms["splice_donor_variant"] = None
        if acceptor <= ACCEPTOR:
            terms["splice_acceptor_variant"] = None
        if DONOR < donor <= DONOR_REGION or ACCEPTOR < acceptor <= ACCEPTOR_REGION:
            terms["splice_region_variant"] = None
        terms["intron_variant"] = None
    return tuple(terms)
