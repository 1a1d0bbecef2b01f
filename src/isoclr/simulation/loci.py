"""Where a gene lies: its introns, its place and strand on a chromosome, and its transcripts there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import A, C, Codes, G, N, T, reverse_complement
from isoclr.simulation import isoforms
from isoclr.simulation.ancestors import Kind, Template
from isoclr.simulation.families import Member
from isoclr.simulation.isoforms import Exons, Isoform
from isoclr.simulation.sizes import Size

_BACKGROUND = np.repeat(np.array([A, C, G, T], np.uint8), [76, 52, 52, 76])  # 41 % G+C


@dataclass(frozen=True)
class Locus:
    """A gene with its introns, from its first base to its last.

    Attributes:
        member: which gene it is.
        template: its exonic bases.
        bases: nucleotide codes ``(n,)`` of the unspliced gene, in its own orientation.
        strand: ``+`` or ``-``.
        isoforms: its transcripts; the first is the principal one.
        gap: distance (nt) to the gene before it.
    """

    member: Member
    template: Template
    bases: Codes
    strand: str
    isoforms: list[Isoform]
    gap: int

    def mature(self, isoform: Isoform) -> Codes:
        """Nucleotide codes ``(length,)`` of a spliced transcript."""
        return np.concatenate([self.bases[start:end] for start, end in isoform.exons.tolist()])

    def forward(self) -> Codes:
        """The bases as they stand on the chromosome's forward strand."""
        return self.bases if self.strand == "+" else reverse_complement(self.bases)


def background(rng: np.random.Generator, count: int) -> Codes:
    """Random bases ``(count,)`` of introns and of the space between genes."""
    return _BACKGROUND[np.frombuffer(rng.bytes(count), np.uint8)]


def locus(member: Member, template: Template, size: Size, rng: np.random.Generator) -> Locus:
    """Give a gene introns and isoforms, a strand and a distance to its neighbour."""
    blocks = _place(template, size, rng)
    bases = background(rng, int(blocks[-1, 1]))
    _splice_sites(bases, blocks)
    edges = np.searchsorted(template.block, np.arange(len(blocks) + 1)).tolist()
    for (start, end), first, last in zip(blocks.tolist(), edges[:-1], edges[1:], strict=True):
        bases[start:end] = template.bases[first:last]
    if rng.random() < 0.01:
        bases[int(blocks[-1, 1]) - int(rng.integers(1, 30))] = N  # an unknown base in the last exon
    wanted = isoforms.number(rng, size, member.species, template.cds is not None)
    return Locus(
        member=member,
        template=template,
        bases=bases,
        strand="+" if rng.random() < 0.5 else "-",
        isoforms=isoforms.isoforms(template, blocks, wanted, rng),
        gap=50 + int(rng.exponential(size.gap_nt)),
    )


def _place(template: Template, size: Size, rng: np.random.Generator) -> Exons:
    """Start and end ``(n, 2)`` of each block along the gene, with introns between."""
    lengths = np.bincount(template.block)
    introns = np.clip(size.intron_nt * rng.lognormal(0, 1.2, len(lengths)), 70, 200_000)
    introns = introns.astype(np.int64)
    always = np.array([kind is Kind.ALWAYS for kind in template.kinds], bool)
    always[1:] &= always[:-1]
    introns[always & (rng.random(len(lengths)) < 0.01)] = (
        0  # abutting exons, as some annotations have
    )
    distal = np.array([kind is Kind.DISTAL for kind in template.kinds], bool)
    before: NDArray[np.int64] = np.where(distal, 0, introns)
    before[0] = 0
    ends = np.cumsum(lengths + before)
    return np.stack([ends - lengths, ends], axis=1)


def _splice_sites(bases: Codes, blocks: Exons) -> None:
    """Introns start with GT and end with AG."""
    starts, ends = blocks[:-1, 1], blocks[1:, 0]
    real = ends - starts >= 4
    for site, shift in ((starts, 0), (ends, -2)):
        first, second = (G, T) if shift == 0 else (A, G)
        bases[site[real] + shift] = first
        bases[site[real] + shift + 1] = second
