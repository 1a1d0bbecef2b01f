"""Loci and their isoforms.

Isoforms differ in their first exon, skipped cassette exons and the end of their 3' UTR. Some are fragments, as in real
annotations: their 5' end is unknown and may lie within a codon (``cds_start_NF``), or their 3' end is
(``cds_end_NF``). Some retain an intron and are non-coding.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import A, C, Codes, G, N, T
from isoclr.simulation.families import Gene
from isoclr.simulation.genes import Ints, Kind, Size, Template

Exons = NDArray[np.int64]  # Start and end (n, 2) of exons along the gene, 0-based half-open
MAX_ISOFORMS = 60
_MIN_LENGTH = 150  # nt of a fragment
_BACKGROUND = np.repeat(np.array([A, C, G, T], np.uint8), [76, 52, 52, 76])  # 41 % G+C


@dataclass(frozen=True)
class Isoform:
    """A transcript of a gene."""

    exons: Exons  # Exons from 5' to 3'
    cds: tuple[int, int] | None
    """Coding sequence in the transcript, stop codon included; from the first base if the 5' end is unknown, to the last
    if the 3' end is. None if non-coding."""
    phase: int  # Bases before the first whole codon
    has_start: bool  # Whether the start codon is present
    has_stop: bool  # Whether the stop codon is present
    biotype: str  # Biotype in GENCODE's terms

    @property
    def length(self) -> int:
        """Length (nt) of the mature RNA."""
        return int((self.exons[:, 1] - self.exons[:, 0]).sum())

    @property
    def codons(self) -> tuple[int, int]:
        """Start of the first whole codon and end of the coding sequence; (−1, −1) if non-coding."""
        return (self.cds[0] + self.phase, self.cds[1]) if self.cds else (-1, -1)


@dataclass(frozen=True)
class Locus:
    """A gene with introns and isoforms."""

    gene: Gene
    bases: Codes  # Nucleotide codes (n,) of the unspliced gene, in its own orientation
    strand: str  # + or -
    isoforms: list[Isoform]  # Transcripts; the first is the principal one
    gap: int  # Distance (nt) to the preceding gene

    def mature(self, isoform: Isoform) -> Codes:
        """Nucleotide codes ``(length,)`` of a spliced transcript."""
        return np.concatenate([self.bases[start:end] for start, end in isoform.exons.tolist()])


def make_locus(gene: Gene, template: Template, size: Size, rng: np.random.Generator) -> Locus:
    """Add introns, isoforms, a strand and a distance to the preceding gene."""
    blocks = _place_blocks(template, size, rng)
    bases = background(rng, int(blocks[-1, 1]))
    _write_splice_sites(bases, blocks)
    bases[_places(template, blocks, np.arange(len(template.bases)))] = template.bases
    if rng.random() < 0.01:
        bases[int(blocks[-1, 1]) - int(rng.integers(1, 30))] = N  # in the last exon
    count = isoform_count(rng, size, gene.species, template.cds is not None)
    return Locus(
        gene=gene,
        bases=bases,
        strand="+" if rng.random() < 0.5 else "-",
        isoforms=make_isoforms(template, blocks, count, rng),
        gap=50 + int(rng.exponential(size.gap_nt)),
    )


def background(rng: np.random.Generator, count: int) -> Codes:
    """Random bases ``(count,)`` of introns and intergenic regions."""
    return _BACKGROUND[np.frombuffer(rng.bytes(count), np.uint8)]


def _place_blocks(template: Template, size: Size, rng: np.random.Generator) -> Exons:
    """Start and end ``(n, 2)`` of each block along the gene, with introns in between."""
    lengths = np.bincount(template.block)
    introns = np.clip(size.intron_nt * rng.lognormal(0, 1.2, len(lengths)), 70, 200_000)
    introns = introns.astype(np.int64)
    always = np.array([kind is Kind.ALWAYS for kind in template.kinds], bool)
    always[1:] &= always[:-1]
    introns[always & (rng.random(len(lengths)) < 0.01)] = 0  # abutting exons
    introns[[kind is Kind.DISTAL for kind in template.kinds]] = 0
    introns[0] = 0
    ends = np.cumsum(lengths + introns)
    return np.stack([ends - lengths, ends], axis=1)


def _places(template: Template, blocks: Exons, bases: Ints) -> Ints:
    """Positions along the gene of bases of the template."""
    block = template.block[bases]
    first = np.searchsorted(template.block, np.arange(len(blocks)))
    places: Ints = bases + (blocks[:, 0] - first)[block]
    return places


def _write_splice_sites(bases: Codes, blocks: Exons) -> None:
    """Introns begin with GT and end with AG."""
    starts, ends = blocks[:-1, 1], blocks[1:, 0]
    is_intron = ends - starts >= 4
    for sites, pair in ((starts, (G, T)), (ends - 2, (A, G))):
        bases[sites[is_intron]], bases[sites[is_intron] + 1] = pair


def isoform_count(rng: np.random.Generator, size: Size, species: int, coding: bool) -> int:
    """Number of isoforms of a gene: often one, sometimes dozens, fewer in later species."""
    location, spread = size.more_isoforms
    several = (1 - size.single_isoform) * 0.8**species
    if not coding:
        several, location = several * 0.75, location - 0.6
    if rng.random() >= several:
        return 1
    return min(MAX_ISOFORMS, 2 + int(rng.lognormal(location, spread)))


