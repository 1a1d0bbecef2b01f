"""Alternative splicing: the transcripts of one gene.

Isoforms differ by their first exon, by the cassette exons they skip and by where their 3' UTR ends. Some are
fragments, as in real annotations: their 5' end is unknown and may lie within a codon (``cds_start_NF``), or
their 3' end is (``cds_end_NF``); some keep an intron and code for nothing.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import A, C, Codes, G, N, T, reverse_complement
from isoclr.simulation.families import Member
from isoclr.simulation.genes import Kind, Size, Template

Exons = NDArray[np.int64]  # (n, 2): start and end of each exon, 0-based half-open, along the gene
MOST = 60  # isoforms of one gene
_SHORTEST = 150  # nt of a fragment


@dataclass(frozen=True)
class Isoform:
    """A transcript of a gene.

    Attributes:
        exons: ``(n, 2)`` start and end of each exon along the gene (0-based, half-open, 5' to 3').
        cds: the coding sequence in the transcript, stop codon included; with an unknown 5' end, from the
            transcript's first base; with an unknown 3' end, to its last. None: codes for nothing.
        phase: bases before the first whole codon.
        has_start: the start codon is there.
        has_stop: the stop codon is there.
        biotype: in GENCODE's words.
    """

    exons: Exons
    cds: tuple[int, int] | None
    phase: int
    has_start: bool
    has_stop: bool
    biotype: str

    @property
    def length(self) -> int:
        """Nucleotides of the mature RNA."""
        return int((self.exons[:, 1] - self.exons[:, 0]).sum())

    @property
    def codons(self) -> tuple[int, int]:
        """First base of the first whole codon and end of the coding sequence; (−1, −1) when there is none."""
        return (self.cds[0] + self.phase, self.cds[1]) if self.cds else (-1, -1)


def number(rng: np.random.Generator, size: Size, species: int, coding: bool) -> int:
    """How many isoforms a gene has: one for many genes, dozens for a few; fewer in later species."""
    location, spread = size.more_isoforms
    several = (1 - size.single_isoform) * 0.8**species
    if not coding:
        several, location = several * 0.75, location - 0.6
    if rng.random() >= several:
        return 1
    return min(MOST, 2 + int(rng.lognormal(location, spread)))


def isoforms(gene: Template, blocks: Exons, wanted: int, rng: np.random.Generator) -> list[Isoform]:
    """The isoforms of a gene; the first is the principal one, with every cassette and the long 3' UTR.

    Args:
        gene: the gene.
        blocks: ``(n, 2)`` where each block of the gene lies along it.
        wanted: how many; fewer when the gene has no more choices.
        rng: the source of chance of this gene alone.
    """
    lengths = np.bincount(gene.block)
    firsts = [b for b, kind in enumerate(gene.kinds) if kind is Kind.FIRST]
    rest = [b for b, kind in enumerate(gene.kinds) if kind is not Kind.FIRST]
    principal = (*firsts[:1], *rest)
    made: dict[bytes, Isoform] = {}
    seen: set[tuple[int, ...]] = set()
    for number in range(wanted):
        choice = _choice(gene, firsts, rest, rng) if number else principal
        isoform = _whole(gene, blocks, lengths, choice)
        if number:
            isoform = _vary(_shift_ends(isoform, rng) if choice in seen else isoform, rng)
        seen.add(choice)
        made.setdefault(isoform.exons.tobytes(), isoform)
    return list(made.values())


def _choice(
    gene: Template, firsts: list[int], rest: list[int], rng: np.random.Generator
) -> tuple[int, ...]:
    """A random choice of blocks: one of the first exons, some of the optional ones, all the others."""
    skipped = rng.random(len(rest)) < 0.4
    start = [firsts[rng.integers(len(firsts))]] if firsts else []
    optional = (Kind.CASSETTE, Kind.DISTAL)
    kept = (
        b for b, skip in zip(rest, skipped, strict=True) if not (skip and gene.kinds[b] in optional)
    )
    return (*start, *kept)


def _whole(
    gene: Template, blocks: Exons, lengths: NDArray[np.int64], choice: tuple[int, ...]
) -> Isoform:
    """The isoform made of a choice of blocks."""
    exons = blocks[list(choice)]
    if gene.kinds[choice[-1]] is Kind.DISTAL:
        exons = np.concatenate([exons[:-2], [[exons[-2, 0], exons[-1, 1]]]])
    if gene.cds is None:
        return Isoform(exons, None, 0, False, False, "lncRNA")
    template_start = np.cumsum(lengths) - lengths
    ahead = dict(zip(choice, np.cumsum(lengths[list(choice)]) - lengths[list(choice)], strict=True))

    def position(base: int) -> int:
        block = int(gene.block[base])
        return int(ahead[block] + base - template_start[block])

    cds = (position(gene.cds[0]), position(gene.cds[1] - 1) + 1)
    return Isoform(exons, cds, 0, True, True, "protein_coding")


def _shift_ends(isoform: Isoform, rng: np.random.Generator) -> Isoform:
    """The isoform transcribed from a later start and cleaved at an earlier poly(A) site, within its UTRs."""
    first, last = isoform.exons[[0, -1], 1] - isoform.exons[[0, -1], 0]
    coding = isoform.cds or (isoform.length, 0)
    left = int(rng.integers(0, max(1, min(first, coding[0]) - 15)))
    right = int(rng.integers(0, max(1, min(last, isoform.length - coding[1]) // 2 - 30)))
    if isoform.length - left - right < _SHORTEST:
        return isoform
    exons = _trim(isoform.exons, left, isoform.length - right)
    cds = (isoform.cds[0] - left, isoform.cds[1] - left) if isoform.cds else None
    return replace(isoform, exons=exons, cds=cds)


def _vary(isoform: Isoform, rng: np.random.Generator) -> Isoform:
    """Most isoforms as they are; some as a fragment or with an intron kept."""
    fate = rng.random()
    if fate < 0.06:
        return _keep_intron(isoform, rng)
    if isoform.cds is None or fate > 0.14:
        return isoform
    start, end = isoform.cds
    low, high = start + 4, end - _SHORTEST
    if high <= low:
        return isoform
    cut = int(rng.integers(low, high))
    if fate < 0.11:
        return replace(
            isoform,
            exons=_trim(isoform.exons, cut, isoform.length),
            cds=(0, end - cut),
            phase=(start - cut) % 3,
            has_start=False,
        )
    stop = cut + _SHORTEST - 4
    return replace(isoform, exons=_trim(isoform.exons, 0, stop), cds=(start, stop), has_stop=False)


def _keep_intron(isoform: Isoform, rng: np.random.Generator) -> Isoform:
    """The isoform with one short intron kept; it codes for nothing."""
    exons = isoform.exons
    introns = exons[1:, 0] - exons[:-1, 1]
    short = np.flatnonzero((introns > 0) & (introns < 1500))
    if not len(short):
        return isoform
    at = short[rng.integers(len(short))]
    merged = np.concatenate([exons[:at], [[exons[at, 0], exons[at + 1, 1]]], exons[at + 2 :]])
    biotype = "lncRNA" if isoform.cds is None else "retained_intron"
    return Isoform(merged, None, 0, False, False, biotype)


def _trim(exons: Exons, start: int, stop: int) -> Exons:
    """The exons of the bases from ``start`` to ``stop`` of a transcript."""
    ends = np.cumsum(exons[:, 1] - exons[:, 0])
    begins = np.concatenate([[0], ends[:-1]])
    inside = (ends > start) & (begins < stop)
    left = exons[inside, 0] + np.maximum(start - begins[inside], 0)
    right = exons[inside, 1] - np.maximum(ends[inside] - stop, 0)
    return np.stack([left, right], axis=1)


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
    wanted = number(rng, size, member.species, template.cds is not None)
    return Locus(
        member=member,
        template=template,
        bases=bases,
        strand="+" if rng.random() < 0.5 else "-",
        isoforms=isoforms(template, blocks, wanted, rng),
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