def make_isoforms(gene: Template, blocks: Exons, count: int, rng: np.random.Generator) -> list[Isoform]:
    """The isoforms of a gene; the first is the principal one, with all cassettes and the long 3' UTR.

    Args:
        blocks: Start and end ``(n, 2)`` of each block along the gene.
        count: Number of isoforms; fewer are made if the gene has no more choices.
    """
    firsts = [b for b, kind in enumerate(gene.kinds) if kind is Kind.FIRST]
    others = [b for b, kind in enumerate(gene.kinds) if kind is not Kind.FIRST]
    isoforms: dict[bytes, Isoform] = {}
    choices: set[tuple[int, ...]] = set()
    for number in range(count):
        choice = _choose_blocks(gene, firsts, others, rng) if number else (*firsts[:1], *others)
        isoform = join_blocks(gene, blocks, choice)
        if number:
            isoform = vary(shift_ends(isoform, rng) if choice in choices else isoform, rng)
        choices.add(choice)
        isoforms.setdefault(isoform.exons.tobytes(), isoform)
    return list(isoforms.values())


def _choose_blocks(gene: Template, firsts: list[int], others: list[int], rng: np.random.Generator) -> tuple[int, ...]:
    """A random choice: one of the first exons, some of the optional ones, and all others."""
    skipped = rng.random(len(others)) < 0.4
    first = [firsts[rng.integers(len(firsts))]] if firsts else []
    kept = [b for b, skip in zip(others, skipped, strict=True) if not skip or gene.kinds[b] is Kind.ALWAYS]
    return (*first, *kept)


def join_blocks(gene: Template, blocks: Exons, choice: tuple[int, ...]) -> Isoform:
    """The isoform of a choice of blocks."""
    exons = blocks[list(choice)]
    if gene.kinds[choice[-1]] is Kind.DISTAL:
        exons = np.concatenate([exons[:-2], [[exons[-2, 0], exons[-1, 1]]]])
    if gene.cds is None:
        return Isoform(exons, None, 0, False, False, "lncRNA")
    first, last = _places(gene, blocks, np.array([gene.cds[0], gene.cds[1] - 1]))
    start, end = (int(np.clip(at - exons[:, 0], 0, exons[:, 1] - exons[:, 0]).sum()) for at in (first, last + 1))
    return Isoform(exons, (start, end), 0, True, True, "protein_coding")


def shift_ends(isoform: Isoform, rng: np.random.Generator) -> Isoform:
    """The isoform with a later transcription start and an earlier poly(A) site, within its UTRs."""
    first, last = isoform.exons[[0, -1], 1] - isoform.exons[[0, -1], 0]
    start, end = isoform.cds or (isoform.length, 0)
    left = int(rng.integers(0, max(1, min(first, start) - 15)))
    right = int(rng.integers(0, max(1, min(last, isoform.length - end) // 2 - 30)))
    if isoform.length - left - right < _MIN_LENGTH:
        return isoform
    exons = trim(isoform.exons, left, isoform.length - right)
    return replace(isoform, exons=exons, cds=(start - left, end - left) if isoform.cds else None)


def vary(isoform: Isoform, rng: np.random.Generator) -> Isoform:
    """The isoform itself, mostly; sometimes a fragment, or with a retained intron."""
    fate = rng.random()
    if fate < 0.06:
        return _retain_intron(isoform, rng)
    if isoform.cds is None or fate > 0.14:
        return isoform
    start, end = isoform.cds
    low, high = start + 4, end - _MIN_LENGTH
    if high <= low:
        return isoform
    cut = int(rng.integers(low, high))
    if fate < 0.11:
        exons = trim(isoform.exons, cut, isoform.length)
        phase = (start - cut) % 3
        return replace(isoform, exons=exons, cds=(0, end - cut), phase=phase, has_start=False)
    stop = cut + _MIN_LENGTH - 4
    return replace(isoform, exons=trim(isoform.exons, 0, stop), cds=(start, stop), has_stop=False)


def _retain_intron(isoform: Isoform, rng: np.random.Generator) -> Isoform:
    """The isoform with a short intron retained, which is non-coding."""
    exons = isoform.exons
    introns = exons[1:, 0] - exons[:-1, 1]
    short = np.flatnonzero((introns > 0) & (introns < 1500))
    if not len(short):
        return isoform
    at = short[rng.integers(len(short))]
    merged = np.concatenate([exons[:at], [[exons[at, 0], exons[at + 1, 1]]], exons[at + 2 :]])
    biotype = "lncRNA" if isoform.cds is None else "retained_intron"
    return Isoform(merged, None, 0, False, False, biotype)


def trim(exons: Exons, start: int, stop: int) -> Exons:
    """The exons of the bases ``[start, stop)`` of a transcript."""
    ends = np.cumsum(exons[:, 1] - exons[:, 0])
    starts = np.concatenate([[0], ends[:-1]])
    inside = (ends > start) & (starts < stop)
    left = exons[inside, 0] + np.maximum(start - starts[inside], 0)
    right = exons[inside, 1] - np.maximum(ends[inside] - stop, 0)
    return np.stack([left, right], axis=1)
